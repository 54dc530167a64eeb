/* interpolate.c - see interpolate.h */
#include "media/dsp/interpolate.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "common/base/must.h"

#define LANES 8u         /* sums that do not wait for each other: vector code */
#define CALM  1e-4f      /* of the energy: what has no noise at all is not believed to go on for ever */
#define LEAST 1.0f       /* energy of silence */
#define BREATH 0.8f      /* of the error of prediction, as noise */

struct predictor {
	float backwards[INTERPOLATE_ORDER]; /* so that the coefficients lie as the samples do: of the one just before last */
	size_t order;
	float error; /* peak of uniform noise that is as loud as what the prediction misses */
	uint32_t dice;
};

/* A piece and its errors of prediction in both directions. */
struct errors {
	float forward[INTERPOLATE_SIDE], backward[INTERPOLATE_SIDE];
	size_t n;
};

static float dot(const float *restrict a, const float *restrict b, size_t n)
{
	float lane[LANES] = {0}, sum = 0;
	size_t i = 0;

	for (; i + LANES <= n; i += LANES)
		for (size_t k = 0; k < LANES; k++)
			lane[k] += a[i + k] * b[i + k];
	for (; i < n; i++)
		sum += a[i] * b[i];
	for (size_t k = 0; k < LANES; k++)
		sum += lane[k];
	return sum;
}

static void begin(struct errors *e, const float *piece, size_t n)
{
	must(n > 0 && n <= INTERPOLATE_SIDE);
	memcpy(e->forward, piece, n * sizeof *piece);
	memcpy(e->backward, piece, n * sizeof *piece);
	e->n = n;
}

/* The errors of order m - 1 become those of order m. */
static void step(struct errors *e, size_t m, float k)
{
	float *restrict f = e->forward + m, *restrict b = e->backward;

	for (size_t i = 0; i + m < e->n; i++) {
		float was = f[i];

		f[i] += k * b[i];
		b[i] += k * was;
	}
}

/* Twice what both directions have in common, and their energies. */
static void compare(const struct errors *e, size_t m, float *ret_common, float *ret_energy)
{
	const float *f = e->forward + m, *b = e->backward;
	size_t n = e->n - m;

	*ret_common = 2 * dot(f, b, n);
	*ret_energy = dot(f, f, n) + dot(b, b, n);
}

/* Levinson's step: the predictor of order m - 1 becomes one of order m. a[0] = 1. */
static void raise(float *a, size_t m, float k)
{
	a[m] = 0;
	for (size_t i = 0; i <= m / 2; i++) {
		float low = a[i], high = a[m - i];

		a[i] = low + k * high;
		a[m - i] = high + k * low;
	}
}

/* What is left of the piece when all is predicted that can be. */
static float error_of(const struct errors *e, size_t order)
{
	float common, energy;

	compare(e, order, &common, &energy);
	return sqrtf(3 * energy / (2 * (float)(e->n - order)));
}

/* Of a piece somewhat longer than the order: else it learns the piece by heart. */
static void find_predictor(const float *piece, size_t n, size_t order, struct predictor *ret)
{
	float a[INTERPOLATE_ORDER + 1] = {1}, calm = CALM * dot(piece, piece, n) + LEAST;
	struct errors e;

	order = order < n * 3 / 4 ? order : n * 3 / 4;
	begin(&e, piece, n);
	for (size_t m = 1; m <= order; m++) {
		float common, energy, k;

		compare(&e, m, &common, &energy);
		k = -common / (energy + calm);
		step(&e, m, k);
		raise(a, m, k);
	}
	for (size_t i = 0; i < order; i++)
		ret->backwards[i] = -a[order - i];
	ret->order = order;
	ret->error = error_of(&e, order);
	ret->dice = 1;
}

/* -1 to 1 */
static float roll(struct predictor *p)
{
	p->dice = p->dice * 1664525u + 1013904223u;
	return (float)(p->dice >> 8) / (float)(1u << 23) - 1;
}

/* `n` samples behind the first `from` of `x`. What can not be foretold, breath and hiss, is noise that is all there after `breath` samples:
 * a prediction alone dies away. */
static void go_on(float *x, size_t from, size_t n, struct predictor *p, size_t breath)
{
	for (size_t i = from; i < from + n; i++) {
		size_t known = i < p->order ? i : p->order, way = i - from < breath ? i - from : breath;
		float noise = BREATH * p->error * roll(p) * (float)way / (float)breath;

		x[i] = noise + dot(x + i - known, p->backwards + p->order - known, known);
	}
}

/* `n` samples behind the piece in `x`. */
static void continue_piece(float *x, size_t piece_n, size_t n, const struct interpolate *in)
{
	struct predictor p;

	find_predictor(x, piece_n, in->order, &p);
	go_on(x, piece_n, n, &p, in->breath);
}

void interpolate(const struct interpolate *in, float *gap, size_t n)
{
	float x[INTERPOLATE_SIDE + INTERPOLATE_REACH];
	size_t reach = n < in->reach ? n : in->reach;
	float slope = 1 / ((float)reach + 1);

	must(in->order > 0 && in->order <= INTERPOLATE_ORDER && in->reach <= INTERPOLATE_REACH && in->breath > 0 && n <= 2 * in->reach);
	memset(gap, 0, n * sizeof *gap);
	memcpy(x, in->before, in->before_n * sizeof *x);
	continue_piece(x, in->before_n, reach, in);
	for (size_t i = 0; i < reach; i++)
		gap[i] = x[in->before_n + i] * (float)(reach - i) * slope;
	for (size_t i = 0; i < in->behind_n; i++) /* the same in a mirror */
		x[i] = in->behind[in->behind_n - 1 - i];
	continue_piece(x, in->behind_n, reach, in);
	for (size_t i = 0; i < reach; i++)
		gap[n - 1 - i] += x[in->behind_n + i] * (float)(reach - i) * slope;
}
