/* stretch.c - see stretch.h */
#include "media/dsp/stretch.h"

#include <stdbool.h>
#include <string.h>

#define COARSE_HZ 8000u
#define LEAST(hz) ((hz) / 400u)
#define MOST(hz) ((hz) * 3u / 200u)
#define QUIET 64 /* mean magnitude: no speech */

/* The normalised correlation of two periods is product / sqrt(power). */
struct likeness {
	double product;
	double power; /* of both, multiplied */
};

static struct likeness compare(const int16_t *pcm, uint32_t period, uint32_t step)
{
	int64_t product = 0, first = 0, second = 0;

	for (uint32_t i = 0; i < period; i += step) {
		int32_t a = pcm[i], b = pcm[i + period];

		product += a * b;
		first += a * a;
		second += b * b;
	}
	return (struct likeness){(double)product, (double)first * (double)second};
}

static bool is_better(struct likeness a, struct likeness b)
{
	return a.product > 0 && a.product * a.product * b.power > b.product * b.product * a.power;
}

static bool is_silent(const int16_t *pcm, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += (uint64_t)(pcm[i] < 0 ? -pcm[i] : pcm[i]);
	return sum < (uint64_t)QUIET * n;
}

/* The best of [from, to] by every `step`th period and sample. */
static uint32_t search(const int16_t *pcm, uint32_t from, uint32_t to, uint32_t step, struct likeness *ret)
{
	uint32_t best = 0;

	for (uint32_t period = from; period <= to; period += step) {
		struct likeness l = compare(pcm, period, step);

		if (best != 0 && !is_better(l, *ret))
			continue;
		if (l.product <= 0)
			continue;
		best = period;
		*ret = l;
	}
	return best;
}

uint32_t stretch_period(const int16_t *pcm, uint32_t n, uint32_t rate_hz, uint32_t alike)
{
	uint32_t step = rate_hz / COARSE_HZ, least = LEAST(rate_hz), most = MOST(rate_hz), best;
	double wanted = alike / 100.0;
	struct likeness l = {0, 1};

	most = most < n / 2 ? most : n / 2;
	if (step == 0 || most < least)
		return 0;
	if (is_silent(pcm, 2 * most))
		return most;
	best = search(pcm, least, most, step, &l);
	if (best != 0 && step > 1)
		best = search(pcm, best > least + step ? best - step + 1 : least, best + step <= most ? best + step - 1 : most, 1, &l);
	return best != 0 && l.product * l.product >= wanted * wanted * l.power ? best : 0;
}

/* hot. From a to b; `at` of `whole`. */
static int16_t mix(int32_t a, int32_t b, uint32_t at, uint32_t whole)
{
	return (int16_t)((a * (int32_t)(whole - at) + b * (int32_t)at) / (int32_t)whole);
}

uint32_t stretch_less(int16_t *pcm, uint32_t n, uint32_t period)
{
	for (uint32_t i = 0; i < period; i++)
		pcm[i] = mix(pcm[i], pcm[i + period], i, period);
	memmove(pcm + period, pcm + 2 * (size_t)period, (n - 2 * (size_t)period) * sizeof *pcm);
	return n - period;
}

uint32_t stretch_more(const int16_t *pcm, uint32_t n, uint32_t period, int16_t *out)
{
	memcpy(out, pcm, period * sizeof *pcm);
	for (uint32_t i = 0; i < period; i++)
		out[period + i] = mix(pcm[period + i], pcm[i], i, period);
	memcpy(out + 2 * (size_t)period, pcm + period, (n - period) * sizeof *pcm);
	return n + period;
}
