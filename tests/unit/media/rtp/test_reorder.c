/* test_reorder.c - mirrors media/rtp/reorder.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/base/rand.h"
#include "media/rtp/reorder.h"

#define MS   1000000ull
#define BASE 70000u /* any extended number */

/* A reader and the story it was told: numbers, "-n" for n lost. */
struct reader {
	struct reorder r;
	uint64_t now_ns;
	char story[512];
	size_t n;
};

static struct reader reader_of(uint32_t wait_ms_max)
{
	struct reader d = {.now_ns = 1000 * MS};

	reorder_init(&d.r, wait_ms_max);
	return d;
}

static void told(struct reader *d, const char *format, unsigned v)
{
	d->n += (size_t)snprintf(d->story + d->n, sizeof d->story - d->n, format,
				 d->n > 0 ? " " : "", v);
}

static void check(const struct reorder_item *in)
{
	cr_expect_eq(in->payload_bytes, 4);
	cr_expect_eq(in->payload[0], (uint8_t)in->ext);
	cr_expect_eq(in->ts, in->ext * 160);
	cr_expect_eq(in->payload_type, 8);
	cr_expect_eq(in->marker, in->ext % 2 == 0);
}

static void drain(struct reader *d)
{
	struct reorder_item out;
	enum reorder_result got;
	uint32_t lost = 0;

	while ((got = reorder_next(&d->r, d->now_ns, &out, &lost)) != REORDER_NOTHING) {
		if (got == REORDER_LOST) {
			cr_expect_eq(out.ts, (out.ext + lost) * 160,
				     "of the packet behind");
			told(d, "%s-%u", lost);
			continue;
		}
		check(&out);
		told(d, "%s%u", (unsigned)(out.ext - BASE));
	}
}

static bool give(struct reader *d, unsigned number)
{
	uint8_t payload[4] = {(uint8_t)(BASE + number)};
	struct reorder_item in = {
		.ext = BASE + number,
		.ts = (BASE + number) * 160,
		.payload_type = 8,
		.marker = (BASE + number) % 2 == 0,
		.arrival_ns = d->now_ns,
		.payload = payload,
		.payload_bytes = sizeof payload,
	};
	bool passes = reorder_take(&d->r, &in);

	if (passes)
		told(d, "%s%u", number);
	memset(payload, 0xee, sizeof payload); /* what waits was copied */
	drain(d);
	return passes;
}

static void later(struct reader *d, uint64_t ms)
{
	d->now_ns += ms * MS;
	drain(d);
}

/* C300: in order everything passes at once */
Test(rtp_reorder, c300_in_order)
{
	struct reader d = reader_of(60);

	for (unsigned i = 0; i < 4; i++) {
		cr_expect(give(&d, i));
		cr_expect_eq(reorder_deadline_ns(&d.r), UINT64_MAX);
		later(&d, 20);
	}
	cr_expect_str_eq(d.story, "0 1 2 3");
}

/* In order nothing is copied: the item is the caller's own. */
Test(rtp_reorder, in_order_is_borrowed)
{
	static const uint8_t payload[160];
	struct reader d = reader_of(60);
	struct reorder_item in = {.ext = BASE, .payload = payload, .payload_bytes = 160};

	cr_expect(reorder_take(&d.r, &in));
	cr_expect_eq(in.payload, payload);
	cr_expect_eq(d.r.held, 0);
	in.ext++;
	in.payload_bytes = 100000; /* a size no slot could hold */
	cr_expect(reorder_take(&d.r, &in));
}

/* C300: 1 3 2 */
Test(rtp_reorder, c300_unordered)
{
	struct reader d = reader_of(60);

	give(&d, 1);
	cr_expect_not(give(&d, 3));
	cr_expect_str_eq(d.story, "1");
	later(&d, 5);
	cr_expect(give(&d, 2));
	cr_expect_str_eq(d.story, "1 2 3");
	cr_expect_eq(d.r.lost, 0);
}

/* C301: 2, then 1; a duplicate */
Test(rtp_reorder, c301_late)
{
	struct reader d = reader_of(60);

	give(&d, 2);
	give(&d, 1);
	give(&d, 2);
	give(&d, 5);
	give(&d, 5);
	cr_expect_str_eq(d.story, "2");
	cr_expect_eq(d.r.late, 2);
	cr_expect_eq(d.r.duplicates, 1);
}

/* C305, C308: the gap is reported as lost when the wait is over, to the nanosecond */
Test(rtp_reorder, c305_gap)
{
	struct reader d = reader_of(60);
	uint64_t due;

	give(&d, 0);
	later(&d, 40);
	give(&d, 2);
	due = d.now_ns + reorder_wait_ms(&d.r) * MS;
	cr_expect_eq(reorder_deadline_ns(&d.r), due);
	later(&d, 10);
	give(&d, 3);
	cr_expect_eq(reorder_deadline_ns(&d.r), due,
		     "counted from the first behind the gap");
	d.now_ns = due - 1;
	drain(&d);
	cr_expect_str_eq(d.story, "0");
	d.now_ns = due;
	drain(&d);
	cr_expect_str_eq(d.story, "0 -1 2 3");
	cr_expect_eq(d.r.lost, 1);
	cr_expect_eq(reorder_deadline_ns(&d.r), UINT64_MAX);
	give(&d, 1);
	cr_expect_str_eq(d.story, "0 -1 2 3");
	cr_expect_eq(d.r.late, 1);
}

/* Two gaps: each waits from the first packet behind itself. */
Test(rtp_reorder, two_gaps)
{
	struct reader d = reader_of(60);
	uint64_t behind_second;

	give(&d, 0);
	give(&d, 2);
	later(&d, 20);
	give(&d, 5);
	behind_second = d.now_ns;
	later(&d, 10);
	cr_expect_str_eq(d.story, "0 -1 2");
	cr_expect_eq(reorder_deadline_ns(&d.r),
		     behind_second + reorder_wait_ms(&d.r) * MS);
	give(&d, 3);
	cr_expect_str_eq(d.story, "0 -1 2 3");
	later(&d, 30);
	cr_expect_str_eq(d.story, "0 -1 2 3 -1 5");
}

/* C310: after any loss packets pass at once again: no delay stays behind */
Test(rtp_reorder, c310_latency_recovers)
{
	struct reader d = reader_of(60);

	for (unsigned i = 0; i < 500; i++) {
		bool lost = i % 50 == 7;
		bool behind = i % 50 == 8 || i % 50 == 9 || i % 50 == 10 || i % 50 == 11;

		if (!lost && !behind)
			cr_expect(give(&d, i), "%u", i);
		else if (!lost)
			give(&d, i);
		later(&d, 20);
		d.n = 0;
	}
	cr_expect_eq(d.r.lost, 10);
	cr_expect_eq(d.r.held, 0);
}

/* C311: what was sent last comes out without a packet behind it */
Test(rtp_reorder, c311_tail)
{
	struct reader d = reader_of(60);

	give(&d, 0);
	give(&d, 2);
	later(&d, 60);
	cr_expect_str_eq(d.story, "0 -1 2");
}

Test(rtp_reorder, no_wait_at_all)
{
	struct reader d = reader_of(0);

	give(&d, 0);
	give(&d, 2);
	give(&d, 3);
	cr_expect_str_eq(d.story, "0 -1 2 3");
}

/* A jump beyond the buffer ends every wait, in order, with every number accounted for. */
Test(rtp_reorder, jump_beyond_the_window)
{
	struct reader d = reader_of(60);

	give(&d, 0);
	give(&d, 2);
	give(&d, 4);
	give(&d, REORDER_SLOTS + 1);
	cr_expect_str_eq(d.story, "0 -1 2 -1 4 -28 33");
	cr_expect_eq(d.r.overflows, 1);
	cr_expect(give(&d, REORDER_SLOTS + 2));
	cr_expect_eq(d.r.held, 0);
	cr_expect_not(give(&d, REORDER_SLOTS + 4), "and the next gap waits as usual");
	cr_expect_eq(d.r.held, 1);
}

/* Exactly at the cap: every slot taken, the missing one comes last. */
Test(rtp_reorder, full_buffer)
{
	struct reader d = reader_of(60);

	give(&d, 0);
	for (unsigned i = 2; i <= REORDER_SLOTS; i++)
		cr_expect_not(give(&d, i));
	cr_expect_eq(d.r.held, REORDER_SLOTS - 1);
	cr_expect_eq(d.r.overflows, 0);
	cr_expect(give(&d, 1));
	cr_expect_eq(d.r.held, 0);
	cr_expect_eq(d.r.lost, 0);
}

/* Packets taken without asking for what is due lose only themselves. */
Test(rtp_reorder, two_beyond_without_draining)
{
	uint8_t payload[4] = {0};
	struct reader d = reader_of(60);
	struct reorder_item in = {.ext = BASE, .payload = payload, .payload_bytes = 4};
	struct reorder_item out;
	uint32_t lost;

	cr_expect(reorder_take(&d.r, &in));
	in.ext = BASE + 100;
	cr_expect_not(reorder_take(&d.r, &in));
	in.ext = BASE + 200;
	cr_expect_not(reorder_take(&d.r, &in));
	cr_expect_eq(d.r.late, 1);
	cr_expect_eq(reorder_next(&d.r, 0, &out, &lost), REORDER_LOST);
	cr_expect_eq(lost, 99);
	cr_expect_eq(reorder_next(&d.r, 0, &out, &lost), REORDER_PACKET);
	cr_expect_eq(out.ext, BASE + 100);
	cr_expect_eq(reorder_next(&d.r, 0, &out, &lost), REORDER_NOTHING);
}

/* Packets of any size, each filled with octets of its number. */
static bool give_sized(struct reader *d, unsigned number, size_t bytes)
{
	static uint8_t payload[2 * REORDER_PAYLOAD_MAX];
	struct reorder_item in = {
		.ext = BASE + number, .arrival_ns = d->now_ns, .payload = bytes > 0 ? payload : NULL, .payload_bytes = bytes,
	};
	bool passes;

	memset(payload, (int)number, sizeof payload);
	passes = reorder_take(&d->r, &in);
	memset(payload, 0xee, sizeof payload);
	return passes;
}

static void expect_sized(struct reader *d, unsigned number, size_t bytes)
{
	struct reorder_item out = {.ext = 0};
	uint32_t lost;

	cr_assert_eq(reorder_next(&d->r, d->now_ns, &out, &lost), REORDER_PACKET, "%u", number);
	cr_expect_eq(out.ext, BASE + number);
	cr_assert_eq(out.payload_bytes, bytes, "%u", number);
	for (size_t i = 0; i < bytes; i++)
		cr_assert_eq(out.payload[i], (uint8_t)number, "octet %zu of %u", i, number);
}

static void expect_lost(struct reader *d, unsigned number, uint32_t count)
{
	struct reorder_item out = {.ext = 0};
	uint32_t lost = 0;

	cr_assert_eq(reorder_next(&d->r, d->now_ns, &out, &lost), REORDER_LOST, "%u", number);
	cr_expect_eq(out.ext, BASE + number);
	cr_expect_eq(lost, count);
}

static void expect_nothing(struct reader *d)
{
	struct reorder_item out;
	uint32_t lost;

	cr_assert_eq(reorder_next(&d->r, d->now_ns, &out, &lost), REORDER_NOTHING);
}

/* M1: whatever the packet time, a gap ends after the wait and what was behind it is whole. */
Test(rtp_reorder, m1_a_gap_ends_whatever_the_size)
{
	static const size_t sizes[] = {0, 1, 255, 256, 257, 480, 512, 513, 640, 1024, 1600, REORDER_PAYLOAD_MAX - 1, REORDER_PAYLOAD_MAX};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct reader d = reader_of(60);

		cr_expect(give_sized(&d, 0, sizes[i]));
		cr_expect_not(give_sized(&d, 2, sizes[i]));
		expect_nothing(&d);
		d.now_ns += 60 * MS;
		expect_lost(&d, 1, 1);
		expect_sized(&d, 2, sizes[i]);
		cr_expect(give_sized(&d, 3, sizes[i]), "%zu octets: the stream goes on", sizes[i]);
		cr_expect_eq(d.r.oversize, 0);
	}
}

/* M1: longer than any datagram we read: cut, counted, and in its place. */
Test(rtp_reorder, m1_oversize_behind_a_gap_is_cut)
{
	struct reader d = reader_of(60);

	give_sized(&d, 0, 4);
	cr_expect_not(give_sized(&d, 2, REORDER_PAYLOAD_MAX + 1));
	cr_expect_eq(d.r.oversize, 1);
	d.now_ns += 60 * MS;
	expect_lost(&d, 1, 1);
	expect_sized(&d, 2, REORDER_PAYLOAD_MAX);
	cr_expect(give_sized(&d, 3, 4));
}

/* Slots and room are two limits: the largest packets fill the room with eight of them. */
Test(rtp_reorder, no_room_ends_the_wait)
{
	struct reader d = reader_of(60);
	unsigned fit = REORDER_BLOCKS * REORDER_BLOCK_BYTES / REORDER_PAYLOAD_MAX;

	give_sized(&d, 0, 4);
	for (unsigned i = 2; i < 2 + fit; i++)
		cr_expect_not(give_sized(&d, i, REORDER_PAYLOAD_MAX));
	cr_expect_eq(d.r.overflows, 0);
	expect_nothing(&d);
	cr_expect_not(give_sized(&d, 2 + fit, 0), "an empty one needs no room");
	expect_nothing(&d);
	cr_expect_not(give_sized(&d, 3 + fit, 1));
	cr_expect_eq(d.r.overflows, 1);
	cr_expect_not(give_sized(&d, 3 + fit, 1));
	cr_expect_eq(d.r.duplicates, 1);
	expect_lost(&d, 1, 1);
	for (unsigned i = 2; i < 2 + fit; i++)
		expect_sized(&d, i, REORDER_PAYLOAD_MAX);
	expect_sized(&d, 2 + fit, 0);
	expect_sized(&d, 3 + fit, 1);
	expect_nothing(&d);
	cr_expect_not(give_sized(&d, 5 + fit, REORDER_PAYLOAD_MAX), "the room is free again, and the next gap waits");
	expect_nothing(&d);
}

/* The one that found no room is not always the last in order. */
Test(rtp_reorder, no_room_for_one_in_the_middle)
{
	struct reader d = reader_of(60);
	unsigned fit = REORDER_BLOCKS * REORDER_BLOCK_BYTES / REORDER_PAYLOAD_MAX;

	give_sized(&d, 0, 4);
	for (unsigned i = 0; i < fit; i++)
		cr_expect_not(give_sized(&d, 4 + i, REORDER_PAYLOAD_MAX));
	cr_expect_not(give_sized(&d, 2, 300));
	expect_lost(&d, 1, 1);
	expect_sized(&d, 2, 300);
	expect_lost(&d, 3, 1);
	for (unsigned i = 0; i < fit; i++)
		expect_sized(&d, 4 + i, REORDER_PAYLOAD_MAX);
	expect_nothing(&d);
	cr_expect_eq(d.r.lost, 2);
}

/* Neighbouring blocks are found between others that stay. */
Test(rtp_reorder, room_between_packets)
{
	struct reader d = reader_of(60);

	give_sized(&d, 0, 4);
	for (unsigned i = 2; i <= 20; i++) /* 19 packets of three blocks */
		cr_expect_not(give_sized(&d, i, 3 * REORDER_BLOCK_BYTES));
	cr_expect(give_sized(&d, 1, 4));
	for (unsigned i = 2; i <= 10; i++)
		expect_sized(&d, i, 3 * REORDER_BLOCK_BYTES);
	cr_expect_not(give_sized(&d, 22, REORDER_PAYLOAD_MAX));
	cr_expect_not(give_sized(&d, 23, 1));
	for (unsigned i = 11; i <= 20; i++)
		expect_sized(&d, i, 3 * REORDER_BLOCK_BYTES);
	expect_nothing(&d);
	cr_expect(give_sized(&d, 21, 4));
	expect_sized(&d, 22, REORDER_PAYLOAD_MAX);
	expect_sized(&d, 23, 1);
	cr_expect_eq(d.r.overflows, 0);
}

/* A hole of one block is no room for two. */
Test(rtp_reorder, room_is_not_split)
{
	struct reader d = reader_of(60);

	give_sized(&d, 0, 4);
	cr_expect_not(give_sized(&d, 2, 1));
	cr_expect_not(give_sized(&d, 3, 2 * REORDER_BLOCK_BYTES + 1));
	cr_expect(give_sized(&d, 1, 4));
	expect_sized(&d, 2, 1);
	cr_expect_not(give_sized(&d, 5, REORDER_BLOCK_BYTES + 1));
	cr_expect_not(give_sized(&d, 6, REORDER_BLOCK_BYTES));
	cr_expect_not(give_sized(&d, 7, 1));
	expect_sized(&d, 3, 2 * REORDER_BLOCK_BYTES + 1);
	expect_nothing(&d);
	cr_expect(give_sized(&d, 4, 4));
	expect_sized(&d, 5, REORDER_BLOCK_BYTES + 1);
	expect_sized(&d, 6, REORDER_BLOCK_BYTES);
	expect_sized(&d, 7, 1);
}

/* M1: a stream that never stops to lose keeps no room. */
Test(rtp_reorder, room_comes_back)
{
	struct reader d = reader_of(60);

	give_sized(&d, 0, 4);
	for (unsigned i = 1; i < 400; i++) {
		cr_expect_not(give_sized(&d, 2 * i, 1600));
		d.now_ns += 60 * MS;
		expect_lost(&d, 2 * i - 1, 1);
		expect_sized(&d, 2 * i, 1600);
	}
	cr_expect_eq(d.r.overflows, 0);
}

/* Nothing of what waited is left by a reset: no room, no number, no flush under way, no gap that teaches. */
Test(rtp_reorder, reset_forgets_what_waits)
{
	struct reader d = reader_of(60);
	uint32_t samples;

	give_sized(&d, 0, 4);
	give_sized(&d, 2, 1600);
	d.now_ns += 30 * MS;
	expect_lost(&d, 1, 1);
	give_sized(&d, 4, 1600);
	give_sized(&d, 100, 1600);
	cr_expect_eq(d.r.overflows, 1);
	samples = d.r.samples;
	reorder_reset(&d.r);
	expect_nothing(&d);
	cr_expect(give_sized(&d, 2, 4), "its number is free");
	give_sized(&d, 1, 4);
	cr_expect_eq(d.r.samples, samples, "another stream's gap is none of this one's");
	for (unsigned i = 0; i < 9; i++)
		cr_expect_not(give_sized(&d, 4 + i, 1600));
	expect_nothing(&d);
	cr_expect_eq(d.r.overflows, 1, "nine fit again");
	cr_expect_eq(d.r.duplicates, 0);
	cr_expect_not(give_sized(&d, 100, 1600));
	expect_lost(&d, 3, 1);
}

/* A flush ends the wait of a single packet too. */
Test(rtp_reorder, flush_of_one)
{
	struct reader d = reader_of(60);

	give(&d, 0);
	give(&d, 2);
	reorder_flush(&d.r);
	drain(&d);
	cr_expect_str_eq(d.story, "0 -1 2");
}

/* Whatever was in its memory before. */
Test(rtp_reorder, init_of_used_memory)
{
	struct reader d = {.now_ns = 1000 * MS};

	memset(&d.r, 0xa5, sizeof d.r);
	reorder_init(&d.r, 60);
	cr_expect_eq(reorder_wait_ms(&d.r), 30);
	give(&d, 0);
	give(&d, 2);
	give(&d, 1);
	cr_expect_str_eq(d.story, "0 1 2");
	cr_expect_eq(d.r.held, 0);
	cr_expect_eq(d.r.lost + d.r.late + d.r.duplicates + d.r.overflows + d.r.oversize, 0);
}

/* What is held and next is due at once. */
Test(rtp_reorder, due_when_the_gap_is_closed)
{
	struct reader d = reader_of(60);

	give_sized(&d, 0, 4);
	give_sized(&d, 2, 4);
	cr_expect_eq(reorder_deadline_ns(&d.r), d.now_ns + 30 * MS);
	give_sized(&d, 1, 4);
	cr_expect_eq(reorder_deadline_ns(&d.r), 0);
}

/* C302: a stream that starts again; what waited of the old one is not lost */
Test(rtp_reorder, c302_flush_and_reset)
{
	struct reader d = reader_of(60);

	give(&d, 2000);
	give(&d, 2002);
	give(&d, 2005);
	reorder_flush(&d.r);
	drain(&d);
	cr_expect_str_eq(d.story, "2000 -1 2002 -2 2005");
	reorder_reset(&d.r);
	cr_expect(give(&d, 1));
	cr_expect_not(give(&d, 3), "the flush is over");
	reorder_reset(&d.r);
	cr_expect_eq(reorder_deadline_ns(&d.r), UINT64_MAX);
	cr_expect(give(&d, 9000));
	cr_expect_eq(d.r.lost, 3, "counters stay");
	reorder_flush(&d.r); /* with nothing held it is nothing */
	cr_expect_not(give(&d, 9002));
	cr_expect_eq(d.r.held, 1);
}

/* Before anything is known: about half of what is allowed, as far as the bins reach. */
Test(rtp_reorder, first_wait)
{
	static const struct {
		uint32_t most, wait;
	} cases[] = {
		{0, 0}, {5, 5}, {9, 9}, {10, 10}, {19, 10}, {20, 10}, {29, 10}, {30, 15}, {40, 20}, {60, 30}, {100, 50}, {120, 60},
		{140, 70}, {200, 70}, {1000, 70},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct reader d = reader_of(cases[i].most);

		cr_expect_eq(reorder_wait_ms(&d.r), cases[i].wait, "%u: %u", cases[i].most, reorder_wait_ms(&d.r));
	}
}

/* The 0.95 quantile of what was seen, old gaps counting half with every 256, to the millisecond. */
struct model {
	unsigned bins[REORDER_BINS], n;
};

static void model_learn(struct model *m, unsigned delay_ms)
{
	unsigned bin = delay_ms / 5;

	m->bins[bin < REORDER_BINS ? bin : REORDER_BINS - 1]++;
	if (++m->n < 256)
		return;
	m->n = 0;
	for (unsigned i = 0; i < REORDER_BINS; i++)
		m->n += m->bins[i] /= 2;
}

static unsigned model_wait(const struct model *m, unsigned most)
{
	unsigned sum = 0, bin;

	for (bin = 0; bin < REORDER_BINS; bin++) {
		sum += m->bins[bin];
		if (100 * sum >= 95 * m->n)
			break;
	}
	return 5 * bin + 10 < most ? 5 * bin + 10 : most;
}

Test(rtp_reorder, the_wait_is_the_quantile)
{
	static const unsigned most[] = {40, 60, 200};

	for (uint64_t seed = 0; seed < 6; seed++) {
		unsigned limit = most[seed % 3], at = 1, first = limit / 10 - 2;
		struct reader d = reader_of(limit);
		struct model m = {.n = 1};
		struct rand r;

		rand_seed(&r, seed);
		m.bins[first < REORDER_BINS ? first : REORDER_BINS - 1] = 1;
		give(&d, 0);
		for (unsigned i = 0; i < 1500; i++, at += 2) {
			unsigned spread = i < 500 ? 20 : i < 900 ? 90 : 8;
			unsigned delay = rand_below(&r, 1 + rand_below(&r, spread)), wait = model_wait(&m, limit);

			give(&d, at + 1);
			later(&d, delay);
			give(&d, at);
			if (delay >= wait)
				model_learn(&m, 0);
			if (delay < wait || delay <= limit)
				model_learn(&m, delay);
			later(&d, 100);
			d.n = 0;
			cr_assert_eq(reorder_wait_ms(&d.r), model_wait(&m, limit), "seed %lu, gap %u: %u, not %u", (unsigned long)seed, i,
				     reorder_wait_ms(&d.r), model_wait(&m, limit));
		}
	}
}

/* The wait follows the delays that missing packets really have. */
static void swap_for(struct reader *d, unsigned *at, unsigned swaps, uint64_t delay_ms)
{
	for (unsigned i = 0; i < swaps; i++, *at += 2) {
		give(d, *at + 1);
		later(d, delay_ms);
		give(d, *at);
		later(d, 100);
		d->n = 0;
	}
}

Test(rtp_reorder, learns_the_delay)
{
	struct reader d = reader_of(60);
	unsigned at = 1;

	give(&d, 0);
	cr_expect_eq(reorder_wait_ms(&d.r), 30, "nothing known: half of what is allowed");
	swap_for(&d, &at, 60, 3);
	cr_expect_eq(reorder_wait_ms(&d.r), 10);
	cr_expect_eq(d.r.lost, 0);
	/* the path changes: the first come too late, and teach */
	swap_for(&d, &at, 300, 42);
	cr_expect_eq(reorder_wait_ms(&d.r), 50);
	cr_expect_leq(d.r.lost, 10, "%lu", (unsigned long)d.r.lost);
	/* and back */
	swap_for(&d, &at, 3000, 3);
	cr_expect_eq(reorder_wait_ms(&d.r), 10);
}

/* Where missing packets never come, waiting for them is in vain. */
Test(rtp_reorder, learns_that_waiting_is_in_vain)
{
	struct reader d = reader_of(60);

	for (unsigned i = 0; i < 100; i++) {
		give(&d, 2 * i);
		later(&d, 100);
		d.n = 0;
	}
	cr_expect_eq(d.r.lost, 99);
	cr_expect_eq(reorder_wait_ms(&d.r), 10);
}

/* A gap teaches once, however many of its packets come too late; those of no gap teach nothing. */
Test(rtp_reorder, a_gap_teaches_once)
{
	struct reader d = reader_of(60);
	uint32_t before;

	give(&d, 0);
	give(&d, 4);
	later(&d, 40);
	cr_expect_str_eq(d.story, "0 -3 4");
	before = d.r.samples;
	give(&d, 1);
	cr_expect_eq(d.r.samples, before + 1);
	give(&d, 2);
	give(&d, 3);
	give(&d, 4);
	cr_expect_eq(d.r.samples, before + 1);
	cr_expect_eq(d.r.late, 4);
}

/* The edges of the gap that was given up: the packets before and behind it were delivered. */
Test(rtp_reorder, only_what_is_missing_teaches)
{
	static const struct {
		unsigned number;
		uint64_t delay_ms;
		uint32_t teaches;
	} cases[] = {
		{0, 40, 0}, {1, 40, 1}, {3, 40, 1}, {4, 40, 0}, {1, 60, 1}, {1, 61, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct reader d = reader_of(60);
		uint32_t before;

		give(&d, 0);
		give(&d, 4);
		later(&d, cases[i].delay_ms);
		before = d.r.samples;
		give(&d, cases[i].number);
		cr_expect_eq(d.r.samples - before, cases[i].teaches, "%u after %lu ms", cases[i].number,
			     (unsigned long)cases[i].delay_ms);
	}
}

/* Any order, any loss, any duplication: every number is told once, in order, as packet or
 * as lost, nobody waits longer than 60 ms (and the 40 until the next look), and what is
 * delivered is what was sent. */
Test(rtp_reorder, random_orders)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		static unsigned order[4000];
		unsigned delivered = 0, sent = 0, missing = 0;
		struct reader d = reader_of(60);
		uint64_t expect = BASE;
		struct rand r;

		rand_seed(&r, seed);
		for (unsigned i = 0; i < 4000; i++)
			order[i] = i;
		for (unsigned i = 1; i + 8 < 4000; i++) {
			unsigned j = i + rand_below(&r, 1 + (uint32_t)(seed % 8));
			unsigned keep = order[i];

			order[i] = order[j];
			order[j] = keep;
		}
		for (unsigned i = 0; i < 4000; i++) {
			uint8_t payload[4] = {(uint8_t)(BASE + order[i])};
			struct reorder_item in = {
				.ext = BASE + order[i],
				.ts = (BASE + order[i]) * 160,
				.payload_type = 8,
				.marker = (BASE + order[i]) % 2 == 0,
				.arrival_ns = d.now_ns,
				.payload = payload,
				.payload_bytes = 4,
			};
			struct reorder_item out;
			enum reorder_result got;
			uint32_t lost;

			if (i > 0 && rand_below(&r, 20) == 0)
				continue;
			sent++;
			for (int twice = rand_below(&r, 30) == 0; twice >= 0; twice--) {
				if (reorder_take(&d.r, &in)) {
					cr_assert_eq(in.ext, expect++);
					delivered++;
				}
				while ((got = reorder_next(&d.r, d.now_ns, &out,
							   &lost)) != REORDER_NOTHING) {
					cr_assert_eq(out.ext, expect);
					if (got == REORDER_LOST) {
						expect += lost;
						missing += lost;
						continue;
					}
					check(&out);
					cr_assert_lt(d.now_ns - out.arrival_ns, 100 * MS);
					expect++;
					delivered++;
				}
			}
			d.now_ns += rand_below(&r, 40) * MS;
		}
		cr_expect_eq(delivered + missing, expect - BASE);
		cr_expect_eq(d.r.lost, missing);
		cr_expect_leq(delivered + d.r.held, sent);
		cr_expect_gt(delivered, sent / 2);
	}
}
