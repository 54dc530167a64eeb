/* test_tape_client.c - mirrors common/shm/tape_client.c */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/shm/tape.h"

#define TX_SLOTS 8u

static struct tape t;
static struct tape_client c;

static int client_open(uint32_t history, struct tape_client *ret)
{
	int media_fd = region_reopen_readonly(&t.media);

	return tape_client_open(media_fd, dup(t.backend.fd), history, ret);
}

static void open_both(void)
{
	struct tape_config cfg = {.rate_hz = 8000, .frame_ms = 20, .tx_slots = TX_SLOTS};

	cr_assert_eq(tape_create(&cfg, &t), 0);
	cr_assert_eq(client_open(0, &c), 0);
}

static void close_both(void)
{
	tape_client_close(&c);
	tape_close(&t);
}

TestSuite(shm_tape_client, .init = open_both, .fini = close_both);

/* A frame whose samples tell its position. */
static void put(uint64_t i)
{
	struct tape_frame f = {.pos = i * 160, .mono_ns = i, .samples = 160};
	int16_t pcm[160];

	for (unsigned k = 0; k < 160; k++)
		pcm[k] = (int16_t)(i * 160 + k);
	tape_rx_put(&t, &f, pcm);
}

static void put_range(uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		put(i);
}

/* The number of the frame read, or a negative error. */
static int64_t read_from(struct tape_client *k)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	int err = tape_client_read(k, &f, pcm);

	if (err != 0)
		return err;
	cr_assert_eq(f.samples, 160u);
	for (unsigned i = 0; i < 160; i++)
		cr_assert_eq(pcm[i], (int16_t)(f.pos + i), "torn");
	return (int64_t)f.mono_ns;
}

Test(shm_tape_client, every_field_and_length_arrives)
{
	int16_t in[160], out[TAPE_SAMPLES_MAX];

	for (unsigned i = 0; i < 160; i++)
		in[i] = (int16_t)(1000 + i);
	for (uint32_t n = 0; n <= 160; n++) {
		struct tape_frame f = {
			.pos = UINT64_MAX - n,
			.mono_ns = n,
			.tx_index = UINT64_MAX,
			.samples = n,
			.kind = (enum tape_frame_kind)(n % TAPE_FRAME_KINDS),
			.utterance = UINT32_MAX,
			.epoch = 1u << 31,
			.end = n % 2};
		struct tape_frame rx, sent;

		memset(out, 0x55, sizeof out);
		tape_rx_put(&t, &f, in);
		cr_assert_eq(tape_client_read(&c, &rx, out), 0);
		cr_expect_eq(memcmp(out, in, n * sizeof *in), 0, "%u samples", n);
		cr_expect_eq(out[n], 0x5555, "wrote past %u samples", n);
		cr_expect_eq(rx.pos, f.pos);
		cr_expect_eq(rx.mono_ns, f.mono_ns);
		cr_expect_eq(rx.tx_index, f.tx_index);
		cr_expect_eq(rx.samples, f.samples);
		cr_expect_eq(rx.kind, f.kind);
		cr_expect_eq(rx.utterance, f.utterance);
		cr_expect_eq(rx.epoch, f.epoch);
		cr_expect_eq(rx.end, f.end);

		tape_sent_put(&t, &f, in);
		cr_assert_eq(tape_client_read_sent(&c, &sent, out), 0);
		cr_expect_eq(sent.pos, f.pos);
		cr_expect_eq(sent.samples, n);
	}
}

Test(shm_tape_client, its_place_is_told)
{
	struct tape_client observer;

	put_range(0, 5);
	cr_assert_eq(tape_client_open(region_reopen_readonly(&t.media), -1, 0, &observer), 0);
	cr_expect_eq(read_from(&observer), ERR_AGAIN);
	cr_expect_eq(atomic_load(&t.bh->rx_tail), 0u);
	for (uint64_t i = 0; i < 3; i++)
		cr_expect_eq(read_from(&c), (int64_t)i);
	cr_expect_eq(atomic_load(&t.bh->rx_tail), 3u);
	tape_client_close(&observer);
}

Test(shm_tape_client, rx_and_sent_do_not_mix)
{
	struct tape_frame f = {.pos = 99, .samples = 160};
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};

	put(1);
	cr_expect_eq(tape_client_read_sent(&c, &f, pcm), ERR_AGAIN);
	tape_sent_put(&t, &f, pcm);
	cr_expect_eq(read_from(&c), 1);
	cr_expect_eq(read_from(&c), ERR_AGAIN);
	cr_assert_eq(tape_client_read_sent(&c, &f, pcm), 0);
	cr_expect_eq(f.pos, 99u);
}

Test(shm_tape_client, wraps_around)
{
	for (uint64_t i = 0; i < 5ull * TAPE_HISTORY_SLOTS; i++) {
		put(i);
		cr_assert_eq(read_from(&c), (int64_t)i);
		cr_assert_eq(read_from(&c), ERR_AGAIN);
	}
	cr_expect_eq(c.lapped, 0u);
	cr_expect_eq(atomic_load(&t.bh->rx_tail), 5u * TAPE_HISTORY_SLOTS);
}

Test(shm_tape_client, reader_a_full_ring_behind_loses_nothing)
{
	put_range(0, TAPE_HISTORY_SLOTS);
	for (int64_t i = 0; i < TAPE_HISTORY_SLOTS; i++)
		cr_assert_eq(read_from(&c), i);
	cr_expect_eq(c.lapped, 0u);
}

Test(shm_tape_client, lapped_reader_skips_to_the_oldest_and_knows)
{
	uint64_t written = 2 * TAPE_HISTORY_SLOTS + 5;

	put_range(0, written);
	for (uint64_t i = written - TAPE_HISTORY_SLOTS; i < written; i++)
		cr_assert_eq(read_from(&c), (int64_t)i);
	cr_expect_eq(read_from(&c), ERR_AGAIN);
	cr_expect_eq(c.lapped, TAPE_HISTORY_SLOTS + 5);
}

Test(shm_tape_client, slot_being_overwritten_is_not_delivered)
{
	put_range(0, TAPE_HISTORY_SLOTS);
	atomic_store(&t.mh->rx.reserve, TAPE_HISTORY_SLOTS + 1); /* slot 0, next lap */
	cr_expect_eq(read_from(&c), 1);
	cr_expect_eq(c.lapped, 1u);
}

Test(shm_tape_client, history)
{
	static const struct {
		uint64_t written;
		uint32_t history;
		int64_t first;
	} cases[] = {
		{0, 0, ERR_AGAIN},
		{0, 10, ERR_AGAIN},
		{5, 0, ERR_AGAIN},
		{5, 3, 2},
		{5, 5, 0},
		{5, 100, 0},
		{5, UINT32_MAX, 0},
		{1000, 10, 990},
		{1000, TAPE_HISTORY_SLOTS - 1, 1000 - TAPE_HISTORY_SLOTS + 1},
		{1000, UINT32_MAX, 1000 - TAPE_HISTORY_SLOTS + 1},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tape_client late;

		close_both();
		open_both();
		put_range(0, cases[i].written);
		cr_assert_eq(client_open(cases[i].history, &late), 0);
		cr_expect_eq(read_from(&late), cases[i].first, "case %zu", i);
		cr_expect_eq(late.lapped, 0u, "case %zu", i);
		tape_client_close(&late);
	}
}

Test(shm_tape_client, write_checks_lengths)
{
	static const struct {
		uint32_t samples;
		int ret;
	} cases[] = {{0, ERR_INVAL},
		     {1, 0},
		     {160, 0},
		     {161, ERR_INVAL},
		     {UINT32_MAX, ERR_INVAL}};
	int16_t pcm[TAPE_SAMPLES_MAX] = {0};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tape_frame f = {.samples = cases[i].samples, .tx_index = 42};

		cr_expect_eq(tape_client_write(&c, &f, pcm), cases[i].ret, "case %zu", i);
		if (cases[i].ret != 0)
			cr_expect_eq(f.tx_index, 42u, "case %zu: clobbered", i);
	}
	cr_expect_eq(tape_tx_pending(&t), 2u);
}

static int write_one(struct tape_client *k)
{
	struct tape_frame f = {.samples = 160};
	int16_t pcm[160] = {0};

	return tape_client_write(k, &f, pcm);
}

static void consume_one(void)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	cr_assert_eq(tape_tx_peek(&t, &f, pcm), 0);
	tape_tx_pop(&t);
}

Test(shm_tape_client, full_ring_asks_for_the_doorbell_once)
{
	for (uint32_t i = 0; i < TX_SLOTS; i++) {
		cr_expect_eq(tape_client_room(&c), TX_SLOTS - i);
		cr_assert_eq(write_one(&c), 0);
	}
	cr_expect_eq(tape_client_room(&c), 0u);
	consume_one();
	cr_expect_not(tape_writer_waits(&t), "nobody asked");
	cr_assert_eq(write_one(&c), 0);
	cr_expect_eq(write_one(&c), ERR_AGAIN);
	cr_expect_not(tape_writer_waits(&t), "nothing was consumed");
	consume_one();
	cr_expect(tape_writer_waits(&t));
	cr_expect_not(tape_writer_waits(&t), "rung twice");
	cr_expect_eq(tape_client_room(&c), 1u);
	cr_assert_eq(write_one(&c), 0);
	consume_one();
	cr_expect_not(tape_writer_waits(&t), "it does not wait any more");
}

Test(shm_tape_client, successor_writes_on)
{
	struct tape_client next;
	struct tape_frame f = {.samples = 160};
	int16_t pcm[160] = {0};

	for (uint32_t i = 0; i <= TX_SLOTS; i++)
		(void)!write_one(&c); /* the last one fails: it asks for room */
	cr_expect(tape_client_sleep(&c));
	tape_client_close(&c);

	cr_assert_eq(client_open(0, &next), 0);
	put(0);
	cr_expect_not(tape_reader_sleeps(&t), "the dead one's flag still stands");
	consume_one();
	cr_expect_not(tape_writer_waits(&t), "the dead one's flag still stands");
	cr_assert_eq(tape_client_write(&next, &f, pcm), 0);
	cr_expect_eq(f.tx_index, TX_SLOTS);
	tape_client_close(&next);
}

Test(shm_tape_client, successor_of_a_scribbler_starts_at_the_tail)
{
	struct tape_client next;

	cr_assert_eq(write_one(&c), 0);
	consume_one();
	atomic_store(&c.bh->tx_head, 0xdeadbeef);
	cr_assert_eq(client_open(0, &next), 0);
	cr_expect_eq(next.tx_head, 1u);
	cr_expect_eq(tape_client_room(&next), TX_SLOTS);
	tape_client_close(&next);
}

Test(shm_tape_client, sleep_and_wake)
{
	cr_expect_not(tape_reader_sleeps(&t));
	cr_expect(tape_client_sleep(&c));
	cr_expect_not(tape_reader_sleeps(&t), "nothing was published");
	put(0);
	cr_expect(tape_reader_sleeps(&t));
	cr_expect_not(tape_reader_sleeps(&t), "rung twice for one burst");
	put(1);
	cr_expect(tape_reader_sleeps(&t), "still asleep");

	tape_client_wake(&c);
	put(2);
	cr_expect_not(tape_reader_sleeps(&t), "awake");
	cr_expect_not(tape_client_sleep(&c), "three frames are there");
	cr_expect_eq(atomic_load(&t.bh->sleeping), 0u, "flag left behind");
	put(3);
	cr_expect_not(tape_reader_sleeps(&t), "awake");
	for (int64_t i = 0; i < 4; i++)
		cr_expect_eq(read_from(&c), i);
	cr_expect(tape_client_sleep(&c));
}

Test(shm_tape_client, successor_of_media_rings_for_its_predecessor)
{
	struct tape n;

	cr_expect(tape_client_sleep(&c));
	put(0); /* killed here, before ringing */
	cr_assert_eq(tape_adopt(dup(t.media.fd), dup(t.backend.fd), &n), 0);
	cr_expect(tape_reader_sleeps(&n));
	cr_expect_not(tape_reader_sleeps(&n));
	tape_release(&n);
}

Test(shm_tape_client, observer_reads_and_nothing_else)
{
	struct tape_client o;

	cr_assert_eq(tape_client_open(region_reopen_readonly(&t.media), -1, 0, &o), 0);
	put(0);
	cr_expect_eq(read_from(&o), 0);
	cr_expect_eq(write_one(&o), ERR_INVAL);
	cr_expect_eq(tape_client_room(&o), 0u);
	cr_expect(tape_client_sleep(&o));
	tape_client_wake(&o);
	tape_client_close(&o);
}

Test(shm_tape_client, refuses_what_is_no_tape)
{
	int media_fd = region_reopen_readonly(&t.media);
	int backend_fd = dup(t.backend.fd);
	struct tape_client k = {.rate_hz = 42};
	struct region small;

	cr_expect_eq(tape_client_open(backend_fd, media_fd, 0, &k), ERR_CORRUPT,
		     "swapped");
	cr_expect_eq(tape_client_open(media_fd, media_fd, 0, &k), ERR_ACCES, "same");
	cr_expect_eq(tape_client_open(-1, backend_fd, 0, &k), ERR_INVAL);
	cr_assert_eq(region_create("small", TAPE_RINGS_OFFSET, &small), 0);
	cr_expect_eq(tape_client_open(media_fd, small.fd, 0, &k), ERR_CORRUPT, "small");
	cr_expect_eq(k.rate_hz, 42u, "clobbered output");
	cr_expect_geq(fcntl(media_fd, F_GETFD), 0, "ownership taken on failure");
	cr_expect_geq(fcntl(backend_fd, F_GETFD), 0, "ownership taken on failure");
	region_close(&small);
}

Test(shm_tape_client, damaged_backend_header_is_refused)
{
	char *p = (char *)c.bh;

	for (size_t i = 0; i < offsetof(struct tape_backend_header, pad); i++) {
		struct tape_client k;

		p[i] = (char)~p[i];
		cr_expect_eq(client_open(0, &k), ERR_CORRUPT, "byte %zu", i);
		p[i] = (char)~p[i];
	}
}
