/* test_session.c - mirrors media/session: RTP in to a tape in memory, tape to RTP out; time is a number. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/wire.h"
#include "media/dsp/g711.h"
#include "media/session/session.h"

#define MS 1000000ull
#define START (1000 * MS)
#define PEER_SSRC 0x1234u

static struct session *s;
static struct tape tape;
static struct tape_client backend;
static struct session_events ev;
static struct session_packets out;
static _Atomic uint64_t hot[HOT_WORDS];
static struct rand rng;
static uint16_t seq;
static uint32_t ts;
static uint64_t now;

static const struct session_config cfg = {.reorder_ms_max = 60, .idle_silence = true};
static const struct session_facts facts = {
	.remote_rtp = {.family = ADDR_V4, .port = 4000, .ip = {192, 0, 2, 1}},
	.remote_rtcp = {.family = ADDR_V4, .port = 4001, .ip = {192, 0, 2, 1}},
	.codec = SESSION_PCMU, .payload_type = 0, .dtmf_payload_type = 101, .ptime_ms = 20, .sends = true, .receives = true,
};

static void start_with(const struct session_config *c, const struct session_facts *f, uint32_t rate, uint32_t frame_ms)
{
	const struct tape_config tc = {.rate_hz = rate, .frame_ms = frame_ms, .tape_id = 1, .start_mono_ns = START};

	s = calloc(1, sizeof *s);
	rand_seed(&rng, 1);
	memset(hot, 0, sizeof hot);
	s->hot = hot;
	cr_assert_eq(resample_init(&s->up, 8000, 8000), 0);
	cr_assert_eq(resample_init(&s->down, 8000, 8000), 0);
	session_open(s, c, f, &rng, START - 100 * MS);
	cr_assert_eq(tape_create(&tc, &tape), 0);
	cr_assert_eq(session_start(s, &tape, START), 0);
	cr_assert_eq(tape_client_open(region_reopen_readonly(&tape.media), dup(tape.backend.fd), 0, &backend), 0);
	now = START;
	seq = 100;
	ts = 5000;
	ev.n = 0;
}

static void setup(void)
{
	start_with(&cfg, &facts, 8000, 20);
}

static void teardown(void)
{
	tape_client_close(&backend);
	tape_close(&tape);
	free(s);
}

TestSuite(session, .init = setup, .fini = teardown);

static void packet(uint8_t pt, const uint8_t *payload, size_t n, const struct addr *from)
{
	uint8_t p[1500];
	struct rtp_packet h = {.payload_type = pt, .seq = seq, .ts = ts, .ssrc = PEER_SSRC};

	rtp_header_write(p, &h);
	memcpy(p + RTP_HEADER_BYTES, payload, n);
	session_receive(s, &(struct session_datagram){p, RTP_HEADER_BYTES + n, from}, now, &ev);
	seq++;
}

/* 20 ms of audio whose octets are all `octet`, at its time. */
static void speak(uint8_t octet)
{
	uint8_t payload[160];

	memset(payload, octet, sizeof payload);
	packet(0, payload, sizeof payload, &facts.remote_rtp);
	ts += 160;
	now += 20 * MS;
}

static bool hear(struct tape_frame *f, int16_t pcm[TAPE_SAMPLES_MAX])
{
	return tape_client_read(&backend, f, pcm) == 0;
}

static void tick(void)
{
	session_tick(s, now, &out, &ev);
	now += 20 * MS;
}

static const struct session_event *find(enum session_event_kind kind)
{
	for (uint32_t i = 0; i < ev.n; i++)
		if (ev.v[i].kind == kind)
			return &ev.v[i];
	return NULL;
}

static void say(int16_t value, uint32_t samples, uint32_t utterance, bool end)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f = {.samples = samples, .utterance = utterance, .end = end, .epoch = tape_client_epoch(&backend)};

	for (uint32_t i = 0; i < samples; i++)
		pcm[i] = value;
	cr_assert_eq(tape_client_write(&backend, &f, pcm), 0);
}

Test(session, audio_arrives_bit_exact_at_its_place) /* C340 */
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX], want[160];
	uint8_t code[160];

	memset(code, 0x21, sizeof code);
	g711_ulaw_decode(code, 160, want);
	now = START + 100 * MS;
	for (int i = 0; i < 5; i++)
		speak(0x21);
	for (uint64_t i = 0; i < 5; i++) {
		cr_assert(hear(&f, pcm));
		cr_expect_eq(f.pos, 800 + 160 * i, "anchored where it arrived, then by its timestamps");
		cr_expect_eq(f.mono_ns, START + 100 * MS + i * 20 * MS);
		cr_expect_eq(f.kind, TAPE_OK);
		cr_expect_eq(memcmp(pcm, want, sizeof want), 0);
	}
	cr_expect_not(hear(&f, pcm));
	cr_expect_eq(find(SESSION_BEGAN)->pos, 800u);
}

Test(session, loss_is_concealed_after_the_wait_and_flagged) /* C314 */
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	enum tape_frame_kind want[] = {TAPE_OK, TAPE_OK, TAPE_CONCEALED, TAPE_CONCEALED, TAPE_OK};

	speak(0x21);
	speak(0x22);
	seq += 2;
	ts += 320;
	now += 40 * MS;
	speak(0x23);
	for (int i = 0; i < 8; i++)
		tick();
	for (uint64_t i = 0; i < 5; i++) {
		cr_assert(hear(&f, pcm), "frame %lu", i);
		cr_expect_eq(f.kind, want[i], "frame %lu", i);
		cr_expect_eq(f.pos, 160 * i);
	}
	cr_expect_eq(s->count.frames_concealed, 2u);
}

Test(session, reordered_packets_come_in_order) /* C300 */
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];

	speak(0x21);
	seq++, ts += 160;
	speak(0x23);
	seq -= 2, ts -= 320;
	speak(0x22);
	for (int i = 0; i < 3; i++) {
		uint8_t want = (uint8_t)(0x21 + i);
		int16_t value;

		g711_ulaw_decode(&want, 1, &value);
		cr_assert(hear(&f, pcm));
		cr_expect_eq(f.kind, TAPE_OK);
		cr_expect_eq(pcm[80], value, "frame %d", i);
	}
}

Test(session, silence_suppression_leaves_a_flagged_hole) /* C311 */
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	unsigned silent = 0, frames = 0;

	speak(0x21);
	ts += 160 * 10;
	now += 200 * MS;
	speak(0x22);
	while (hear(&f, pcm)) {
		cr_expect_eq(f.pos, 160u * frames);
		silent += f.kind == TAPE_SILENCE;
		frames++;
	}
	cr_expect_eq(frames, 12u);
	cr_expect_eq(silent, 10u);
}

Test(session, a_stalled_burst_is_delivered_completely)
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	uint64_t at;
	unsigned n = 0;

	speak(0x21);
	at = now + 300 * MS;
	for (int i = 0; i < 15; i++) {
		now = at;
		speak(0x22);
	}
	while (hear(&f, pcm))
		cr_expect_eq(f.pos, 160u * n++);
	cr_expect_eq(n, 16u, "late is not lost");
}

Test(session, other_sources_and_types_are_not_played) /* C354 C360 */
{
	const struct addr elsewhere = {.family = ADDR_V4, .port = 4000, .ip = {192, 0, 2, 66}};
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	uint8_t noise[160] = {0};

	packet(0, noise, sizeof noise, &elsewhere);
	packet(13, noise, 1, &facts.remote_rtp);
	packet(96, noise, sizeof noise, &facts.remote_rtp);
	session_receive(s, &(struct session_datagram){noise, 5, &facts.remote_rtp}, now, &ev);
	cr_expect_not(hear(&f, pcm));
	cr_expect_eq(s->count.packets_rejected, 1u);
	cr_expect_eq(s->count.packets_unknown, 2u);
	cr_expect_eq(s->count.packets_malformed, 1u);
	cr_expect(find(SESSION_LOCKED) != NULL);
}

Test(session, a_digit_is_reported_once_and_its_audio_suppressed) /* C344 */
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	unsigned digits = 0, flagged = 0;

	speak(0x21);
	for (int i = 1; i <= 5; i++) {
		uint8_t p[DTMF_PAYLOAD_BYTES];

		dtmf_write(p, &(struct dtmf_payload){5, i >= 3, 10, (uint16_t)(i >= 3 ? 480 : 160 * i)});
		packet(101, p, sizeof p, &facts.remote_rtp);
		now += 20 * MS;
	}
	ts += 160 * 5;
	speak(0x22);
	for (uint32_t i = 0; i < ev.n; i++) {
		if (ev.v[i].kind != SESSION_DIGIT)
			continue;
		digits++;
		cr_expect_eq(ev.v[i].digit, '5');
		cr_expect_eq(ev.v[i].duration_ms, 60u);
		cr_expect_eq(ev.v[i].pos, 160u);
	}
	while (hear(&f, pcm))
		flagged += f.kind == TAPE_DTMF;
	cr_expect_eq(digits, 1u);
	cr_expect_eq(flagged, 6u, "the gap of the key and the frame that follows at once");
}

Test(session, what_is_said_leaves_bit_exact_and_is_noted)
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	uint32_t first_ts;

	say(4000, 160, 7, false);
	say(-4000, 160, 7, true);
	tick();
	cr_assert_eq(out.count, 1u);
	cr_assert_eq(out.n[0], 172u);
	cr_expect_eq(out.p[0][1] >> 7, 1, "marker on the first packet");
	first_ts = wire_get_u32(out.p[0] + 4);
	tick();
	cr_expect_eq(wire_get_u32(out.p[0] + 4) - first_ts, 160u);
	cr_expect_eq(out.p[0][1] >> 7, 0);
	cr_assert_eq(tape_client_read_sent(&backend, &f, pcm), 0);
	cr_expect(f.pos == 0 && f.utterance == 7 && f.tx_index == 0 && pcm[3] == 4000);
	cr_assert_eq(tape_client_read_sent(&backend, &f, pcm), 0);
	cr_expect(f.pos == 160 && pcm[3] == -4000);
	cr_assert(find(SESSION_UTTERANCE_BEGAN) != NULL && find(SESSION_UTTERANCE_ENDED) != NULL);
	cr_expect_eq(find(SESSION_UTTERANCE_ENDED)->played, 320u);
}

Test(session, silence_goes_on_or_pauses) /* C330 */
{
	struct session_config pausing = cfg;
	uint32_t before;

	for (int i = 0; i < 5; i++) {
		tick();
		cr_expect_eq(out.count, 1u);
		cr_expect_eq(out.p[0][20], G711_ULAW_SILENCE);
	}
	teardown();
	pausing.idle_silence = false;
	start_with(&pausing, &facts, 8000, 20);
	say(1000, 160, 1, false);
	tick();
	before = wire_get_u32(out.p[0] + 4);
	for (int i = 0; i < 5; i++) {
		tick();
		cr_expect_eq(out.count, 0u);
	}
	say(1000, 160, 1, false);
	tick();
	cr_expect_eq(out.p[0][1] >> 7, 1, "marker after the pause");
	cr_expect_eq(wire_get_u32(out.p[0] + 4) - before, 6u * 160u, "the timestamp went on with the clock");
}

Test(session, flush_is_exact_to_the_sample)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;
	uint64_t pos;

	for (int i = 0; i < 50; i++)
		say(8000, 160, 1, i == 49);
	say(8000, 160, 2, false);
	for (int i = 0; i < 10; i++)
		tick();
	pos = session_flush(s, 0, u, &n, &ev);
	cr_assert_eq(n, 2u);
	cr_expect(u[0].id == 1 && u[0].played == 10 * 160 + 40 && u[0].discarded == 40 * 160 - 40, "5 ms are faded out");
	cr_expect(u[1].id == 2 && u[1].played == 0 && u[1].discarded == 160);
	cr_expect_eq(pos, 10u * 160u + 40u);
	tick();
	cr_expect_neq(out.p[0][12], G711_ULAW_SILENCE, "the fade");
	cr_expect_eq(out.p[0][12 + 45], G711_ULAW_SILENCE);
	tick();
	cr_expect_eq(out.p[0][12], G711_ULAW_SILENCE);
	cr_expect_eq(tape_client_epoch(&backend), 1u);
	say(500, 160, 3, false); /* of the new epoch */
	tick();
	cr_expect_neq(out.p[0][12], G711_ULAW_SILENCE);
}

Test(session, marks_resolve_once)
{
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	uint32_t n;

	say(1, 160, 1, false);
	cr_expect_eq(session_mark(s, STR("a"), 1), 0);
	cr_expect_eq(session_mark(s, STR("a"), 1), ERR_EXIST);
	cr_expect_eq(session_mark(s, STR(""), 1), ERR_RANGE);
	cr_expect_eq(session_mark(s, STR("b"), 5), 0);
	tick();
	cr_assert(find(SESSION_MARK) != NULL);
	cr_expect(find(SESSION_MARK)->reached && strcmp(find(SESSION_MARK)->mark, "a") == 0 && find(SESSION_MARK)->pos == 160);
	ev.n = 0;
	(void)session_flush(s, 0, u, &n, &ev);
	cr_expect(!find(SESSION_MARK)->reached && strcmp(find(SESSION_MARK)->mark, "b") == 0);
	for (uint32_t i = 0; i < SESSION_MARKS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof name, "m%u", i);
		cr_assert_eq(session_mark(s, str_of(name), 99), 0);
	}
	cr_expect_eq(session_mark(s, STR("one more"), 99), ERR_NOSPC);
	ev.n = 0;
	session_close(s, &ev);
	cr_expect_eq(ev.n, SESSION_MARKS_MAX);
}

Test(session, an_underrun_is_told_once)
{
	unsigned n = 0;

	say(1, 100, 1, false);
	for (int i = 0; i < 4; i++)
		tick();
	for (uint32_t i = 0; i < ev.n; i++)
		n += ev.v[i].kind == SESSION_UNDERRUN;
	cr_expect_eq(n, 1u);
	cr_expect_eq(find(SESSION_UNDERRUN)->pos, 100u);
}

Test(session, late_ticks_are_caught_up_and_a_long_absence_is_skipped)
{
	uint16_t last;

	tick();
	now += 40 * MS;
	tick();
	cr_expect_eq(out.count, 3u, "two missed ones and this");
	last = wire_get_u16(out.p[2] + 2);
	now += 1000 * MS;
	tick();
	cr_assert_eq(out.count, 1u);
	cr_expect_eq(wire_get_u16(out.p[0] + 2), (uint16_t)(last + 1), "the sequence goes on");
	cr_expect_eq(out.p[0][1] >> 7, 1, "with a marker");
	cr_expect_eq(s->pos, 160u * 55u, "and the timestamp with the clock");
}

Test(session, sixteen_kilohertz_and_other_packet_lengths)
{
	struct session_facts f30 = facts;
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	unsigned frames = 0;
	size_t sent = 0;

	teardown();
	f30.ptime_ms = 30;
	start_with(&cfg, &f30, 16000, 10);
	for (int i = 0; i < 5; i++)
		speak(0x40);
	while (hear(&f, pcm)) {
		cr_expect_eq(f.samples, 160u);
		cr_expect_eq(f.pos, 160u * frames);
		frames++;
	}
	cr_expect_eq(frames, 10u);
	now = START;
	for (int i = 0; i < 30; i++) {
		tick();
		for (uint32_t k = 0; k < out.count; k++) {
			cr_expect_eq(out.n[k], 12u + 240u);
			sent += out.n[k] - 12;
		}
	}
	cr_expect_eq(sent, 20u * 240u, "600 ms in packets of 30");
}

Test(session, goes_on_from_its_record_and_hot_words)
{
	struct session *next = calloc(1, sizeof *next);
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	uint16_t last_seq;
	uint32_t last_ts;

	for (int i = 0; i < 10; i++) {
		speak(0x21);
		now -= 20 * MS;
		tick();
	}
	last_seq = wire_get_u16(out.p[0] + 2);
	last_ts = wire_get_u32(out.p[0] + 4);
	while (hear(&f, pcm))
		;
	next->r = s->r;
	next->hot = hot;
	next->up = s->up;
	next->down = s->down;
	free(s);
	s = next;
	now += 80 * MS; /* nobody was there */
	cr_assert_eq(session_resume(s, &cfg, &tape, now), 0);
	ts += 160 * 4;
	seq += 4;
	speak(0x22);
	now -= 20 * MS;
	tick();
	cr_expect_eq(wire_get_u16(out.p[0] + 2), (uint16_t)(last_seq + 1), "no number is used twice and none left out");
	cr_expect_eq(wire_get_u32(out.p[0] + 4) - last_ts, 5u * 160u, "the clock went on");
	cr_expect_eq(out.p[0][1] >> 7, 1);
	for (int i = 0; i < 6; i++)
		tick();
	while (hear(&f, pcm))
		;
	cr_expect_eq(f.pos, 160u * 14u, "the same timeline");
}

Test(session, damaged_records_are_refused)
{
	struct session_record good = s->r;

#define REFUSED(change)                                                                          \
	s->r = good;                                                                             \
	change;                                                                                  \
	cr_expect_eq(session_resume(s, &cfg, &tape, now), ERR_CORRUPT, #change)
	REFUSED(s->r.version = 9);
	REFUSED(s->r.facts.codec = SESSION_CODECS);
	REFUSED(s->r.facts.ptime_ms = 0);
	REFUSED(s->r.facts.ptime_ms = 70);
	REFUSED(s->r.facts.payload_type = 200);
	REFUSED(s->r.rate_hz = 16000);
	REFUSED(s->r.start_ns = now + 100 * MS);
	s->r = good;
	s->r.start_ns = now + 15 * MS;
	cr_expect_eq(session_resume(s, &cfg, &tape, now), 0, "started in the instant before: its first tick is still to come");
	atomic_store(&hot[HOT_TICK], 1000000);
	REFUSED((void)0);
}

Test(session, silence_of_the_peer_is_told)
{
	struct session_config short_one = cfg;

	teardown();
	short_one.timeout_ms = 8000;
	start_with(&short_one, &facts, 8000, 20);
	speak(0x21);
	now += 5100 * MS;
	tick();
	cr_expect(find(SESSION_STALLED) != NULL && find(SESSION_DEAD) == NULL);
	now += 3000 * MS;
	tick();
	cr_expect(find(SESSION_DEAD) != NULL, "C362");
	ev.n = 0;
	speak(0x21);
	cr_expect(find(SESSION_RESUMED) != NULL);
}

Test(session, hostile_slots_do_not_stop_the_clock)
{
	srand(7);
	for (int i = 0; i < 500; i++) {
		uint32_t *word = (uint32_t *)((char *)tape.backend.p + (rand() % 2 ? 128 : 4096 + rand() % 60000) / 4 * 4);

		*word = (uint32_t)rand();
		session_tick(s, now, &out, &ev);
		cr_assert_eq(out.count, 1u);
		now += 20 * MS;
		ev.n = 0;
	}
}

Test(session, reports_tell_what_was_sent_and_received) /* C284 C285 */
{
	uint8_t report[RTCP_BYTES_MAX];
	struct rtcp_news news;
	size_t n = 0;

	for (int i = 0; i < 400 && n == 0; i++) {
		speak(0x21);
		now -= 20 * MS;
		tick();
		n = session_report(s, now, 1000000 * MS + now, 0, report);
	}
	cr_assert_gt(n, 28u + 24u);
	cr_assert_eq(rtcp_parse(report, n, PEER_SSRC, &news), 0);
	cr_expect(news.has_sr && news.has_report);
	cr_expect_eq(news.sr_packets, (uint32_t)s->count.packets_sent);
	cr_expect_eq(news.lost, 0);
	cr_expect_gt(session_bye(s, now, 1, report), 28u);
}
