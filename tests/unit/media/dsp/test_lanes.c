/* Two lanes on one time line (media/dsp/lanes.h). */
#include <criterion/criterion.h>

#include "media/dsp/lanes.h"

#define WINDOW 1000u

static int16_t memory[LANES * WINDOW], out[2 * WINDOW];

static void put(struct lanes *l, uint32_t lane, uint64_t pos, int16_t value, uint32_t n)
{
	int16_t pcm[WINDOW];

	for (uint32_t i = 0; i < n; i++)
		pcm[i] = value;
	lanes_put(l, lane, pos, pcm, n);
}

Test(dsp_lanes, both_stand_at_their_place)
{
	struct lanes l;

	lanes_init(&l, memory, WINDOW, 5000);
	put(&l, 0, 4990, 7, 20); /* begins before us */
	put(&l, 1, 5005, 9, 20); /* a hole before it */
	cr_assert_eq(lanes_ready(&l, 100), 10);
	lanes_take(&l, out, 10, false);
	for (int i = 0; i < 10; i++) {
		cr_assert_eq(out[2 * i], 7);
		cr_assert_eq(out[2 * i + 1], i < 5 ? 0 : 9, "%d", i);
	}
	cr_assert_eq(l.pos, 5010);
	cr_assert_eq(lanes_ready(&l, 100), 0, "the first lane has said nothing more");
}

Test(dsp_lanes, who_falls_behind_is_waited_for_and_not_for_ever)
{
	struct lanes l;

	lanes_init(&l, memory, WINDOW, 0);
	put(&l, 1, 0, 3, 150);
	cr_assert_eq(lanes_ready(&l, 200), 0);
	put(&l, 1, 150, 3, 150);
	cr_assert_eq(lanes_ready(&l, 200), 100);
	lanes_take(&l, out, 100, false);
	put(&l, 0, 90, 5, 20); /* half of it is too late */
	cr_assert_eq(lanes_ready(&l, 200), 10);
	lanes_take(&l, out, 10, false);
	cr_assert_eq(out[0], 5);
	cr_assert_eq(out[1], 3);
}

Test(dsp_lanes, the_window_goes_round_and_leaves_silence_behind)
{
	struct lanes l;

	lanes_init(&l, memory, WINDOW, 0);
	for (uint64_t pos = 0; pos < 10 * WINDOW; pos += 160) {
		cr_assert_not(lanes_is_full(&l, pos, 160));
		put(&l, 0, pos, (int16_t)(pos / 160), 160);
		put(&l, 1, pos, (int16_t)(pos / 160 + 1000), pos % 320 == 0 ? 160 : 0);
		cr_assert_leq(lanes_ready(&l, 0), WINDOW);
		lanes_take(&l, out, 160, false);
		cr_assert_eq(out[0], (int16_t)(pos / 160));
		cr_assert_eq(out[319], pos % 320 == 0 ? (int16_t)(pos / 160 + 1000) : 0, "nothing of the lap before");
	}
	cr_assert(lanes_is_full(&l, l.pos + WINDOW - 159, 160));
	put(&l, 0, l.pos + WINDOW - 10, 1, 160); /* no further than the window */
	cr_assert_eq(lanes_ready(&l, 0), WINDOW);
}

Test(dsp_lanes, mono_saturates)
{
	struct lanes l;

	lanes_init(&l, memory, WINDOW, 0);
	put(&l, 0, 0, 30000, 2);
	put(&l, 1, 0, 30000, 1);
	put(&l, 1, 1, -40, 1);
	lanes_take(&l, out, 2, true);
	cr_assert_eq(out[0], INT16_MAX);
	cr_assert_eq(out[1], 29960);
	put(&l, 0, 2, INT16_MIN, 1);
	put(&l, 1, 2, -1, 1);
	lanes_take(&l, out, 1, true);
	cr_assert_eq(out[0], INT16_MIN);
}
