/* resample.c - see resample.h */
#include "media/dsp/resample.h"

#include <speex/speex_resampler.h>
#include <string.h>

#define QUALITY 3    /* of speexdsp: > 60 dB stop band; telephone speech needs no more */
#define CHUNK   160u /* samples of the 8 kHz side filtered at a time */
#define PAST    (RESAMPLE_TAPS - 1)
#define CENTRE  (RESAMPLE_TAPS / 2)
#define ONE     14 /* coefficients are multiples of 2**-14 */

/* Half-band low-pass of 47 taps at 16 kHz, windowed sinc (Kaiser, beta 5.4), gain 2:
 * every second tap. The others are 0, but for the middle one, which is 1. The sum is
 * exactly 1; the sum of magnitudes, 2.3, bounds the accumulator to 31 bits. */
static const int16_t taps[RESAMPLE_TAPS] = {
	-12,   34,    -71,  130,   -219, 346,  -527, 788,  -1184, 1857, -3336, 10386,
	10386, -3336, 1857, -1184, 788,  -527, 346,  -219, 130,   -71,  34,    -12,
};

static bool is_rate(uint32_t hz)
{
	return hz == 8000 || hz == 16000 || hz == 24000 || hz == 48000;
}

/* What files have besides. */
static bool is_source_rate(uint32_t hz)
{
	return is_rate(hz) || hz == 11025 || hz == 22050 || hz == 32000 || hz == 44100;
}

static bool is_doubling(const struct resample *r)
{
	return r->from_hz == 8000 && r->to_hz == 16000;
}

static bool is_halving(const struct resample *r)
{
	return r->from_hz == 16000 && r->to_hz == 8000;
}

int resample_init(struct resample *r, uint32_t from_hz, uint32_t to_hz)
{
	*r = (struct resample){.state = NULL};
	return resample_reset(r, from_hz, to_hz);
}

void resample_fini(struct resample *r)
{
	if (r->state != NULL)
		speex_resampler_destroy(r->state);
	r->state = NULL;
}

static int reset_speex(struct resample *r, uint32_t from_hz, uint32_t to_hz)
{
	if (r->state == NULL) {
		r->state = speex_resampler_init(1, from_hz, to_hz, QUALITY, NULL);
		return r->state != NULL ? 0 : ERR_NOMEM;
	}
	if (speex_resampler_set_rate(r->state, from_hz, to_hz) != RESAMPLER_ERR_SUCCESS)
		return ERR_NOMEM;
	speex_resampler_reset_mem(r->state);
	return 0;
}

int resample_reset(struct resample *r, uint32_t from_hz, uint32_t to_hz)
{
	struct resample next = {.state = r->state, .from_hz = from_hz, .to_hz = to_hz};
	int err = 0;

	if (!is_source_rate(from_hz) || !is_rate(to_hz))
		return ERR_INVAL;
	if (from_hz != to_hz && !is_doubling(&next) && !is_halving(&next))
		err = reset_speex(&next, from_hz, to_hz);
	if (err == 0)
		*r = next;
	return err;
}

/* hot */
static int32_t filter(const int16_t *p)
{
	int32_t sum = 0;

	for (unsigned i = 0; i < RESAMPLE_TAPS; i++)
		sum += p[i] * taps[i];
	return sum;
}

/* hot */
static int16_t clip(int32_t v)
{
	return (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
}

/* hot. Even outputs are filtered, odd ones are the middle tap: the input itself. */
static void double_chunk(struct resample_half *h, const int16_t *in, size_t n,
			 int16_t *out)
{
	int16_t line[PAST + CHUNK];

	memcpy(line, h->past, sizeof h->past);
	memcpy(line + PAST, in, n * sizeof *in);
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = clip((filter(line + i) + (1 << (ONE - 1))) >> ONE);
		out[2 * i + 1] = line[i + CENTRE];
	}
	memcpy(h->past, line + n, sizeof h->past);
}

/* hot */
static size_t run_double(struct resample_half *h, const int16_t *in, size_t n,
			 int16_t *out, size_t cap)
{
	size_t whole = n < cap / 2 ? n : cap / 2;

	for (size_t at = 0; at < whole; at += CHUNK) {
		size_t part = whole - at < CHUNK ? whole - at : CHUNK;

		double_chunk(h, in + at, part, out + 2 * at);
	}
	return 2 * whole;
}

/* hot. The same filter: even inputs meet the taps, odd ones the middle tap. */
static void halve_chunk(struct resample_half *h, const int16_t *pairs, size_t n,
			int16_t *out)
{
	int16_t even[PAST + CHUNK], odd[CENTRE + CHUNK];

	memcpy(even, h->past, sizeof h->past);
	memcpy(odd, h->past_odd, sizeof h->past_odd);
	for (size_t i = 0; i < n; i++) {
		even[PAST + i] = pairs[2 * i];
		odd[CENTRE + i] = pairs[2 * i + 1];
	}
	for (size_t i = 0; i < n; i++) {
		int32_t middle = odd[i] * (1 << ONE);

		out[i] = clip((filter(even + i) + middle + (1 << ONE)) >> (ONE + 1));
	}
	memcpy(h->past, even + n, sizeof h->past);
	memcpy(h->past_odd, odd + n, sizeof h->past_odd);
}

/* hot */
static size_t run_halve(struct resample_half *h, const int16_t *in, size_t n,
			int16_t *out, size_t cap)
{
	size_t made = 0, whole;

	if (h->has_left && n > 0 && cap > 0) {
		const int16_t pair[2] = {h->left, in[0]};

		halve_chunk(h, pair, 1, out);
		h->has_left = false;
		in++;
		n--;
		made = 1;
	}
	whole = n / 2 < cap - made ? n / 2 : cap - made;
	for (size_t at = 0; at < whole; at += CHUNK) {
		size_t part = whole - at < CHUNK ? whole - at : CHUNK;

		halve_chunk(h, in + 2 * at, part, out + made + at);
	}
	if (n == 2 * whole + 1) {
		h->left = in[n - 1];
		h->has_left = true;
	}
	return made + whole;
}

/* hot */
static size_t run_copy(const int16_t *in, size_t n, int16_t *out, size_t cap)
{
	size_t made = n < cap ? n : cap;

	memcpy(out, in, made * sizeof *out);
	return made;
}

/* hot */
size_t resample_run(struct resample *r, const int16_t *in, size_t n, int16_t *out,
		    size_t cap)
{
	spx_uint32_t taken = (spx_uint32_t)n, made = (spx_uint32_t)cap;

	if (r->from_hz == r->to_hz)
		return run_copy(in, n, out, cap);
	if (is_doubling(r))
		return run_double(&r->half, in, n, out, cap);
	if (is_halving(r))
		return run_halve(&r->half, in, n, out, cap);
	(void)speex_resampler_process_int(r->state, 0, in, &taken, out, &made);
	return made;
}

uint32_t resample_delay_us(const struct resample *r)
{
	if (r->from_hz == r->to_hz)
		return 0;
	if (is_doubling(r) || is_halving(r)) /* the middle of 47 taps at 16 kHz */
		return PAST * 1000000u / 16000u;
	return (uint32_t)speex_resampler_get_input_latency(r->state) * 1000000u /
	       r->from_hz;
}
