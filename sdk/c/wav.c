/* wav.c - see wav.h */
#include "sdk/c/wav.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCM 1u
#define FLOATS 3u
#define ALAW 6u
#define MULAW 7u
#define EXTENSIBLE 0xfffeu
#define CHANNELS_MAX 8u
#define RATE_MIN 4000u
#define RATE_MAX 192000u
#define RATE_USUAL 16000u

struct format {
	uint32_t kind, channels, rate, bits;
};

static uint32_t u16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(const uint8_t *p)
{
	return u16(p) | u16(p + 2) << 16;
}

static int wrong(struct wav *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int wrong(struct wav *w, const char *fmt, ...)
{
	va_list args;

	*w = (struct wav){.rate = 0};
	va_start(args, fmt);
	vsnprintf(w->why, sizeof w->why, fmt, args);
	va_end(args);
	return -1;
}

/* ---- chunks ---- */

struct chunk {
	const uint8_t *p; /* NULL: there is none */
	size_t n;
};

/* Is what follows empty data another chunk, which ends with the file, and not the sound itself? */
static bool is_chunk(const uint8_t *p, size_t n)
{
	size_t bytes = n >= 8 ? u32(p + 4) : 0;

	for (size_t i = 0; i < 4 && n >= 8; i++)
		if ((p[i] < 'a' || p[i] > 'z') && (p[i] < 'A' || p[i] > 'Z') && (p[i] < '0' || p[i] > '9'))
			return false;
	return n >= 8 && 8 + bytes + bytes % 2 == n;
}

/* The body of a chunk: no longer than the file, whatever it says of itself. */
static struct chunk find(const uint8_t *p, size_t n, const char *name)
{
	size_t at = 12;

	while (at + 8 <= n) {
		size_t bytes = u32(p + at + 4), left = n - at - 8;
		bool is_data = memcmp(p + at, "data", 4) == 0;

		if (bytes > left || (is_data && bytes == 0 && !is_chunk(p + at + 8, left)))
			bytes = left;
		if (memcmp(p + at, name, 4) == 0)
			return (struct chunk){p + at + 8, bytes};
		at += 8 + bytes + bytes % 2;
	}
	return (struct chunk){NULL, 0};
}

/* ---- samples ---- */

/* ITU-T G.711, as the sum of a step and its half. */
static double mulaw(uint8_t octet)
{
	int v = ~octet & 0xff, magnitude = ((((v & 15) << 3) + 132) << (v >> 4 & 7)) - 132;

	return v & 0x80 ? -magnitude : magnitude;
}

static double alaw(uint8_t octet)
{
	int v = octet ^ 0x55, segment = v >> 4 & 7, magnitude = ((v & 15) << 4) + 8;

	if (segment > 0)
		magnitude = (magnitude + 256) << (segment - 1);
	return v & 0x80 ? magnitude : -magnitude;
}

static double of_float(const uint8_t *p, uint32_t bits)
{
	uint64_t wide = u32(p) | (bits == 64 ? (uint64_t)u32(p + 4) << 32 : 0);
	uint32_t narrow = (uint32_t)wide;
	double v;
	float f;

	memcpy(&v, &wide, sizeof v);
	memcpy(&f, &narrow, sizeof f);
	v = bits == 64 ? v : (double)f;
	return v >= -1 && v <= 1 ? v * 32767 : v > 1 ? 32767 : v < -1 ? -32768 : 0;
}

/* As one of 16 bit. */
static double sample(const struct format *f, const uint8_t *p)
{
	switch (f->kind << 8 | f->bits) {
	case PCM << 8 | 8:
		return (p[0] - 128) * 256.0;
	case PCM << 8 | 16:
		return (int16_t)u16(p);
	case PCM << 8 | 24:
		return (int32_t)(u32((const uint8_t[]){0, p[0], p[1], p[2]})) / 65536.0;
	case PCM << 8 | 32:
		return (int32_t)u32(p) / 65536.0;
	case MULAW << 8 | 8:
		return mulaw(p[0]);
	case ALAW << 8 | 8:
		return alaw(p[0]);
	default:
		return of_float(p, f->bits);
	}
}

static bool is_known(const struct format *f)
{
	if (f->kind == PCM)
		return f->bits == 8 || f->bits == 16 || f->bits == 24 || f->bits == 32;
	return f->kind == FLOATS ? f->bits == 32 || f->bits == 64 : (f->kind == ALAW || f->kind == MULAW) && f->bits == 8;
}

static int16_t rounded(double v)
{
	return v >= 32767 ? 32767 : v <= -32768 ? -32768 : (int16_t)lrint(v);
}

static void mix(const struct format *f, const uint8_t *p, int16_t *pcm, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double sum = 0;

		for (uint32_t c = 0; c < f->channels; c++, p += f->bits / 8)
			sum += sample(f, p);
		pcm[i] = rounded(sum / f->channels);
	}
}

/* ---- another rate: a sinc in a Hann window, by a table ---- */

#define ZEROS 16u      /* of the sinc, on each side */
#define PER_ZERO 512u  /* entries of the table, with straight lines between */
#define ENTRIES (ZEROS * PER_ZERO)
#define PASSES 0.95    /* of the lower of both bands */
#define PI 3.14159265358979323846

struct sinc {
	double w[ENTRIES + 2];
};

static void fill(struct sinc *s)
{
	s->w[0] = 1;
	for (uint32_t i = 1; i < ENTRIES; i++) {
		double x = PI * i / PER_ZERO;

		s->w[i] = sin(x) / x * (0.5 + 0.5 * cos(PI * i / ENTRIES));
	}
	s->w[ENTRIES] = s->w[ENTRIES + 1] = 0;
}

static double at(const struct sinc *s, double zeros)
{
	double x = fabs(zeros) * PER_ZERO;
	uint32_t i = (uint32_t)x;

	return i >= ENTRIES ? 0 : s->w[i] + (x - i) * (s->w[i + 1] - s->w[i]);
}

struct sound {
	const int16_t *pcm;
	size_t n;
	uint32_t rate;
};

static void resample(const struct sound *in, uint32_t rate, int16_t *out, size_t n)
{
	double band = PASSES * (rate < in->rate ? (double)rate / in->rate : 1.0);
	size_t reach = (size_t)(ZEROS / band) + 1;
	struct sinc s;

	fill(&s);
	for (size_t i = 0; i < n; i++) {
		uint64_t whole = (uint64_t)i * in->rate / rate;
		double pos = (double)whole + (double)((uint64_t)i * in->rate % rate) / rate, sum = 0;
		size_t from = whole > reach ? whole - reach : 0, to = whole + reach < in->n ? whole + reach : in->n;

		for (size_t k = from; k < to; k++)
			sum += in->pcm[k] * at(&s, (pos - (double)k) * band);
		out[i] = rounded(sum * band);
	}
}

/* Takes the samples of `w` over; gives it those of another rate. */
static int change_rate(struct wav *w, uint32_t rate)
{
	const struct sound in = {w->pcm, w->samples, w->rate};
	size_t n = (size_t)((uint64_t)w->samples * rate / w->rate);
	int16_t *out = n > 0 && n <= WAV_SAMPLES_MAX ? malloc(n * sizeof *out) : NULL;

	if (out != NULL)
		resample(&in, rate, out, n);
	free(w->pcm);
	if (out == NULL && n > 0)
		return wrong(w, "too long");
	*w = (struct wav){.rate = rate, .pcm = out, .samples = n};
	return 0;
}

/* ---- files ---- */

static bool is_of_a_tape(uint32_t hz)
{
	return hz == 8000 || hz == 16000 || hz == 24000 || hz == 48000;
}

static int take_format(struct chunk c, struct format *ret, struct wav *w)
{
	if (c.p == NULL || c.n < 16)
		return wrong(w, "not a WAV file that can be said: it does not say its format");
	*ret = (struct format){u16(c.p), u16(c.p + 2), u32(c.p + 4), u16(c.p + 14)};
	if (ret->kind == EXTENSIBLE && c.n >= 26)
		ret->kind = u16(c.p + 24);
	if (!is_known(ret))
		return wrong(w, "its samples have format %u and %u bit: PCM, floats, A-law or mu-law can be said", ret->kind, ret->bits);
	if (ret->channels == 0 || ret->channels > CHANNELS_MAX)
		return wrong(w, "it has %u channels: 1 to %u can be said", ret->channels, CHANNELS_MAX);
	if (ret->rate < RATE_MIN || ret->rate > RATE_MAX)
		return wrong(w, "it has %u Hz: %u to %u can be said", ret->rate, RATE_MIN, RATE_MAX);
	return 0;
}

int wav_parse(const uint8_t *p, size_t n, uint32_t rate_hz, struct wav *ret)
{
	struct format f = {0};
	struct chunk data;

	if (n < 12 || memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WAVE", 4) != 0)
		return wrong(ret, "not a WAV file: it does not begin with RIFF and WAVE");
	data = find(p, n, "data");
	if (data.p == NULL)
		return wrong(ret, "not a WAV file that can be said: it has no data");
	if (take_format(find(p, (size_t)(data.p - p), "fmt "), &f, ret) != 0)
		return -1;
	*ret = (struct wav){.rate = f.rate, .samples = data.n / (f.channels * (f.bits / 8))};
	ret->pcm = ret->samples > 0 && ret->samples <= WAV_SAMPLES_MAX ? malloc(ret->samples * sizeof *ret->pcm) : NULL;
	if (ret->pcm == NULL && ret->samples > 0)
		return wrong(ret, "too long");
	mix(&f, data.p, ret->pcm, ret->samples);
	if (rate_hz == 0)
		rate_hz = is_of_a_tape(f.rate) ? f.rate : RATE_USUAL;
	return f.rate == rate_hz ? 0 : change_rate(ret, rate_hz);
}

int wav_read(const char *path, uint32_t rate_hz, struct wav *ret)
{
	FILE *f = fopen(path, "rbe");
	uint8_t *p;
	size_t n;
	int err;

	if (f == NULL)
		return wrong(ret, "%s", errno == ENOENT ? "there is no such file" : errno == EACCES ? "it may not be read" : "it can not be read");
	p = malloc(WAV_BYTES_MAX + 1);
	n = p != NULL ? fread(p, 1, WAV_BYTES_MAX + 1, f) : 0;
	err = p == NULL ? wrong(ret, "out of memory") : ferror(f) ? wrong(ret, "it can not be read") : 0;
	fclose(f);
	if (err == 0)
		err = n > WAV_BYTES_MAX ? wrong(ret, "larger than 64 MB") : wav_parse(p, n, rate_hz, ret);
	free(p);
	return err;
}

void wav_free(struct wav *w)
{
	free(w->pcm);
	w->pcm = NULL;
}
