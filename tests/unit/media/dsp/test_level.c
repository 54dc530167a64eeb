/* test_level.c - mirrors media/dsp/level.c */
#include <criterion/criterion.h>
#include <math.h>

#include "common/base/rand.h"
#include "media/dsp/level.h"

static int16_t pcm[LEVEL_SAMPLES_MAX];

static void fill(int16_t a, int16_t b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = i % 2 == 0 ? a : b;
}

Test(dsp_level, rms)
{
	fill(0, 0, 160);
	cr_expect_eq(level_rms(pcm, 160), 0);
	cr_expect_eq(level_rms(pcm, 0), 0);
	fill(1000, -1000, 160);
	cr_expect_eq(level_rms(pcm, 160), 1000);
	fill(INT16_MIN, INT16_MIN, LEVEL_SAMPLES_MAX);
	cr_expect_eq(level_rms(pcm, LEVEL_SAMPLES_MAX), 32768);
	fill(INT16_MAX, INT16_MAX, 7);
	cr_expect_eq(level_rms(pcm, 7), 32767);
	fill(3, 4, 2); /* sqrt(12.5), rounded down */
	cr_expect_eq(level_rms(pcm, 2), 3);
}

/* C326: within 1 dB of the definition at any level */
Test(dsp_level, c326_dbov)
{
	struct rand r;

	rand_seed(&r, 5);
	for (int amplitude = 1; amplitude <= 32767; amplitude += 1 + amplitude / 50) {
		double sum = 0, exact;
		uint8_t db;

		for (size_t i = 0; i < 160; i++) {
			pcm[i] = (int16_t)((int)rand_below(&r,
							   2u * (uint32_t)amplitude + 1) -
					   amplitude);
			sum += (double)pcm[i] * pcm[i];
		}
		exact = -10 * log10(sum / 160 / 32768 / 32768);
		db = level_dbov(pcm, 160);
		cr_assert_leq(fabs(db - exact), 0.5001, "%d: %u for %g", amplitude, db,
			      exact);
	}
}

Test(dsp_level, dbov_ends)
{
	fill(0, 0, 160);
	cr_expect_eq(level_dbov(pcm, 160), LEVEL_SILENCE);
	cr_expect_eq(level_dbov(pcm, 0), LEVEL_SILENCE);
	fill(INT16_MIN, INT16_MIN, LEVEL_SAMPLES_MAX);
	cr_expect_eq(level_dbov(pcm, LEVEL_SAMPLES_MAX), 0);
	fill(1, -1, 160);
	cr_expect_eq(level_dbov(pcm, 160), 90);
	for (size_t i = 0; i < 160; i++)
		pcm[i] = (int16_t)lrint(32767 *
					sin((double)i * 2 * 3.14159265358979 / 16));
	cr_expect_eq(level_dbov(pcm, 160), 3);
}

Test(dsp_level, fades)
{
	fill(10000, 10000, 40);
	level_fade_in(pcm, 40);
	cr_expect_eq(pcm[0], 0);
	cr_expect_eq(pcm[39], 9750);
	for (size_t i = 1; i < 40; i++)
		cr_expect_eq(pcm[i] - pcm[i - 1], 250);
	fill(INT16_MIN, INT16_MIN, 40);
	level_fade_out(pcm, 40);
	cr_expect_eq(pcm[39], 0);
	for (size_t i = 1; i < 40; i++)
		cr_expect_geq(pcm[i], pcm[i - 1]);
	level_fade_in(pcm, 0);
	level_fade_out(pcm, 0);
	pcm[0] = 100;
	level_fade_out(pcm, 1);
	cr_expect_eq(pcm[0], 0);
}
