/* level.c - see level.h */
#include "media/dsp/level.h"

#include "common/base/must.h"

#define FULL_SCALE 32768u
#define MEAN_SHIFT 16 /* fraction bits of a mean square */

static uint64_t mean_square(const int16_t *pcm, size_t n)
{
	uint64_t sum = 0;

	must(n <= LEVEL_SAMPLES_MAX); /* the sum of squares fits 46 bits, shifted 62 */
	for (size_t i = 0; i < n; i++)
		sum += (uint32_t)(pcm[i] * pcm[i]);
	return n > 0 ? (sum << MEAN_SHIFT) / n : 0;
}

uint32_t level_rms(const int16_t *pcm, size_t n)
{
	uint64_t mean = mean_square(pcm, n) >> MEAN_SHIFT;
	uint32_t root = 0;

	for (uint32_t bit = FULL_SCALE; bit > 0; bit >>= 1)
		if ((uint64_t)(root + bit) * (root + bit) <= mean)
			root += bit;
	return root;
}

uint8_t level_dbov(const int16_t *pcm, size_t n)
{
	/* 2**30 * 10**(-(i + 0.5) / 10): the lower edges of the first ten levels */
	static const uint64_t edges[10] = {
		956973408, 760150998, 603809400, 479622855, 380977976,
		302621563, 240380852, 190941298, 151670064, 120475814,
	};
	uint64_t mean = mean_square(pcm, n), scale = 1;

	for (uint8_t level = 0; level < LEVEL_SILENCE; level++) {
		if (mean >= (edges[level % 10] << MEAN_SHIFT) / scale)
			return level;
		if (level % 10 == 9)
			scale *= 10;
	}
	return LEVEL_SILENCE;
}

void level_fade_in(int16_t *pcm, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = (int16_t)((int64_t)pcm[i] * (int64_t)i / (int64_t)n);
}

void level_fade_out(int16_t *pcm, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = (int16_t)((int64_t)pcm[i] * (int64_t)(n - 1 - i) / (int64_t)n);
}
