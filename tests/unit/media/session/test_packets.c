/* test_packets.c - mirrors media/session/packets.c: when packets leave. M21: every packet time has its own even grid. */
#include "tests/unit/media/session/kit.h"

TestSuite(packets, .fini = teardown);

#define HALF (10 * MS)
#define LEFT_MAX 256u

static uint64_t left[LEFT_MAX]; /* when each packet left */
static uint16_t left_seq[LEFT_MAX];
static uint32_t left_ts[LEFT_MAX], left_n;

static void begin(uint8_t ptime_ms, uint32_t rate)
{
	struct session_facts f = facts;

	f.ptime_ms = ptime_ms;
	start_with(&cfg, &f, rate, 20);
	left_n = 0;
}

static void note(uint64_t at)
{
	for (uint32_t i = 0; i < out.count && left_n < LEFT_MAX; i++, left_n++) {
		left[left_n] = at;
		left_seq[left_n] = wire_get_u16(out.p[i] + 2);
		left_ts[left_n] = wire_get_u32(out.p[i] + 4);
	}
}

/* A tick and the moment between it and the next one, as the daemon's clock has them. */
static void note_tick(void)
{
	session_tick(s, now, &out, &ev);
	note(now);
	out.count = 0;
	session_later(s, &out);
	note(now + HALF);
	now += 20 * MS;
}

static void expect_even(uint32_t ptime_ms)
{
	cr_assert_gt(left_n, 3u);
	for (uint32_t i = 1; i < left_n; i++) {
		cr_expect_eq(left[i] - left[i - 1], ptime_ms * MS, "ptime %u: packet %u after %llu us", ptime_ms, i,
			     (unsigned long long)((left[i] - left[i - 1]) / 1000));
		cr_expect_eq(left_seq[i], (uint16_t)(left_seq[i - 1] + 1));
		cr_expect_eq(left_ts[i] - left_ts[i - 1], ptime_ms * 8);
	}
}

Test(packets, every_packet_time_has_its_even_grid) /* M21 */
{
	static const uint32_t rates[] = {8000, 16000, 24000, 48000};

	for (uint8_t ptime_ms = 10; ptime_ms <= SESSION_PTIME_MAX_MS; ptime_ms += 10)
		for (uint32_t r = 0; r < 4; r++) {
			begin(ptime_ms, rates[r]);
			for (int i = 0; i < 60; i++)
				note_tick();
			expect_even(ptime_ms);
			if (ptime_ms < SESSION_PTIME_MAX_MS || r < 3)
				teardown();
		}
}

Test(packets, twenty_ms_wait_for_nothing) /* M21: nor does what costs most calls nothing */
{
	begin(20, 8000);
	for (int i = 0; i < 20; i++) {
		tick();
		cr_expect(out.count == 1 && s->later_n == 0);
	}
}

Test(packets, a_late_tick_hurries_and_the_grid_goes_on) /* M21 */
{
	begin(10, 8000);
	note_tick();
	now += 40 * MS; /* two ticks late */
	tick();
	cr_expect_eq(out.count, 5u, "five of six at once, the last one at its time");
	cr_expect_gt(s->later_n, 0u);
	left_n = 0;
	now -= 20 * MS;
	out.count = 0;
	session_later(s, &out);
	note(now + HALF);
	now += 20 * MS;
	for (int i = 0; i < 20; i++)
		note_tick();
	expect_even(10);
}

Test(packets, what_was_left_for_later_and_forgotten_leaves_with_the_next_tick) /* M21 */
{
	uint16_t first;

	begin(10, 8000);
	tick();
	first = wire_get_u16(out.p[0] + 2);
	tick();
	cr_assert_eq(out.count, 2u);
	cr_expect_eq(wire_get_u16(out.p[0] + 2), (uint16_t)(first + 1));
	cr_expect_eq(wire_get_u16(out.p[1] + 2), (uint16_t)(first + 2));
}

Test(packets, nothing_leaves_later_once_the_direction_forbids_it) /* C087 */
{
	begin(10, 8000);
	tick();
	s->facts.sends = false;
	out.count = 0;
	session_later(s, &out);
	cr_expect_eq(out.count, 0u);
}

Test(packets, a_packet_that_waits_stays_where_it_is) /* a codec with memory of its own was agreed on meanwhile */
{
	static struct session_wide wide;
	uint8_t before[32];

	begin(10, 8000);
	tick();
	memcpy(before, s->later, sizeof before);
	s->wide = &wide;
	out.count = 0;
	session_later(s, &out);
	s->wide = NULL;
	cr_assert_eq(out.count, 1u);
	cr_expect_arr_eq(out.p[0], before, sizeof before);
}

Test(packets, a_successor_repeats_no_number_of_a_packet_that_waited) /* M21, kill -9 */
{
	uint16_t waited;

	begin(30, 8000);
	save();
	tick();
	tick();
	waited = wire_get_u16(out.p[0] + 2);
	tick(); /* one waits now */
	save();
	succeed();
	for (int i = 0; i < 3; i++) {
		tick();
		if (out.count > 0)
			break;
	}
	cr_assert_gt(out.count, 0u);
	cr_expect_gt((int16_t)(wire_get_u16(out.p[0] + 2) - waited), 1);
}
