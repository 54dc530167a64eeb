/* Call progress tones (media/dsp/tone.h). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "media/dsp/level.h"
#include "media/dsp/tone.h"

static int16_t pcm[8000], again[8000];

Test(dsp_tone, what_can_be_said)
{
	struct tone t;

	cr_assert_eq(tone_parse(STR("dial"), &t), 0);
	cr_assert(t.pitches == 1 && t.pitch_hz[0] == 425 && t.off_ms == 0);
	cr_assert_eq(tone_parse(STR("busy"), &t), 0);
	cr_assert(t.on_ms == 500 && t.off_ms == 500);
	cr_assert_eq(tone_parse(STR("440+480 2000/4000"), &t), 0);
	cr_assert(t.pitches == 2 && t.pitch_hz[1] == 480 && t.on_ms == 2000 && t.off_ms == 4000);
	cr_assert_eq(tone_parse(STR("20+300+3000+3400"), &t), 0);
}

Test(dsp_tone, what_can_not)
{
	static const char *const wrong[] = {"", " ", "x", "busy ", "+", "425+", "425++3", "19", "3401", "1+2+3+4", "300+300+300+300+300", "425 100", "425 100/",
					    "425 /100", "425 9/100", "425 100/60001", "425 100/100/100", "4294967721", "-425", "425 1e3/100"};
	struct tone t;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		cr_assert_lt(tone_parse(str_of(wrong[i]), &t), 0, "'%s'", wrong[i]);
}

static double power_of(uint32_t hz, const int16_t *v, uint32_t n)
{
	double re = 0, im = 0;

	for (uint32_t i = 0; i < n; i++) {
		re += v[i] * cos(2 * M_PI * hz * i / 8000);
		im += v[i] * sin(2 * M_PI * hz * i / 8000);
	}
	return sqrt(re * re + im * im) / n;
}

Test(dsp_tone, it_is_what_it_is_called)
{
	struct tone t;

	cr_assert_eq(tone_parse(STR("400+1000 500/300"), &t), 0);
	cr_assert_eq(tone_round(&t, 8000), 6400);
	tone_make(&t, 8000, 0, pcm, 8000);
	cr_assert_gt(power_of(400, pcm, 4000), 1500);
	cr_assert_gt(power_of(1000, pcm, 4000), 1500);
	cr_assert_lt(power_of(700, pcm, 4000), 30);
	cr_assert_eq(level_rms(pcm + 4000, 2400), 0, "the pause");
	cr_assert_gt(level_rms(pcm + 6500, 1000), 2000, "the next round");
}

Test(dsp_tone, pieces_are_the_whole)
{
	struct tone t;

	cr_assert_eq(tone_parse(STR("dial"), &t), 0);
	tone_make(&t, 8000, 123456, pcm, 8000);
	for (uint32_t at = 0; at < 8000; at += 160)
		tone_make(&t, 8000, 123456 + at, again + at, 160);
	for (int i = 0; i < 8000; i++)
		cr_assert_eq(pcm[i], again[i]);
	for (int i = 1; i < 8000; i++)
		cr_assert_lt(abs(pcm[i] - pcm[i - 1]), 2600, "no edge where a round ends");
}
