/* test_tape.c - mirrors common/shm/tape.c: what media does, and whom it does not trust */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/shm/tape.h"
#include "common/shm/tape_slot.h"

#define SLOTS 8u /* of tx */

static struct tape t;
static struct tape_client c;

static const struct tape_config config = {
	.rate_hz = 16000,
	.frame_ms = 20,
	.tx_slots = SLOTS,
	.tape_id = 7,
	.call_id = 8,
	.start_mono_ns = 9,
	.start_unix_ns = 10,
};

static int client_open(uint32_t history, struct tape_client *ret)
{
	int media_fd = region_reopen_readonly(&t.media);

	return tape_client_open(media_fd, dup(t.backend.fd), history, ret);
}

static void open_both(void)
{
	cr_assert_eq(tape_create(&config, &t), 0);
	cr_assert_eq(client_open(0, &c), 0);
}

static void close_both(void)
{
	tape_client_close(&c);
	tape_close(&t);
}

TestSuite(shm_tape, .init = open_both, .fini = close_both);

static void write_tx(uint32_t utterance)
{
	struct tape_frame f = {.samples = 320, .utterance = utterance};
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};

	cr_assert_eq(tape_client_write(&c, &f, pcm), 0);
}

static int peek(struct tape_frame *f)
{
	static int16_t pcm[TAPE_SAMPLES_MAX];

	return tape_tx_peek(&t, f, pcm);
}

static int adopt(struct tape *ret)
{
	int media_fd = dup(t.media.fd);
	int backend_fd = dup(t.backend.fd);
	int err = tape_adopt(media_fd, backend_fd, ret);

	if (err != 0) {
		cr_expect_geq(fcntl(media_fd, F_GETFD), 0, "ownership taken on failure");
		cr_expect_geq(fcntl(backend_fd, F_GETFD), 0,
			      "ownership taken on failure");
		close(media_fd);
		close(backend_fd);
	}
	return err;
}

Test(shm_tape_create, rates_and_frames)
{
	static const struct {
		uint32_t rate_hz, frame_ms, tx_slots;
		int ret;
		uint32_t frame_samples, slots, tx;
	} cases[] = {
		{8000, 20, 0, 0, 160, 128, 1024},
		{8000, 10, 0, 0, 80, 256, 1024},
		{16000, 20, 512, 0, 320, 128, 512},
		{24000, 10, 1, 0, 240, 256, 1},
		{48000, 20, 1024, 0, 960, 128, 1024},
		{48000, 10, 2, 0, 480, 256, 2},
		{0, 20, 0, ERR_INVAL, 0, 0, 0},
		{11025, 20, 0, ERR_INVAL, 0, 0, 0},
		{32000, 20, 0, ERR_INVAL, 0, 0, 0},
		{96000, 20, 0, ERR_INVAL, 0, 0, 0},
		{8000, 0, 0, ERR_INVAL, 0, 0, 0},
		{8000, 15, 0, ERR_INVAL, 0, 0, 0},
		{8000, 30, 0, ERR_INVAL, 0, 0, 0},
		{8000, 20, 3, ERR_INVAL, 0, 0, 0},
		{8000, 20, 2048, ERR_INVAL, 0, 0, 0},
		{UINT32_MAX, UINT32_MAX, UINT32_MAX, ERR_INVAL, 0, 0, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tape_config cfg = {.rate_hz = cases[i].rate_hz,
					  .frame_ms = cases[i].frame_ms,
					  .tx_slots = cases[i].tx_slots};
		struct tape n = {.rate_hz = 42};

		cr_expect_eq(tape_create(&cfg, &n), cases[i].ret, "case %zu", i);
		if (cases[i].ret != 0) {
			cr_expect_eq(n.rate_hz, 42u, "case %zu: clobbered", i);
			continue;
		}
		cr_expect_eq(n.frame_samples, cases[i].frame_samples, "case %zu", i);
		cr_expect_eq(n.slots, cases[i].slots, "case %zu", i);
		cr_expect_eq(n.tx_slots, cases[i].tx, "case %zu", i);
		cr_expect_eq(n.slot_bytes % 16, 0u, "case %zu", i);
		tape_close(&n);
	}
}

Test(shm_tape, header_tells_the_backend)
{
	cr_expect_eq(c.mh->tape_id, 7u);
	cr_expect_eq(c.mh->call_id, 8u);
	cr_expect_eq(c.mh->start_mono_ns, 9u);
	cr_expect_eq(c.mh->start_unix_ns, 10u);
	cr_expect_eq(c.rate_hz, 16000u);
	cr_expect_eq(c.tx_slots, SLOTS);
}

Test(shm_tape, oversized_rx_frame_is_a_bug, .signal = SIGABRT)
{
	struct tape_frame f = {.samples = 321};
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};

	tape_rx_put(&t, &f, pcm);
}

Test(shm_tape, oversized_sent_frame_is_a_bug, .signal = SIGABRT)
{
	struct tape_frame f = {.samples = 321};
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};

	tape_sent_put(&t, &f, pcm);
}

Test(shm_tape, tx_in_order)
{
	struct tape_frame f;

	cr_expect_eq(peek(&f), ERR_AGAIN);
	for (uint32_t u = 1; u <= 5 * SLOTS; u++) {
		write_tx(u);
		cr_expect_eq(tape_tx_pending(&t), 1u);
		cr_assert_eq(peek(&f), 0);
		cr_assert_eq(peek(&f), 0, "a peek consumes");
		cr_expect_eq(f.utterance, u);
		cr_expect_eq(f.tx_index, u - 1);
		cr_expect_eq(f.samples, 320u);
		tape_tx_pop(&t);
		cr_expect_eq(tape_tx_pending(&t), 0u);
	}
	cr_expect_eq(t.hostile, 0u);
}

Test(shm_tape, full_ring_is_not_hostile)
{
	struct tape_frame f;

	for (uint32_t u = 0; u < SLOTS; u++)
		write_tx(u);
	cr_expect_eq(tape_tx_pending(&t), SLOTS);
	for (uint32_t u = 0; u < SLOTS; u++) {
		cr_assert_eq(peek(&f), 0);
		cr_expect_eq(f.utterance, u);
		tape_tx_pop(&t);
	}
	cr_expect_eq(peek(&f), ERR_AGAIN);
	cr_expect_eq(t.hostile, 0u);
}

static const struct {
	const char *why;
	uint64_t head;
} hostile_heads[] = {
	{"one beyond the ring", 6 + SLOTS + 1},
	{"far beyond", 1u << 20},
	{"below", 3},
	{"zero", 0},
	{"wild", 0xdeadbeefdeadbeefull},
	{"largest", UINT64_MAX},
};

/* Four consumed, two pending. */
static void six_written_four_read(void)
{
	struct tape_frame f;

	for (uint32_t u = 1; u <= 6; u++)
		write_tx(u);
	for (uint32_t u = 1; u <= 4; u++) {
		cr_assert_eq(peek(&f), 0);
		tape_tx_pop(&t);
	}
}

Test(shm_tape_hostile, head)
{
	for (size_t i = 0; i < sizeof hostile_heads / sizeof hostile_heads[0]; i++) {
		const char *why = hostile_heads[i].why;
		struct tape_frame f;

		open_both();
		six_written_four_read();
		for (int k = 0; k < 2; k++) { /* already seen */
			cr_expect_eq(peek(&f), 0, "%s", why);
			tape_tx_pop(&t);
		}
		write_tx(7);
		atomic_store(&c.bh->tx_head, hostile_heads[i].head);

		cr_expect_eq(peek(&f), ERR_AGAIN, "%s", why);
		cr_expect_eq(t.hostile, 1u, "%s", why);
		cr_expect_eq(peek(&f), ERR_AGAIN, "%s", why);
		cr_expect_eq(tape_tx_pending(&t), 0u, "%s", why);
		tape_tx_pop(&t);
		cr_expect_eq(tape_tx_pending(&t), 0u, "%s: pop of nothing", why);
		cr_expect_eq(t.tx_tail, 6u, "%s: followed", why);
		cr_expect_eq(atomic_load(&t.mh->tx_tail), 6u, "%s: followed", why);
		close_both();
	}
}

Test(shm_tape_hostile, head_seen_by_pending)
{
	for (size_t i = 0; i < sizeof hostile_heads / sizeof hostile_heads[0]; i++) {
		const char *why = hostile_heads[i].why;
		struct tape_frame f;

		open_both();
		six_written_four_read();
		cr_assert_eq(peek(&f), 0);
		atomic_store(&c.bh->tx_head, hostile_heads[i].head);
		cr_expect_eq(tape_tx_pending(&t), 0u, "%s", why);
		cr_expect_eq(t.hostile, 1u, "%s", why);
		cr_expect_eq(t.tx_tail, 6u, "%s: what was seen is dropped", why);
		tape_tx_pop(&t); /* of the slot peeked before: dropped already, no harm */
		cr_expect_eq(tape_tx_pending(&t), 0u, "%s", why);
		close_both();
	}
}

Test(shm_tape_hostile, honest_backend_recovers_from_a_scribble)
{
	for (size_t i = 0; i < sizeof hostile_heads / sizeof hostile_heads[0]; i++) {
		const char *why = hostile_heads[i].why;
		struct tape_frame f;

		open_both();
		six_written_four_read();
		atomic_store(&c.bh->tx_head, hostile_heads[i].head);
		cr_expect_eq(tape_tx_pending(&t), 0u, "%s", why);

		write_tx(7);
		cr_assert_eq(peek(&f), 0, "%s", why);
		cr_expect_eq(f.utterance, 7u, "%s", why);
		cr_expect_eq(f.tx_index, 6u, "%s", why);
		close_both();
	}
}

Test(shm_tape, full_backend_recovers_from_a_scribble)
{
	struct tape_frame f = {.samples = 1};
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};

	for (uint32_t u = 0; u < SLOTS; u++)
		write_tx(u);
	atomic_store(&c.bh->tx_head, 0xdeadbeef);
	cr_expect_eq(peek(&f), ERR_AGAIN);
	f.samples = 1;
	cr_expect_eq(tape_client_write(&c, &f, pcm), ERR_AGAIN, "it thinks it is full");
	cr_assert_eq(peek(&f), 0, "and both wait for ever");
	tape_tx_pop(&t);
	cr_expect(tape_writer_waits(&t));
}

Test(shm_tape, backend_follows_when_media_was_led_astray)
{
	struct tape_frame f;

	six_written_four_read();
	atomic_store(&c.bh->tx_head, 6 + 3); /* plausible: three slots of old audio */
	while (peek(&f) == 0)
		tape_tx_pop(&t);
	cr_expect_eq(t.hostile, 0u);
	cr_expect_eq(t.tx_tail, 9u);
	cr_expect_eq(tape_client_room(&c), SLOTS);

	for (uint32_t u = 100; u < 100 + 3 * SLOTS; u++) {
		write_tx(u);
		if (peek(&f) == 0)
			tape_tx_pop(&t);
	}
	cr_expect_eq(f.utterance, 100 + 3 * SLOTS - 1);
}

Test(shm_tape, hostile_slots_are_clamped)
{
	static const struct {
		const char *why;
		uint32_t samples, kind, utterance, epoch, end;
		uint32_t want_samples;
		enum tape_frame_kind want_kind;
		uint64_t hostile;
	} cases[] = {
		{"honest", 320, TAPE_OK, 1, 1, 1, 320, TAPE_OK, 0},
		{"empty", 0, TAPE_OK, 1, 1, 0, 0, TAPE_OK, 0},
		{"one too long", 321, TAPE_OK, 1, 1, 0, 0, TAPE_OK, 1},
		{"longest", UINT32_MAX, TAPE_OK, 1, 1, 0, 0, TAPE_OK, 1},
		{"overflows as bytes", 0x80000001u, TAPE_OK, 1, 1, 0, 0, TAPE_OK, 1},
		{"kind", 320, TAPE_FRAME_KINDS, 1, 1, 0, 320, TAPE_OK, 1},
		{"wild kind", 320, UINT32_MAX, 1, 1, 0, 320, TAPE_OK, 1},
		{"any utterance", 1, TAPE_DTMF, UINT32_MAX, 7, 9, 1, TAPE_DTMF, 0},
		{"any epoch", 1, TAPE_OK, 0, UINT32_MAX, 0, 1, TAPE_OK, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tape_frame f;
		struct tape_slot *slot;
		uint64_t before = t.hostile;

		write_tx(1);
		slot = (struct tape_slot *)((char *)c.bh + TAPE_RINGS_OFFSET +
					    i % SLOTS * c.slot_bytes);
		slot->samples = cases[i].samples;
		slot->kind = cases[i].kind;
		slot->utterance = cases[i].utterance;
		slot->epoch = cases[i].epoch;
		slot->end = cases[i].end;

		cr_assert_eq(peek(&f), 0, "%s", cases[i].why);
		cr_expect_eq(f.samples, cases[i].want_samples, "%s", cases[i].why);
		cr_expect_eq(f.kind, cases[i].want_kind, "%s", cases[i].why);
		cr_expect_eq(f.utterance, cases[i].utterance, "%s", cases[i].why);
		cr_expect_eq(f.epoch, cases[i].epoch, "%s", cases[i].why);
		cr_expect_eq(f.end, cases[i].end != 0, "%s", cases[i].why);
		cr_expect_eq(t.hostile - before, cases[i].hostile, "%s", cases[i].why);
		tape_tx_pop(&t);
	}
}

Test(shm_tape, epoch_is_seen_by_the_backend_and_the_successor)
{
	struct tape n;

	cr_expect_eq(tape_client_epoch(&c), 0u);
	tape_set_epoch(&t, 3);
	cr_expect_eq(tape_client_epoch(&c), 3u);
	cr_assert_eq(adopt(&n), 0);
	cr_expect_eq(n.epoch, 3u);
	tape_release(&n);
}

Test(shm_tape, close_tells_release_does_not)
{
	struct tape n;

	cr_assert_eq(adopt(&n), 0);
	tape_release(&n);
	cr_expect_not(tape_client_closed(&c));
	cr_assert_eq(adopt(&n), 0);
	tape_close(&n);
	cr_expect(tape_client_closed(&c));
}

Test(shm_tape, sealed_against_the_backend)
{
	void *p = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, c.media.fd, 0);

	cr_expect_eq(p, MAP_FAILED, "media object mapped writable");
	cr_expect_neq(mprotect(c.media.p, c.media.bytes, PROT_READ | PROT_WRITE), 0);
	cr_expect_neq(ftruncate(c.backend.fd, 0), 0, "backend object shrunk");
	cr_expect_neq(ftruncate(c.backend.fd, 1 << 24), 0, "backend object grown");
	cr_expect_neq(fcntl(c.backend.fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0, "sealed");
}

Test(shm_tape, punched_holes_read_as_silence)
{
	struct tape_frame f;

	write_tx(1);
	cr_assert_eq(fallocate(c.backend.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       TAPE_RINGS_OFFSET,
			       (off_t)(c.backend.bytes - TAPE_RINGS_OFFSET)),
		     0);
	cr_assert_eq(peek(&f), 0);
	cr_expect_eq(f.samples, 0u);
	cr_expect_eq(f.utterance, 0u);
}

Test(shm_tape, readonly_descriptor_is_not_enough_to_take_over)
{
	struct tape n;

	cr_expect_eq(tape_adopt(c.media.fd, t.backend.fd, &n), ERR_ACCES);
}

Test(shm_tape, successor_takes_the_cursors)
{
	struct tape_frame f = {.samples = 320};
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};
	struct tape n;

	for (uint64_t i = 0; i < 300; i++)
		tape_rx_put(&t, &f, pcm);
	for (uint64_t i = 0; i < 150; i++)
		tape_sent_put(&t, &f, pcm);
	six_written_four_read();

	cr_assert_eq(adopt(&n), 0);
	cr_expect_eq(n.rx_head, 300u);
	cr_expect_eq(n.sent_head, 150u);
	cr_expect_eq(n.tx_tail, 4u);
	cr_expect_eq(n.rate_hz, 16000u);
	cr_expect_eq(n.tx_slots, SLOTS);
	cr_expect_eq(tape_tx_pending(&n), 2u);
	cr_assert_eq(tape_tx_peek(&n, &f, pcm), 0);
	cr_expect_eq(f.utterance, 5u);
	tape_release(&n);
}

Test(shm_tape, successor_fills_the_slot_its_predecessor_died_in)
{
	struct tape_frame f = {.samples = 320, .pos = 1};
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};
	struct tape n;

	tape_rx_put(&t, &f, pcm);
	cr_assert_eq(tape_client_read(&c, &f, pcm), 0);
	atomic_store(&t.mh->rx.reserve, 2); /* begun, not published */

	cr_expect_eq(tape_client_read(&c, &f, pcm), ERR_AGAIN);
	cr_assert_eq(adopt(&n), 0);
	cr_expect_eq(n.rx_head, 1u);
	f = (struct tape_frame){.samples = 320, .pos = 2};
	tape_rx_put(&n, &f, pcm);
	cr_assert_eq(tape_client_read(&c, &f, pcm), 0);
	cr_expect_eq(f.pos, 2u);
	cr_expect_eq(c.lapped, 0u);
	tape_release(&n);
}

Test(shm_tape, impossible_cursors_are_corrupt)
{
	struct tape n = {.rate_hz = 42};

	atomic_store(&t.mh->rx.reserve, 2);
	cr_expect_eq(adopt(&n), ERR_CORRUPT, "two begun");
	atomic_store(&t.mh->rx.reserve, 0);
	atomic_store(&t.mh->rx.head, 1);
	cr_expect_eq(adopt(&n), ERR_CORRUPT, "published before begun");
	atomic_store(&t.mh->rx.head, 0);
	atomic_store(&t.mh->sent.reserve, UINT64_MAX);
	cr_expect_eq(adopt(&n), ERR_CORRUPT, "sent");
	atomic_store(&t.mh->sent.reserve, 0);
	atomic_store(&t.mh->epoch, 1ull << 32);
	cr_expect_eq(adopt(&n), ERR_CORRUPT, "epoch");
	cr_expect_eq(n.rate_hz, 42u, "clobbered output");
	atomic_store(&t.mh->epoch, 0);
	cr_assert_eq(adopt(&n), 0);
	tape_release(&n);
}

Test(shm_tape, a_frame_knows_when_it_was_due) /* M15 */
{
	static const struct {
		uint64_t mono_ns, due_ns, want;
	} rows[] = {
		{5000000000, 4300000000, 4300000000}, {5000000000, 5000000000, 5000000000}, {5000000000, 0, 5000000000},
		{5000000000, 6000000000, 5000000000}, {5000000999, 5000000000, 5000000999}, {9000000000000, 1, 9000000000000 - 4294967295000},
	};
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tape_frame f = {.samples = 320, .mono_ns = rows[i].mono_ns, .due_ns = rows[i].due_ns};

		tape_rx_put(&t, &f, pcm);
		cr_assert_eq(tape_client_read(&c, &f, pcm), 0);
		cr_expect_eq(f.mono_ns, rows[i].mono_ns);
		cr_expect_eq(f.due_ns, rows[i].want, "row %zu: %lu", i, (unsigned long)f.due_ns);
	}
}

Test(shm_tape, indices_wrap_at_64_bits)
{
	uint64_t start = UINT64_MAX - 2;
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};
	struct tape_client late;
	struct tape_frame f;
	struct tape n;

	atomic_store(&t.mh->rx.head, start);
	atomic_store(&t.mh->rx.reserve, start);
	atomic_store(&t.mh->tx_tail, start);
	atomic_store(&c.bh->tx_head, start);
	cr_assert_eq(adopt(&n), 0);
	cr_assert_eq(client_open(0, &late), 0);

	for (uint64_t i = 0; i < 6; i++) {
		f = (struct tape_frame){.pos = i, .samples = 320, .utterance = 9};
		tape_rx_put(&n, &f, pcm);
		cr_assert_eq(tape_client_read(&late, &f, pcm), 0);
		cr_expect_eq(f.pos, i);
		cr_assert_eq(tape_client_write(&late, &f, pcm), 0);
		cr_assert_eq(tape_tx_peek(&n, &f, pcm), 0);
		cr_expect_eq(f.tx_index, start + i);
		tape_tx_pop(&n);
	}
	cr_expect_eq(late.lapped, 0u);
	cr_expect_eq(n.hostile, 0u);
	tape_client_close(&late);
	tape_release(&n);
}

Test(shm_tape, spoiled_backend_header_does_not_stop_the_take_over)
{
	struct tape_client next;
	struct tape n;

	memset(c.bh, 0xff, 128); /* the constant part */
	cr_expect_eq(client_open(0, &next), ERR_CORRUPT);
	cr_assert_eq(adopt(&n), 0);
	cr_expect_eq(n.tx_slots, SLOTS);
	cr_assert_eq(client_open(0, &next), 0, "the next backend can attach again");
	tape_client_close(&next);
	tape_release(&n);
}

Test(shm_tape, backend_object_must_hold_the_ring)
{
	int media_fd = dup(t.media.fd);
	struct region small;
	struct tape n;

	cr_assert_eq(region_create("small", TAPE_RINGS_OFFSET, &small), 0);
	cr_expect_eq(tape_adopt(media_fd, small.fd, &n), ERR_CORRUPT);
	cr_expect_eq(tape_adopt(small.fd, media_fd, &n), ERR_CORRUPT, "swapped");
	cr_expect_eq(tape_adopt(media_fd, -1, &n), ERR_INVAL);
	cr_expect_eq(tape_adopt(-1, media_fd, &n), ERR_INVAL);
	region_close(&small);
	close(media_fd);
}

/* Use everything once: out of bounds would fault or trip the sanitizer. */
static void exercise(struct tape *n)
{
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};
	struct tape_client k;
	struct tape_frame f;

	cr_assert_leq(n->frame_samples, TAPE_SAMPLES_MAX);
	for (uint32_t i = 0; i < n->slots + 2; i++) {
		f = (struct tape_frame){.samples = n->frame_samples};
		tape_rx_put(n, &f, pcm);
		tape_sent_put(n, &f, pcm);
		if (tape_tx_peek(n, &f, pcm) == 0)
			tape_tx_pop(n);
	}

	if (client_open(1000, &k) != 0)
		return;
	for (uint32_t i = 0; i < k.slots + 2; i++) {
		if (tape_client_read(&k, &f, pcm) == 0)
			cr_assert_leq(f.samples, TAPE_SAMPLES_MAX);
		if (tape_client_read_sent(&k, &f, pcm) == 0)
			cr_assert_leq(f.samples, TAPE_SAMPLES_MAX);
		f = (struct tape_frame){.samples = k.frame_samples};
		cr_assert_neq(tape_client_write(&k, &f, pcm), ERR_INVAL);
	}
	tape_client_close(&k);
}

/* Damage each byte of a header in turn: refused, or taken over within bounds. */
static void damage(char *header, size_t n, unsigned char mask)
{
	struct tape_media_header mh = {0};
	struct tape_backend_header bh = {0};

	memcpy(&mh, t.mh, sizeof mh);
	memcpy(&bh, t.bh, sizeof bh);
	for (size_t i = 0; i < n; i++) {
		struct tape next;
		int err;

		header[i] = (char)(header[i] ^ mask);
		err = adopt(&next);
		if (err == 0) {
			cr_expect_eq(next.slot_bytes, t.slot_bytes, "byte %zu", i);
			exercise(&next);
			tape_release(&next);
		} else {
			cr_expect(err == ERR_CORRUPT || err == ERR_INVAL, "byte %zu: %d",
				  i, err);
		}
		memcpy(t.mh, &mh, sizeof mh);
		memcpy(t.bh, &bh, sizeof bh);
	}
}

Test(shm_tape, every_damaged_header_byte_is_refused_or_harmless)
{
	static const unsigned char masks[] = {0x01, 0x80, 0xff};

	six_written_four_read();
	for (size_t i = 0; i < sizeof masks; i++) {
		damage((char *)t.mh, sizeof *t.mh, masks[i]);
		damage((char *)t.bh, sizeof *t.bh, masks[i]);
	}
}

Test(shm_tape, constant_part_of_the_media_header_is_guarded)
{
	char *p = (char *)t.mh;

	for (size_t i = 0; i < offsetof(struct tape_media_header, tape_id); i++) {
		struct tape n;

		p[i] = (char)~p[i];
		cr_expect_eq(adopt(&n), ERR_CORRUPT, "byte %zu", i);
		p[i] = (char)~p[i];
	}
}

Test(shm_tape, slots_that_were_stepped_over_are_kept_for_a_successor)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	struct tape n;

	for (uint32_t i = 0; i < SLOTS; i++)
		write_tx(i + 1);
	cr_expect_eq(tape_client_room(&c), 0u);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(peek(&f), 0);
		tape_tx_step(&t);
	}
	cr_expect_eq(f.utterance, 3u);
	cr_expect_eq(tape_client_room(&c), 0u, "the backend may not write over them yet");
	cr_assert_eq(adopt(&n), 0);
	cr_assert_eq(tape_tx_peek(&n, &f, pcm), 0);
	cr_expect_eq(f.utterance, 1u, "and a successor finds them");
	cr_assert_eq(tape_tx_seek(&n, 2), 0, "it goes on where the predecessor's own note says");
	cr_assert_eq(tape_tx_peek(&n, &f, pcm), 0);
	cr_expect_eq(f.utterance, 3u);
	cr_expect_eq(tape_tx_seek(&n, 1), ERR_CORRUPT, "not back");
	cr_expect_eq(tape_tx_seek(&n, 2 + SLOTS + 1), ERR_CORRUPT, "not further than a ring");
	tape_release(&n);
	tape_tx_release(&t);
	cr_expect_eq(tape_client_room(&c), 3u);
}

Test(shm_tape, a_seek_past_what_was_written_is_harmless)
{
	struct tape_frame f;

	write_tx(1);
	cr_assert_eq(tape_tx_seek(&t, 5), 0);
	cr_expect_eq(peek(&f), ERR_AGAIN);
	cr_expect_eq(t.hostile, 1u);
	tape_tx_step(&t);
	cr_expect_eq(t.tx_tail, 5u, "nothing to step over");
}

static uint64_t rx_end(const struct tape *tape)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	tape_rx_last(tape, &f, pcm);
	return f.pos + f.samples;
}

Test(shm_tape, the_rx_ring_tells_where_it_ends)
{
	struct tape_frame f = {.samples = 320};
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};

	cr_expect_eq(rx_end(&t), 0u);
	for (uint64_t i = 0; i < 300; i++) {
		f.pos = 1000 + 320 * i;
		f.samples = i % 2 == 0 ? 320 : 100;
		tape_rx_put(&t, &f, pcm);
		cr_assert_eq(rx_end(&t), f.pos + f.samples);
		tape_prefetch(&t);
	}
}

/* ---- what was played is unmapped ---- */

#define GUARD_BYTES (128u << 10)
#define WINDOW      ((size_t)64 << 10)

/* Pages of [p, p + n) that this process has mapped at this moment. */
static size_t present(const char *p, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), count = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	for (size_t at = 0; at < n; at += page) {
		uint64_t entry = 0;

		cr_assert_eq(pread(fd, &entry, sizeof entry, (off_t)((uintptr_t)(p + at) / page * sizeof entry)),
			     (ssize_t)sizeof entry);
		count += entry >> 63;
	}
	close(fd);
	return count;
}

/* A long tape whose backend object lies right before an area full of 'g'. */
static char *open_before_a_guard(struct tape *ret, struct tape_client *client)
{
	struct tape_config cfg = config;
	char *area;

	cfg.tx_slots = TAPE_TX_SLOTS;
	cr_assert_eq(tape_create(&cfg, ret), 0);
	cr_assert_eq(tape_client_open(region_reopen_readonly(&ret->media), dup(ret->backend.fd), 0, client), 0);
	area = mmap(NULL, ret->backend.bytes + GUARD_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(area, MAP_FAILED);
	cr_assert_eq(mremap(ret->backend.p, ret->backend.bytes, ret->backend.bytes, MREMAP_MAYMOVE | MREMAP_FIXED, area), area);
	ret->backend.p = area;
	ret->bh = (struct tape_backend_header *)area;
	memset(area + ret->backend.bytes, 'g', GUARD_BYTES);
	return area + ret->backend.bytes;
}

static void play_one(struct tape *tape, struct tape_client *client, uint32_t i)
{
	struct tape_frame f = {.samples = 320, .utterance = i + 1}, got;
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};

	cr_assert_eq(tape_client_write(client, &f, pcm), 0);
	cr_assert_eq(tape_tx_peek(tape, &got, pcm), 0);
	cr_assert_eq(got.utterance, i + 1);
	tape_tx_pop(tape);
}

Test(shm_tape_window, what_was_played_is_unmapped_and_nothing_else)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), most = 0;
	struct tape_client client;
	struct tape tape;
	char *guard = open_before_a_guard(&tape, &client);
	const char *ring = (const char *)tape.backend.p + TAPE_RINGS_OFFSET;
	size_t bytes = (size_t)(guard - ring);

	for (uint32_t i = 0; i < 3 * TAPE_TX_SLOTS; i++) {
		const char *slot = ring + tape_slot_offset(i, TAPE_TX_SLOTS, tape.slot_bytes);
		const char *next = ring + tape_slot_offset(i + 1, TAPE_TX_SLOTS, tape.slot_bytes);

		play_one(&tape, &client, i);
		if (i % 37 != 0)
			continue;
		most = present(ring, bytes) > most ? present(ring, bytes) : most;
		if ((uintptr_t)slot / WINDOW == (uintptr_t)next / WINDOW)
			cr_assert_eq(present(slot, 1), 1u, "slot %u: its window stays", i);
	}
	cr_expect_leq(most, 2 * WINDOW / page, "%zu: the window being played, and the one its last slot reaches into", most);
	for (size_t i = 0; i < GUARD_BYTES; i++)
		cr_assert_eq(guard[i], 'g', "behind the object at %zu", i);
	tape_client_close(&client);
	tape_close(&tape);
	munmap(guard, GUARD_BYTES);
}
