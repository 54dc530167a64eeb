/* test_comfort.c - mirrors media/dsp/comfort.c */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "media/dsp/comfort.h"
#include "media/dsp/level.h"

#define SAMPLES 32000u

static int16_t pcm[SAMPLES];

static double db_of(void)
{
	double sum = 0;

	for (size_t i = 0; i < SAMPLES; i++)
		sum += (double)pcm[i] * pcm[i];
	return 10 * log10(sum / SAMPLES / 32768 / 32768);
}

/* Of the sample before: 1 is low, -1 high. */
static double likeness(void)
{
	double next = 0, same = 0;

	for (size_t i = 1; i < SAMPLES; i++) {
		next += (double)pcm[i] * pcm[i - 1];
		same += (double)pcm[i] * pcm[i];
	}
	return next / same;
}

/* C326 */
Test(dsp_comfort, c326_level_of_a_payload)
{
	cr_expect_eq(comfort_level((const uint8_t[]){0x46}, 1), 70);
	cr_expect_eq(comfort_level((const uint8_t[]){0xc6}, 1), 70, "the first bit is none of it");
	cr_expect_eq(comfort_level(NULL, 0), 127);
}

/* C326: as loud as it says, whatever its shape, within 1 dB */
Test(dsp_comfort, c326_as_loud_as_it_says)
{
	static const uint8_t shapes[][4] = {{127, 127, 127, 127}, {20, 127, 127, 127}, {230, 127, 127, 127}, {40, 180, 90, 160}, {255, 200, 20, 127}};

	for (uint8_t level = 10; level <= 70; level += 10) {
		for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
			uint8_t payload[5] = {level, shapes[k][0], shapes[k][1], shapes[k][2], shapes[k][3]};
			struct comfort c = {0};

			comfort_take(&c, payload, sizeof payload);
			comfort_make(&c, pcm, SAMPLES);
			cr_expect_float_eq(db_of(), -level, 1, "%u, shape %zu: %g", level, k, db_of());
		}
	}
}

Test(dsp_comfort, has_the_shape_it_says)
{
	struct comfort c = {0};

	comfort_take(&c, (const uint8_t[]){30, 30}, 2); /* -0.76 */
	comfort_make(&c, pcm, SAMPLES);
	cr_expect_float_eq(likeness(), 0.76, 0.03);
	comfort_take(&c, (const uint8_t[]){30, 224}, 2);
	comfort_make(&c, pcm, SAMPLES);
	cr_expect_float_eq(likeness(), -0.76, 0.03);
	comfort_take(&c, (const uint8_t[]){30}, 1);
	comfort_make(&c, pcm, SAMPLES);
	cr_expect_float_eq(likeness(), 0, 0.03, "white");
}

/* What nobody should send is noise of some kind, and stays so. */
Test(dsp_comfort, any_payload)
{
	uint8_t payload[64];
	struct comfort c = {0};

	srand(1);
	for (unsigned round = 0; round < 500; round++) {
		size_t n = (size_t)rand() % sizeof payload;

		for (size_t i = 0; i < n; i++)
			payload[i] = (uint8_t)rand();
		comfort_take(&c, payload, n);
		cr_assert_leq(c.order, COMFORT_ORDER_MAX);
		comfort_make(&c, pcm, 160);
	}
	comfort_take(&c, NULL, 0);
	comfort_make(&c, pcm, SAMPLES);
	comfort_make(&c, pcm, SAMPLES);
	for (size_t i = 0; i < SAMPLES; i++)
		cr_assert_eq(pcm[i], 0, "none at all");
}
