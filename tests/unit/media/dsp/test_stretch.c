/* test_stretch.c - mirrors media/dsp/stretch.c */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/dsp/stretch.h"

#define MOST 1440u /* 30 ms at 48 kHz */

static int16_t pcm[MOST], out[2 * MOST];

/* A voice of that pitch: a few harmonics. */
static int16_t voice(double hz, double at)
{
	double v = 0;

	for (int k = 1; k <= 4; k++)
		v += sin(2 * M_PI * hz * k * at + k) / k;
	return (int16_t)lrint(6000 * v);
}

static void speak(double hz, uint32_t rate, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		pcm[i] = voice(hz, i / (double)rate);
}

/* Largest step between neighbours. */
static int step_of(const int16_t *p, uint32_t n)
{
	int most = 0;

	for (uint32_t i = 1; i < n; i++)
		most = abs(p[i] - p[i - 1]) > most ? abs(p[i] - p[i - 1]) : most;
	return most;
}

Test(stretch, finds_the_pitch_at_every_rate)
{
	static const uint32_t rates[] = {8000, 16000, 24000, 48000};

	for (size_t r = 0; r < 4; r++)
		for (double hz = 75; hz < 390; hz += 7) {
			uint32_t n = rates[r] * 30 / 1000, period, whole;

			speak(hz, rates[r], n);
			period = stretch_period(pcm, n, rates[r], STRETCH_ALIKE);
			cr_assert_neq(period, 0u, "%f Hz at %u", hz, rates[r]);
			whole = (uint32_t)lrint(period * hz / rates[r]); /* one period or several */
			cr_expect(whole >= 1 && fabs(period - whole * rates[r] / hz) <= 1.01, "%f Hz at %u: %u", hz, rates[r], period);
		}
}

Test(stretch, one_period_less_and_one_more_sound_the_same)
{
	for (double hz = 100; hz < 390; hz += 13) {
		uint32_t n = 240, period, left;
		int step;

		speak(hz, 8000, n);
		step = step_of(pcm, n);
		period = stretch_period(pcm, n, 8000, STRETCH_ALIKE);
		cr_assert_eq(stretch_more(pcm, n, period, out), n + period);
		cr_expect(out[0] == pcm[0] && out[n + period - 1] == pcm[n - 1], "the ends are its own");
		cr_expect_leq(step_of(out, n + period), step * 5 / 4, "%f Hz", hz);
		left = stretch_less(pcm, n, period);
		cr_assert_eq(left, n - period);
		cr_expect_eq(pcm[0], voice(hz, 0));
		if (2 * period < n)
			cr_expect_eq(pcm[left - 1], voice(hz, (n - 1) / 8000.0));
		cr_expect_leq(step_of(pcm, left), step * 5 / 4, "%f Hz", hz);
	}
}

Test(stretch, noise_has_no_period_and_silence_has_any)
{
	unsigned found = 0;

	srand(1);
	for (int k = 0; k < 100; k++) {
		for (uint32_t i = 0; i < 240; i++)
			pcm[i] = (int16_t)(rand() % 8000 - 4000);
		found += stretch_period(pcm, 240, 8000, STRETCH_ALIKE) != 0;
		cr_expect_neq(stretch_period(pcm, 240, 8000, 0), 0u, "the best there is");
	}
	cr_expect_eq(found, 0u);
	memset(pcm, 0, sizeof pcm);
	cr_expect_eq(stretch_period(pcm, 240, 8000, 100), 120u);
}

Test(stretch, what_is_too_short_has_none)
{
	speak(200, 8000, 240);
	for (uint32_t n = 0; n < 40; n++)
		cr_expect_eq(stretch_period(pcm, n, 8000, 0), 0u);
	cr_expect_eq(stretch_period(pcm, 160, 8000, STRETCH_ALIKE), 40u);
	cr_expect_eq(stretch_period(pcm, 80, 4000, 0), 0u, "no rate of ours");
}

Test(stretch, the_loudest_samples_do_not_overflow)
{
	for (uint32_t i = 0; i < MOST; i++)
		pcm[i] = i / 60 % 2 ? INT16_MIN : INT16_MAX;
	cr_expect_eq(stretch_period(pcm, MOST, 48000, STRETCH_ALIKE) % 120, 0u);
}
