/* test_conceal.c - mirrors media/dsp/conceal.c */
#include <criterion/criterion.h>
#include <math.h>
#include <spandsp.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rand.h"
#include "media/dsp/conceal.h"

#define FRAME  160u
#define FRAMES 500u
#define FADE   480 /* samples in 60 ms */
#define PI     3.14159265358979323846

static int16_t heard[FRAMES * FRAME], played[FRAMES * FRAME];

/* A vowel: pulses of a slowly moving pitch through two formants, with some breath. */
static void vowel(double pitch_hz)
{
	double phase = 0, a1 = 0, a2 = 0, b1 = 0, b2 = 0;
	struct rand r;

	rand_seed(&r, 1);
	for (size_t i = 0; i < FRAMES * FRAME; i++) {
		double hz = pitch_hz * (1 + 0.1 * sin((double)i / 9000));
		double x = (double)rand_below(&r, 100) - 50, y, z;

		phase += hz / 8000;
		if (phase >= 1) {
			phase -= 1;
			x += 4000;
		}
		y = x + 1.6 * a1 - 0.86 * a2; /* about 700 Hz */
		a2 = a1;
		a1 = y;
		z = y + 0.9 * b1 - 0.8 * b2; /* about 1.3 kHz */
		b2 = b1;
		b1 = z;
		heard[i] = (int16_t)(z / 3);
	}
}

static void periodic(unsigned period)
{
	for (size_t i = 0; i < FRAMES * FRAME; i++)
		heard[i] = (int16_t)lrint(10000 * sin(2 * PI * (double)i / period) +
					  4000 * sin(6 * PI * (double)i / period));
}

static void good_until(struct conceal *c, size_t frame)
{
	conceal_init(c, CONCEAL_RATE_HZ, NULL);
	memcpy(played, heard, sizeof played);
	for (size_t f = 0; f < frame; f++)
		conceal_good(c, played + f * FRAME, FRAME);
}

/* C327: 100 ms lost: what was heard goes on, under a linear fade over 60 ms, then zeros
 */
Test(dsp_conceal, c327_fade)
{
	static const unsigned periods[] = {20, 40, 64, 100, 160};

	for (size_t k = 0; k < sizeof periods / sizeof periods[0]; k++) {
		struct conceal c;
		int16_t made[5 * FRAME];

		periodic(periods[k]);
		good_until(&c, 10);
		for (size_t f = 0; f < 5; f++)
			conceal_lost(&c, made + f * FRAME, FRAME);
		for (int i = 0; i < 5 * (int)FRAME; i++) {
			int left = i < FADE ? FADE - i : 0;
			int want = heard[10 * FRAME + (size_t)i] * left / FADE;

			cr_assert_leq(abs(made[i] - want), 8, "period %u, sample %d",
				      periods[k], i);
			cr_assert(i < FADE || made[i] == 0);
		}
	}
}

/* The cut into blocks makes no difference. */
Test(dsp_conceal, block_sizes)
{
	int16_t whole[800], cut[800];
	struct conceal a, b;

	vowel(120);
	good_until(&a, 10);
	good_until(&b, 10);
	conceal_lost(&a, whole, 800);
	for (size_t at = 0, part; at < 800; at += part) {
		part = at % 90 + 1;
		part = part < 800 - at ? part : 800 - at;
		conceal_lost(&b, cut + at, part);
	}
	cr_expect_arr_eq(whole, cut, sizeof whole);
	cr_expect_eq(memcmp(&a.own, &b.own, CONCEAL_HISTORY(CONCEAL_RATE_HZ) * sizeof a.own[0]), 0);
}

/* C328: before anything was heard there is nothing to go on with */
Test(dsp_conceal, c328_before_first)
{
	int16_t pcm[FRAME];
	struct conceal c;

	conceal_init(&c, CONCEAL_RATE_HZ, NULL);
	memset(pcm, 0x55, sizeof pcm);
	conceal_lost(&c, pcm, FRAME);
	for (size_t i = 0; i < FRAME; i++)
		cr_assert_eq(pcm[i], 0);
	periodic(64);
	memcpy(pcm, heard, sizeof pcm);
	conceal_good(&c, pcm, FRAME);
	cr_expect_arr_eq(pcm, heard, sizeof pcm,
			 "the first block is not blended with silence");
}

/* C328: no loss, no change */
Test(dsp_conceal, c328_good_blocks_pass)
{
	struct conceal c;

	vowel(200);
	good_until(&c, FRAMES);
	cr_expect_arr_eq(played, heard, sizeof played);
}

/* Only the first 2.5 ms after a loss are touched, and they lead from one to the other. */
Test(dsp_conceal, blends_back)
{
	int16_t pcm[FRAME], lost[FRAME];
	struct conceal c;

	periodic(100);
	good_until(&c, 10);
	conceal_lost(&c, lost, FRAME);
	for (size_t i = 0; i < FRAME; i++)
		pcm[i] = -20000;
	conceal_good(&c, pcm, FRAME);
	cr_expect_lt(abs(pcm[0] - lost[FRAME - 1]), 1500, "no step");
	for (size_t i = 20u; i < FRAME; i++)
		cr_assert_eq(pcm[i], -20000);
	pcm[0] = 1;
	conceal_good(&c, pcm, FRAME);
	cr_expect_eq(pcm[0], 1, "the loss is over");
}

/* The joint has no click, even where nothing repeats. */
Test(dsp_conceal, no_step_at_the_joint)
{
	int16_t lost[FRAME];
	struct conceal c;

	for (size_t i = 0; i < FRAMES * FRAME; i++)
		heard[i] = (int16_t)(i * 10 % 30000); /* a ramp */
	good_until(&c, 10);
	conceal_lost(&c, lost, FRAME);
	cr_expect_lt(abs(lost[0] - heard[10 * FRAME - 1]), 200);
}

Test(dsp_conceal, full_scale)
{
	int16_t lost[FRAME];
	struct conceal c;

	for (size_t i = 0; i < FRAMES * FRAME; i++)
		heard[i] = i / 30 % 2 == 0 ? INT16_MAX : INT16_MIN;
	for (size_t frames = 10; frames < 20; frames++) {
		good_until(&c, frames);
		conceal_lost(&c, lost, FRAME); /* the sanitizer watches */
		conceal_good(&c, played + frames * FRAME, FRAME);
	}
	cr_expect_eq(played[19 * FRAME + 20u],
		     heard[19 * FRAME + 20u]);
}

Test(dsp_conceal, short_and_empty_blocks)
{
	int16_t pcm[4] = {1, 2, 3, 4};
	struct conceal c;

	conceal_init(&c, CONCEAL_RATE_HZ, NULL);
	conceal_good(&c, pcm, 4);
	conceal_lost(&c, pcm, 0);
	conceal_lost(&c, pcm, 1);
	pcm[0] = 7;
	conceal_good(&c, pcm, 1);
	conceal_good(&c, pcm, 0);
	cr_expect(c.heard);
}

/* Error energy over lost blocks and the one behind each, against what was really said. */
static double error_of(void)
{
	double sum = 0;

	for (size_t i = 0; i < FRAMES * FRAME; i++)
		sum += ((double)played[i] - heard[i]) * ((double)played[i] - heard[i]);
	return sum;
}

static bool is_lost(size_t frame)
{
	return frame > 10 && frame % 7 == 3;
}

/* The gap is filled when what follows it is there. */
static double error_between(void)
{
	struct conceal c;

	good_until(&c, 0);
	for (size_t f = 0; f < FRAMES; f++) {
		if (is_lost(f) && f + 1 < FRAMES)
			conceal_between(&c, played + f * FRAME, FRAME, played + (f + 1) * FRAME, FRAME);
		else
			conceal_good(&c, played + f * FRAME, FRAME);
	}
	return error_of();
}

static double our_error(void)
{
	struct conceal c;

	good_until(&c, 0);
	for (size_t f = 0; f < FRAMES; f++) {
		if (is_lost(f))
			conceal_lost(&c, played + f * FRAME, FRAME);
		else
			conceal_good(&c, played + f * FRAME, FRAME);
	}
	return error_of();
}

static double spandsp_error(void)
{
	plc_state_t *s = plc_init(NULL);

	memcpy(played, heard, sizeof played);
	for (size_t f = 0; f < FRAMES; f++) {
		if (is_lost(f))
			(void)plc_fillin(s, played + f * FRAME, FRAME);
		else
			(void)plc_rx(s, played + f * FRAME, FRAME);
	}
	plc_free(s);
	return error_of();
}

/* On voiced speech at 14 % loss no worse than the concealment of spandsp, and better by a third when what follows is known. */
Test(dsp_conceal, against_spandsp)
{
	static const double voices[] = {80, 110, 150, 210, 300};
	double ours = 0, theirs = 0, between = 0;

	for (size_t k = 0; k < sizeof voices / sizeof voices[0]; k++) {
		double e, t;

		vowel(voices[k]);
		e = our_error();
		t = spandsp_error();
		cr_log_info("%g Hz: error %g dB of spandsp's", voices[k],
			    10 * log10(e / t));
		ours += e;
		between += error_between();
		theirs += t;
	}
	cr_expect_leq(ours, theirs, "%g dB", 10 * log10(ours / theirs));
	cr_expect_leq(between, 0.7 * theirs, "%g dB", 10 * log10(between / theirs));
}

/* At the rates of other codecs what was heard goes on likewise, to the sample. */
Test(dsp_conceal, at_every_rate)
{
	static const uint32_t rates[] = {8000, 16000, 48000};
	static int16_t memory[CONCEAL_MEMORY(CONCEAL_RATE_MAX)], pcm[4800], made[960];

	for (size_t k = 0; k < 3; k++) {
		uint32_t n = rates[k] / 50, period = rates[k] / 150 | 1; /* of no whole number at 8 kHz */
		int fade = (int)(CONCEAL_FADE_MS * rates[k] / 1000);
		struct conceal c;

		for (size_t i = 0; i < 5 * n; i++)
			pcm[i] = (int16_t)lrint(10000 * sin(2 * PI * (double)i / period) + 4000 * sin(6 * PI * (double)i / period));
		conceal_init(&c, rates[k], rates[k] == CONCEAL_RATE_HZ ? NULL : memory);
		for (size_t f = 0; f < 4; f++)
			conceal_good(&c, pcm + f * n, n);
		conceal_lost(&c, made, n);
		for (uint32_t i = 0; i < n; i++)
			cr_assert_leq(abs(made[i] - pcm[4 * n + i] * (fade - (int)i) / fade), 8, "%u Hz, sample %u", rates[k], i);
	}
}

static const uint32_t between_rates[] = {8000, 16000, 24000, 48000};
static int16_t between_memory[CONCEAL_MEMORY(CONCEAL_RATE_MAX)];
static int16_t sound[CONCEAL_RATE_MAX], filled[CONCEAL_BETWEEN_MAX(CONCEAL_RATE_MAX)];

/* One second: two voices of some harmonics each. */
static void hum(uint32_t rate)
{
	for (uint32_t i = 0; i < rate; i++) {
		double t = (double)i / rate, v = 0;

		for (int h = 1; h <= 12; h++)
			v += 5000.0 / (h + 1) * sin(2 * PI * 137 * h * t + h * h);
		sound[i] = (int16_t)lrint(v);
	}
}

/* `ms` are lost at 500 ms. How far the largest step of what is played instead exceeds that of the sound. */
static int step_of_gap(uint32_t rate, uint32_t ms, uint32_t behind_ms)
{
	uint32_t at = rate / 2, n = rate / 1000 * ms;
	int before = 0, in = 0;
	struct conceal c;

	conceal_init(&c, rate, rate == CONCEAL_RATE_HZ ? NULL : between_memory);
	conceal_good(&c, sound, at);
	conceal_between(&c, filled, n, sound + at + n, rate / 1000 * behind_ms);
	for (uint32_t i = 1; i < at; i++)
		before = abs(sound[i] - sound[i - 1]) > before ? abs(sound[i] - sound[i - 1]) : before;
	for (uint32_t i = 0; i <= n; i++) {
		int here = i < n ? filled[i] : sound[at + n], last = i > 0 ? filled[i - 1] : sound[at - 1];

		in = abs(here - last) > in ? abs(here - last) : in;
	}
	return in - before;
}

/* A gap between two sides is nearly what was there, at every rate, also one that is no whole number of what it is thinned to. */
Test(dsp_conceal, between_at_every_rate)
{
	for (size_t k = 0; k < sizeof between_rates / sizeof between_rates[0]; k++) {
		uint32_t rate = between_rates[k], at = rate / 2, n = rate / 50 + (uint32_t)k;
		double error = 0, energy = 0;
		struct conceal c;

		hum(rate);
		conceal_init(&c, rate, rate == CONCEAL_RATE_HZ ? NULL : between_memory);
		conceal_good(&c, sound, at);
		conceal_between(&c, filled, n, sound + at + n, rate / 50);
		for (uint32_t i = 0; i < n; i++) {
			error += pow(filled[i] - sound[at + i], 2);
			energy += pow(sound[at + i], 2);
		}
		cr_expect_lt(10 * log10(error / energy), -7, "%u Hz: %g dB", rate, 10 * log10(error / energy));
	}
}

/* No edge of it has a step that the sound has not, however long it is. */
Test(dsp_conceal, between_joins_both_sides)
{
	static const uint32_t gaps[] = {1, 10, 20, 40, 60, 61, 100, 120}, behind[] = {10, 20, 60};

	for (size_t k = 0; k < sizeof between_rates / sizeof between_rates[0]; k++) {
		hum(between_rates[k]);
		for (size_t g = 0; g < sizeof gaps / sizeof gaps[0]; g++)
			for (size_t b = 0; b < sizeof behind / sizeof behind[0]; b++)
				cr_expect_lt(step_of_gap(between_rates[k], gaps[g], behind[b]), 3000, "%u Hz, %u ms before %u ms",
					     between_rates[k], gaps[g], behind[b]);
	}
}

/* What is too short to go on from is only blended in. */
Test(dsp_conceal, between_needs_10_ms_behind)
{
	int16_t lost[FRAME];
	struct conceal a, b;

	vowel(120);
	good_until(&a, 10);
	good_until(&b, 10);
	conceal_lost(&a, lost, FRAME);
	conceal_between(&b, filled, FRAME, heard + 11 * FRAME, 79);
	cr_expect_arr_eq(lost, filled, sizeof lost);
	cr_expect_eq(memcmp(&a, &b, sizeof a), 0);
}

/* C327: neither side goes on for more than 60 ms */
Test(dsp_conceal, between_far_sides_is_silence)
{
	uint32_t n = CONCEAL_BETWEEN_MAX(CONCEAL_RATE_HZ);

	hum(CONCEAL_RATE_HZ);
	(void)step_of_gap(CONCEAL_RATE_HZ, 120, 20);
	for (uint32_t i = n / 2 - 8; i < n / 2 + 8; i++)
		cr_expect_lt(abs(filled[i]), 250, "sample %u", i);
}

/* Silence, full scale and steps: nothing runs away, and silence stays silence. */
Test(dsp_conceal, between_never_runs_away)
{
	struct conceal c;

	memset(sound, 0, sizeof sound);
	cr_expect_eq(step_of_gap(8000, 60, 20), 0);
	for (unsigned kind = 0; kind < 3; kind++) {
		for (uint32_t i = 0; i < 8000; i++)
			sound[i] = kind == 0 ? (int16_t)(i / 30 % 2 == 0 ? INT16_MAX : INT16_MIN) : kind == 1 ? INT16_MIN : (int16_t)(i == 3999 ? INT16_MAX : 0);
		(void)step_of_gap(8000, 120, 20); /* the sanitizer watches */
		cr_expect_leq(abs(filled[480]), INT16_MAX);
	}
	conceal_init(&c, 8000, NULL);
	memset(filled, 0x55, sizeof filled);
	conceal_between(&c, filled, FRAME, sound, FRAME);
	for (size_t i = 0; i < FRAME; i++)
		cr_assert_eq(filled[i], 0, "nothing was heard before");
}
