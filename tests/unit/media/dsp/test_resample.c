/* test_resample.c - mirrors media/dsp/resample.c */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "common/base/rand.h"
#include "media/dsp/resample.h"

#define PI        3.14159265358979323846
#define SAMPLES   9600u /* analysed, of the output */
#define SETTLE    960u  /* skipped first */
#define IN_MAX    (6 * (SAMPLES + SETTLE))
#define AMPLITUDE 16000.0

static int16_t in[IN_MAX], out[IN_MAX];

static void tone(double hz, uint32_t rate_hz, size_t n)
{
	for (size_t i = 0; i < n; i++)
		in[i] = (int16_t)lrint(AMPLITUDE *
				       sin(2 * PI * hz * (double)i / rate_hz));
}

/* Convert `n` samples in blocks of 20 ms. */
static size_t convert(struct resample *r, size_t n)
{
	size_t made = 0, block = r->from_hz / 50;

	for (size_t at = 0; at < n; at += block)
		made += resample_run(r, in + at, block, out + made, IN_MAX - made);
	return made;
}

/* Amplitude of one frequency in out[SETTLE..SETTLE + SAMPLES) relative to the input, dB.
 * Frequencies are multiples of rate / SAMPLES, so that nothing leaks. */
static double gain_db(double hz, uint32_t rate_hz)
{
	double re = 0, im = 0;

	for (size_t i = 0; i < SAMPLES; i++) {
		double phase = 2 * PI * hz * (double)i / rate_hz;

		re += out[SETTLE + i] * cos(phase);
		im += out[SETTLE + i] * sin(phase);
	}
	return 20 * log10(2 * hypot(re, im) / SAMPLES / AMPLITUDE + 1e-9);
}

static struct resample resampler(uint32_t from_hz, uint32_t to_hz)
{
	struct resample r;

	cr_assert_eq(resample_init(&r, from_hz, to_hz), 0);
	return r;
}

/* 8 to 16 kHz: flat to 3.4 kHz, and the mirror image above 4 kHz is gone. */
Test(dsp_resample, doubling_response)
{
	for (double hz = 100; hz <= 3400; hz += 100) {
		struct resample r = resampler(8000, 16000);

		tone(hz, 8000, 5600);
		cr_assert_geq(convert(&r, 5600), SETTLE + SAMPLES);
		cr_assert_lt(fabs(gain_db(hz, 16000)), 0.1, "%g Hz: %g dB", hz,
			     gain_db(hz, 16000));
		cr_assert_lt(gain_db(8000 - hz, 16000), -55, "image of %g Hz: %g dB", hz,
			     gain_db(8000 - hz, 16000));
		resample_fini(&r);
	}
}

/* 16 to 8 kHz: flat to 3.4 kHz, and what lies above 4.6 kHz does not come back below. */
Test(dsp_resample, halving_response)
{
	for (double hz = 100; hz <= 3400; hz += 100) {
		struct resample r = resampler(16000, 8000);

		tone(hz, 16000, 2 * (SETTLE + SAMPLES));
		cr_assert_eq(convert(&r, 2 * (SETTLE + SAMPLES)), SETTLE + SAMPLES);
		cr_assert_lt(fabs(gain_db(hz, 8000)), 0.1, "%g Hz: %g dB", hz,
			     gain_db(hz, 8000));

		r = resampler(16000, 8000);
		tone(8000 - hz, 16000, 2 * (SETTLE + SAMPLES));
		(void)convert(&r, 2 * (SETTLE + SAMPLES));
		cr_assert_lt(gain_db(hz, 8000), -55, "alias of %g Hz: %g dB", 8000 - hz,
			     gain_db(hz, 8000));
	}
}

/* There and back: the same speech, later by both delays. */
Test(dsp_resample, round_trip)
{
	struct resample up = resampler(8000, 16000), down = resampler(16000, 8000);
	static int16_t wide[2 * 8000], back[8000];
	double noise = 0, signal = 0;
	uint32_t delay_us = resample_delay_us(&up) + resample_delay_us(&down);
	const size_t delay = 23;

	cr_expect_eq((delay_us * 8 + 500) / 1000, delay);
	for (size_t i = 0; i < 8000; i++)
		in[i] = (int16_t)(8000 * sin((double)i * 0.21) +
				  6000 * sin((double)i * 1.37));
	cr_assert_eq(resample_run(&up, in, 8000, wide, 16000), 16000);
	cr_assert_eq(resample_run(&down, wide, 16000, back, 8000), 8000);
	for (size_t i = 100; i < 8000; i++) {
		double d = back[i] - in[i - delay];

		noise += d * d;
		signal += (double)in[i - delay] * in[i - delay];
	}
	cr_expect_lt(10 * log10(noise / signal), -50, "%g dB",
		     10 * log10(noise / signal));
}

/* Full-scale input clips; it does not wrap. */
Test(dsp_resample, no_overflow)
{
	static const uint32_t rates[][2] = {{8000, 16000}, {16000, 8000}};

	for (size_t k = 0; k < 2; k++) {
		struct resample r = resampler(rates[k][0], rates[k][1]);
		struct rand x;
		size_t n;

		rand_seed(&x, 3);
		for (size_t i = 0; i < 16000;
		     i++) /* 2 ms of noise, 2 ms at either rail */
			in[i] = i / 32 % 3 == 0
					? (int16_t)(rand_below(&x, 2) ? 32767 : -32768)
				: i / 32 % 3 == 1 ? INT16_MAX
						  : INT16_MIN;
		n = convert(&r, 16000);
		for (size_t i = 0; i < n;
		     i++) { /* in the middle of a rail the rail comes out */
			double at = (double)i * rates[k][0] / rates[k][1] -
				    resample_delay_us(&r) * 1e-6 * rates[k][0];
			size_t in_rail = (size_t)(at > 0 ? at : 0) % 32;

			if (at < 32 || in_rail < 12 || in_rail > 20)
				continue;
			if ((size_t)at / 32 % 3 == 1)
				cr_assert_gt(out[i], 30000, "%zu", i);
			if ((size_t)at / 32 % 3 == 2)
				cr_assert_lt(out[i], -30000, "%zu", i);
		}
	}
}

/* Every pair of rates: from the first block on each 20 ms give exactly 20 ms. */
Test(dsp_resample, exact_lengths)
{
	static const uint32_t rates[] = {8000, 16000, 24000, 48000};

	for (size_t a = 0; a < 4; a++) {
		for (size_t b = 0; b < 4; b++) {
			struct resample r = resampler(rates[a], rates[b]);

			tone(440, rates[a], rates[a]);
			for (size_t i = 0; i < 50; i++) {
				size_t n = resample_run(&r, in + i * rates[a] / 50,
							rates[a] / 50, out, IN_MAX);

				cr_assert_eq(n, rates[b] / 50, "%u to %u, block %zu",
					     rates[a], rates[b], i);
			}
			cr_expect_lt(resample_delay_us(&r), 5000);
			cr_expect(rates[a] == rates[b] || resample_delay_us(&r) > 0);
			resample_fini(&r);
		}
	}
}

/* The pairs speexdsp does are as flat. */
Test(dsp_resample, other_pairs_response)
{
	static const uint32_t rates[] = {24000, 48000};

	for (size_t k = 0; k < 2; k++) {
		for (double hz = 200; hz <= 3000; hz += 400) {
			struct resample r = resampler(8000, rates[k]);
			double db;

			tone(hz, 8000, 8000);
			cr_assert_geq(convert(&r, 8000), SETTLE + SAMPLES);
			db = gain_db(hz, rates[k]);
			cr_expect_lt(fabs(db), 0.5, "8000 to %u, %g Hz: %g dB", rates[k],
				     hz, db);
			cr_expect_lt(gain_db(8000 - hz, rates[k]), -50);
			resample_fini(&r);
		}
	}
}

/* However a stream is cut into blocks, the result is the same to the bit. */
Test(dsp_resample, block_sizes)
{
	static const uint32_t rates[][2] = {{8000, 16000}, {16000, 8000}};
	static int16_t whole[8000], cut[8000];

	for (size_t k = 0; k < 2; k++) {
		struct resample r = resampler(rates[k][0], rates[k][1]);
		size_t n, made = 0;
		struct rand x;

		rand_seed(&x, 11);
		for (size_t i = 0; i < 4000; i++)
			in[i] = (int16_t)rand_u64(&x);
		n = resample_run(&r, in, 4000, whole, 8000);
		cr_assert_eq(n, 4000ull * rates[k][1] / rates[k][0]);
		cr_assert_eq(resample_reset(&r, rates[k][0], rates[k][1]), 0);
		for (size_t at = 0; at < 4000;) {
			size_t part = rand_below(&x, 400);

			part = part < 4000 - at ? part : 4000 - at;
			made += resample_run(&r, in + at, part, cut + made, 8000 - made);
			at += part;
		}
		cr_assert_eq(made, n);
		cr_assert_arr_eq(whole, cut, n * sizeof whole[0]);
	}
}

/* A block too long for the output is cut, and nothing is written behind `cap`. */
Test(dsp_resample, cap)
{
	static const uint32_t rates[][2] = {
		{8000, 16000}, {16000, 8000}, {8000, 8000}, {8000, 48000}};

	for (size_t k = 0; k < 4; k++) {
		for (size_t cap = 0; cap < 40; cap++) {
			struct resample r = resampler(rates[k][0], rates[k][1]);

			tone(1000, rates[k][0], 200);
			for (size_t i = 0; i < 64; i++)
				out[i] = 0x1234;
			cr_assert_leq(resample_run(&r, in, 199, out, cap), cap);
			for (size_t i = cap; i < 64; i++)
				cr_assert_eq(out[i], 0x1234);
			resample_fini(&r);
		}
	}
}

Test(dsp_resample, reset)
{
	struct resample r = resampler(8000, 16000);

	tone(1000, 8000, 160);
	cr_expect_eq(resample_run(&r, in, 160, out, IN_MAX), 320);
	cr_expect_eq(resample_reset(&r, 8000, 11025), ERR_INVAL);
	cr_expect_eq(resample_reset(&r, 0, 8000), ERR_INVAL);
	cr_expect_eq(r.to_hz, 16000, "keeps its rates");
	cr_expect_eq(resample_reset(&r, 8000, 48000), 0);
	cr_expect_eq(resample_run(&r, in, 160, out, IN_MAX), 960);
	cr_expect_eq(resample_reset(&r, 48000, 24000), 0);
	cr_expect_eq(resample_run(&r, in, 960, out, IN_MAX), 480);

	cr_expect_eq(resample_reset(&r, 8000, 16000), 0);
	memset(in, 0, 160 * sizeof in[0]);
	cr_expect_eq(resample_run(&r, in, 160, out, IN_MAX), 320);
	for (size_t i = 0; i < 320; i++)
		cr_assert_eq(out[i], 0, "nothing of the call before");
	resample_fini(&r);
}

Test(dsp_resample, fini_twice)
{
	struct resample r = resampler(8000, 48000);

	resample_fini(&r);
	cr_expect_null(r.state);
	resample_fini(&r);
}

/* Between 8 and 16 kHz the whole state is in the struct: no allocation. */
Test(dsp_resample, usual_pair_allocates_nothing)
{
	struct resample r = resampler(8000, 16000);

	cr_expect_null(r.state);
	cr_expect_eq(resample_reset(&r, 16000, 8000), 0);
	cr_expect_null(r.state);
}
