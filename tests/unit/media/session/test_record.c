/* test_record.c - mirrors media/session/record.c: what survives of a session, also from and for another build. */
#include "common/base/record.h"

#include "tests/unit/media/session/kit.h"

TestSuite(record, .init = setup, .fini = teardown);

static struct session *loaded;

static int load(const void *p, size_t n)
{
	free(loaded);
	loaded = calloc(1, sizeof *loaded);
	return session_record_read(loaded, (struct str){p, n});
}

static int reload(void)
{
	static uint8_t record[SESSION_RECORD_MAX];

	return load(record, session_record_write(s, record));
}

Test(record, damaged_records_are_refused)
{
	struct session *good = calloc(1, sizeof *good);

	*good = *s;
#define REFUSED(change)                                                                          \
	*s = *good;                                                                              \
	change;                                                                                  \
	cr_expect_eq(reload(), ERR_CORRUPT, #change)
	REFUSED(s->facts.codec = CODECS);
	REFUSED(s->facts.ptime_ms = 0);
	REFUSED(s->facts.ptime_ms = 70);
	REFUSED(s->facts.ptime_ms = 15);
	REFUSED(s->facts.payload_type = 128);
	REFUSED(s->facts.dtmf_payload_type = 128);
	REFUSED(memset(&s->facts.sends, 2, 1));
	REFUSED(memset(&s->facts.receives, 255, 1));
	REFUSED(memset(&s->facts.rtcp_mux, 2, 1));
	REFUSED(memset(&s->in.latch.is_locked, 2, 1));
	REFUSED(memset(&s->in.latch.learns, 2, 1));
	REFUSED(memset(&s->dtmf.active, 2, 1));
	REFUSED(memset(&s->dtmf.known, 2, 1));
	REFUSED(s->r.ear = SESSION_EARS);
	REFUSED(s->press.down = 2);
	REFUSED(s->press.event = 16);
	REFUSED(s->press.duration_ms = SESSION_PRESS_MAX_MS + 1);
	REFUSED(s->seat.speaks = 2);
	REFUSED(s->seat.listens = 255);
	REFUSED(s->keys.waiting = SESSION_KEYS_MAX + 1);
	REFUSED((s->keys.waiting = 1, s->keys.v[0].digit = 'x'));
	REFUSED(s->mouth.paused = 2);
	REFUSED(s->mouth.high_ms = SESSION_LEVEL_MAX_MS + 1);
	REFUSED((s->mark_count = 1, memset(s->marks[0].name, 'x', SESSION_MARK_BYTES)));
	*s = *good;
	cr_expect_eq(reload(), 0);
	free(good);
}

/* ---- records of other builds ---- */

#define PARTS 6u
#define LONG 512u

/* The fixture, part by part. */
static struct str part[PARTS];

/* What has grown since. */
static size_t size_now(unsigned i)
{
	return i == 0 ? sizeof(struct session_record) : i == 1 ? sizeof(struct session_facts) : part[i].n;
}

static void take_apart(void)
{
	static char octets[SESSION_RECORD_MAX];
	FILE *f = fopen(TEST_DATA "/records/session.bin", "rb");
	struct str in = {octets, 0};

	cr_assert(f != NULL);
	in.n = fread(octets, 1, sizeof octets, f);
	fclose(f);
	for (unsigned i = 0; i < PARTS; i++)
		cr_assert_eq(record_take_str(&in, LONG, &part[i]), 0);
	cr_assert_eq(in.n, 0u);
}

/* Parts that this build has behind those of the fixture. */
static unsigned later_parts(void)
{
	static uint8_t record[SESSION_RECORD_MAX];
	struct str in = {(const char *)record, session_record_write(s, record)}, one;
	unsigned n = 0;

	for (; in.n > 0; n++)
		cr_assert_eq(record_take_str(&in, SESSION_RECORD_MAX, &one), 0);
	return n - PARTS;
}

/* Put together again, each part `longer` octets of something, or shorter, up to part `end`; then `more` parts nobody knows. */
static int load_parts(unsigned end, unsigned longer, unsigned more)
{
	static uint8_t area[2 * SESSION_RECORD_MAX];
	struct buf b = buf_of(area, sizeof area);

	for (unsigned i = 0; i < end; i++) {
		uint8_t p[LONG];

		size_t known = longer > 0 ? size_now(i) : part[i].n;

		memset(p, 0xa5, sizeof p);
		memset(p, 0, known);
		memcpy(p, part[i].p, part[i].n);
		record_put(&b, p, known + (i + 1 < PARTS ? longer : 0)); /* the marks are a row of their own */
	}
	for (unsigned i = 0; i < later_parts() && more > 0; i++)
		record_put(&b, "", 0);
	for (unsigned i = 0; i < more; i++)
		record_put(&b, "what a later build knows", 24);
	cr_assert(buf_ok(&b));
	return load(area, b.n);
}

static void expect_fixture(bool marks)
{
	const struct session *l = loaded;

	cr_expect(l->r.call_id == 0x1122334455667788u && l->r.handle == 0x500000003u && l->r.tape_id == 0xabcdefu);
	cr_expect(l->r.start_ns == 1000000000u && l->r.start_unix_ns == 1700000000000000000u && l->r.rate_hz == 16000u);
	cr_expect(l->r.seq_base == 65636u && l->r.ssrc == 0xdecadeu && l->r.ts_base == 4000u && l->r.name == 0x77u);
	cr_expect(l->r.rx_ts_pos == 32000u && l->r.rx_ts == 16005u && l->r.rx_anchored == 1u && l->r.stalled == 1u);
	cr_expect(l->r.local_port == 7u && l->r.bucket == 13u && l->r.frame_ms == 20u);
	cr_expect(l->facts.remote_rtp.port == 4000 && l->facts.remote_rtcp.port == 4003 && l->facts.codec == CODEC_PCMA);
	cr_expect(l->facts.payload_type == 8 && l->facts.dtmf_payload_type == 101 && l->facts.ptime_ms == 30 && l->facts.sends &&
		  l->facts.receives);
	cr_expect(l->in.latch.is_locked && addr_eq(latch_remote(&l->in.latch), &l->facts.remote_rtp));
	cr_expect(l->in.base.first == 65736u && l->in.base.before == 4u && l->in.base.ssrc == 0x1234u);
	cr_expect(l->dtmf.active && l->dtmf.event == 5 && l->dtmf.first_ts == 16165u && l->dtmf.duration == 320u);
	cr_assert_eq(l->mark_count, marks ? 2u : 0u);
	if (marks)
		cr_expect(l->marks[1].after_index == 99u && strcmp(l->marks[0].name, "first") == 0 &&
			  strcmp(l->marks[1].name, "second") == 0);
}

Test(record, of_the_first_release_is_read)
{
	take_apart();
	cr_assert_eq(load_parts(PARTS, 0, 0), 0);
	expect_fixture(true);
	cr_expect(loaded->r.generation == 3u && loaded->r.learn_until_ns == 6000000000u);
}

Test(record, of_a_later_build_means_the_same)
{
	take_apart();
	for (unsigned longer = 0; longer <= 64; longer += 8)
		for (unsigned more = 0; more <= 2; more++) {
			cr_assert_eq(load_parts(PARTS, longer, more), 0, "%u longer, %u more", longer, more);
			expect_fixture(true);
		}
}

Test(record, of_an_earlier_build_has_zeroes_for_what_that_did_not_know)
{
	take_apart();
	part[0].n = offsetof(struct session_record, generation); /* its last fields are missing */
	cr_assert_eq(load_parts(PARTS - 1, 0, 0), 0, "and the last part too");
	expect_fixture(false);
	cr_expect(loaded->r.generation == 0u && loaded->r.learn_until_ns == 0u);
	part[0].n -= 4;
	cr_expect_eq(load_parts(PARTS, 0, 0), ERR_CORRUPT, "no build ever wrote less");
}

/* Between two parts, behind those that every release wrote. */
static bool is_seam(const uint8_t *record, size_t n, size_t cut)
{
	struct str in = {(const char *)record, n}, one;
	bool found = false;

	for (unsigned i = 1; in.n > 0; i++) {
		cr_assert_eq(record_take_str(&in, SESSION_RECORD_MAX, &one), 0);
		found |= i >= PARTS - 1 && n - in.n == cut; /* an empty row of marks is one that is not there */
	}
	return found;
}

Test(record, cut_off_anywhere_is_refused_or_has_fewer_parts)
{
	static uint8_t record[SESSION_RECORD_MAX];
	size_t n = session_record_write(s, record);

	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *exact = malloc(cut + 1);

		memcpy(exact, record, cut);
		cr_expect_eq(load(exact, cut), is_seam(record, n, cut) ? 0 : ERR_CORRUPT, "%zu of %zu", cut, n);
		free(exact);
	}
}

Test(record, keeps_marks_in_their_order_up_to_the_last)
{
	char name[32];

	for (unsigned i = 0; i < SESSION_MARKS_MAX; i++) {
		snprintf(name, sizeof name, "mark %u", i);
		cr_assert_eq(session_mark(s, str_of(name), 1000 + i), 0);
	}
	cr_assert_eq(reload(), 0);
	cr_assert_eq(loaded->mark_count, SESSION_MARKS_MAX);
	for (unsigned i = 0; i < SESSION_MARKS_MAX; i++) {
		snprintf(name, sizeof name, "mark %u", i);
		cr_expect(strcmp(loaded->marks[i].name, name) == 0 && loaded->marks[i].after_index == 1000 + i);
	}
}

Test(record, with_more_marks_than_there_is_room_for_is_refused)
{
	static uint8_t row[2 * SESSION_RECORD_MAX];
	struct buf b = buf_of(row, sizeof row);
	struct session_mark mark = {.name = "m"};

	take_apart();
	for (unsigned i = 0; i <= SESSION_MARKS_MAX; i++) {
		static uint8_t area[4 * SESSION_RECORD_MAX];
		struct buf whole = buf_of(area, sizeof area);

		record_put(&b, &mark, sizeof mark);
		for (unsigned k = 0; k + 1 < PARTS; k++)
			record_put(&whole, part[k].p, part[k].n);
		record_put(&whole, row, b.n);
		cr_expect_eq(load(area, whole.n), i < SESSION_MARKS_MAX ? 0 : ERR_CORRUPT);
	}
}

Test(record, tells_whose_it_is)
{
	static uint8_t record[SESSION_RECORD_MAX];
	uint64_t handle = 1;

	s->r.handle = 0x1200000034u;
	cr_assert_eq(session_record_handle((struct str){(char *)record, session_record_write(s, record)}, &handle), 0);
	cr_expect_eq(handle, 0x1200000034u);
	cr_expect_eq(session_record_handle((struct str){(char *)record, 60}, &handle), ERR_CORRUPT);
	for (size_t n = 96; n <= 104; n += 4) {
		struct buf b = buf_of(record, sizeof record);
		static const uint8_t part_of_zeroes[104];

		record_put(&b, part_of_zeroes, n);
		cr_expect_eq(session_record_handle(buf_str(&b), &handle), n < 100 ? ERR_CORRUPT : 0, "%zu octets", n);
	}
	cr_expect_eq(handle, 0u);
	handle = 0x1200000034u;
	cr_expect_eq(handle, 0x1200000034u);
}
