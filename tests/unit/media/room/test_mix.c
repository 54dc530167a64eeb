/* test_mix.c - mirrors media/room/mix.c: sums of voices. */
#include "media/room/mix.h"

#include <criterion/criterion.h>

static int16_t bent(int32_t sum)
{
	int16_t ret;

	mix_bend(&ret, &sum, 1);
	return ret;
}

Test(mix, what_is_below_the_knee_is_the_plain_sum)
{
	const int16_t a[4] = {1, -1, 12000, -12000}, b[4] = {2, -2, 12000, -12000};
	int32_t sum[4] = {0};
	int16_t out[4];

	mix_add(sum, a, 4);
	mix_add(sum, b, 4);
	mix_bend(out, sum, 4);
	cr_expect(out[0] == 3 && out[1] == -3 && out[2] == 24000 && out[3] == -24000);
	cr_expect(bent(MIX_KNEE) == MIX_KNEE && bent(-MIX_KNEE) == -MIX_KNEE);
}

Test(mix, a_crowd_at_full_scale_neither_wraps_nor_clips_hard)
{
	int16_t loud[2] = {INT16_MAX, INT16_MIN}, out[2];
	int32_t sum[2] = {0};

	for (int voices = 1; voices <= 65535; voices++)
		mix_add(sum, loud, 2);
	mix_bend(out, sum, 2);
	cr_expect(out[0] > 32000 && out[1] < -32000);
	cr_expect(bent(INT32_MAX) > 32000 && bent(-INT32_MAX) < -32000);
}

Test(mix, louder_in_is_louder_out_and_both_signs_are_alike)
{
	int16_t last = bent(0);

	for (int32_t sum = 0; sum < 32 * 32768; sum += 7) {
		int16_t now = bent(sum);

		cr_assert_geq(now, last, "at %d", sum);
		cr_assert_eq(bent(-sum), -now, "at %d", sum);
		last = now;
	}
}

Test(mix, has_no_corner_at_the_knee)
{
	cr_expect(bent(MIX_KNEE + 1) >= MIX_KNEE && bent(MIX_KNEE + 100) > MIX_KNEE + 90, "its slope begins at 1");
}
