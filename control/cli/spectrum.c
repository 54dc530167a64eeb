/* spectrum.c - see spectrum.h */
#include "control/cli/spectrum.h"

#include <complex.h>
#include <math.h>
#include <string.h>

#include "common/base/must.h"

#define WINDOW_MS  32u
#define WINDOW_MAX 2048u
#define FLOOR_DB   -80.0
#define CEILING_DB -10.0
#define COLOURS    256u
#define BLOCK_MAX  65535u /* of what is stored in deflate (RFC 1951 section 3.2.4) */
#define ADLER      65521u /* RFC 1950 section 8 */

/* ---- levels ---- */

/* In place, `n` a power of two. */
static void transform(float complex *x, size_t n)
{
	for (size_t i = 1, j = 0; i < n; i++) { /* bits in reverse */
		size_t bit = n >> 1;

		for (; (j & bit) != 0; bit >>= 1)
			j ^= bit;
		j ^= bit;
		if (i < j) {
			float complex t = x[i];

			x[i] = x[j];
			x[j] = t;
		}
	}
	for (size_t half = 1; half < n; half *= 2)
		for (size_t k = 0; k < half; k++) {
			float complex turn = cexpf(-I * (float)M_PI * (float)k / (float)half);

			for (size_t i = k; i < n; i += 2 * half) {
				float complex t = turn * x[i + half];

				x[i + half] = x[i] - t;
				x[i] += t;
			}
		}
}

static size_t window_of(uint32_t rate_hz)
{
	size_t n = 256;

	while (n < rate_hz * WINDOW_MS / 1000u && n < WINDOW_MAX)
		n *= 2;
	return n;
}

static uint8_t level_of(float magnitude, size_t window)
{
	double db = 20 * log10(magnitude / (32768.0 * (double)window / 4) + 1e-9), level = (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB);

	return (uint8_t)(255 * (level < 0 ? 0 : level > 1 ? 1 : level));
}

/* The loudest of the lines that share a row. */
static void put_column(const float complex *x, size_t window, struct spectrum *ret, size_t column)
{
	size_t lines = window / 2 / SPECTRUM_HEIGHT;

	for (size_t row = 0; row < SPECTRUM_HEIGHT; row++) {
		float most = 0;

		for (size_t k = 0; k < lines; k++)
			most = fmaxf(most, cabsf(x[1 + row * lines + k]));
		ret->level[SPECTRUM_HEIGHT - 1 - row][column] = level_of(most, window);
	}
}

void spectrum_of(const int16_t *pcm, size_t n, uint32_t rate_hz, struct spectrum *ret)
{
	float complex x[WINDOW_MAX];
	size_t window = window_of(rate_hz);

	must(rate_hz >= 8000 && rate_hz <= 48000);
	for (size_t column = 0; column < SPECTRUM_WIDTH; column++) {
		int64_t first = (int64_t)((2 * column + 1) * n / (2 * SPECTRUM_WIDTH)) - (int64_t)window / 2;

		for (size_t i = 0; i < window; i++) {
			int64_t at = first + (int64_t)i;
			float bell = 0.5f - 0.5f * cosf(2 * (float)M_PI * (float)i / (float)window);

			x[i] = at >= 0 && at < (int64_t)n ? bell * pcm[at] : 0;
		}
		transform(x, window);
		put_column(x, window, ret, column);
	}
}

/* ---- a PNG ---- */

struct png {
	uint8_t *p;
	size_t n, chunk; /* where the present chunk began */
};

static void put(struct png *o, const void *p, size_t n)
{
	memcpy(o->p + o->n, p, n);
	o->n += n;
}

static void put32(struct png *o, uint32_t v)
{
	const uint8_t octets[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	put(o, octets, sizeof octets);
}

static void begin_chunk(struct png *o, const char *kind)
{
	o->chunk = o->n;
	put32(o, 0);
	put(o, kind, 4);
}

static uint32_t crc(const uint8_t *p, size_t n)
{
	uint32_t c = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		c ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			c = (c >> 1) ^ (0xedb88320u & -(c & 1u));
	}
	return ~c;
}

static void end_chunk(struct png *o)
{
	struct png length = {o->p, o->chunk, 0};

	put32(&length, (uint32_t)(o->n - o->chunk - 8));
	put32(o, crc(o->p + o->chunk + 4, o->n - o->chunk - 4));
}

static void put_palette(struct png *o)
{
	static const float low[3] = {12, 8, 50}, middle[3] = {33, 145, 140}, high[3] = {253, 231, 37};

	begin_chunk(o, "PLTE");
	for (unsigned i = 0; i < COLOURS; i++) {
		const float *from = i < COLOURS / 2 ? low : middle, *to = i < COLOURS / 2 ? middle : high;
		float way = (float)(i % (COLOURS / 2)) / (float)(COLOURS / 2 - 1);
		uint8_t rgb[3];

		for (int k = 0; k < 3; k++)
			rgb[k] = (uint8_t)(from[k] + (to[k] - from[k]) * way);
		put(o, rgb, sizeof rgb);
	}
	end_chunk(o);
}

/* Rows in blocks of whole rows; each row begins with its filter: none. */
static void put_rows(struct png *o, const struct spectrum *s)
{
	const size_t line = SPECTRUM_WIDTH + 1, most = BLOCK_MAX / line;
	uint32_t a = 1, b = 0;

	put(o, "\x78\x01", 2);
	for (size_t row = 0; row < SPECTRUM_HEIGHT; row++) {
		if (row % most == 0) {
			size_t rows = SPECTRUM_HEIGHT - row < most ? SPECTRUM_HEIGHT - row : most, n = rows * line;
			const uint8_t head[5] = {row + rows == SPECTRUM_HEIGHT, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8)};

			put(o, head, sizeof head);
		}
		put(o, "", 1);
		put(o, s->level[row], SPECTRUM_WIDTH);
		for (size_t i = o->n - line; i < o->n; i++) {
			a = (a + o->p[i]) % ADLER;
			b = (b + a) % ADLER;
		}
	}
	put32(o, b << 16 | a);
}

size_t spectrum_png(const struct spectrum *s, uint8_t ret[SPECTRUM_PNG_MAX])
{
	struct png o = {ret, 0, 0};

	put(&o, "\x89PNG\r\n\x1a\n", 8);
	begin_chunk(&o, "IHDR");
	put32(&o, SPECTRUM_WIDTH);
	put32(&o, SPECTRUM_HEIGHT);
	put(&o, "\x08\x03\x00\x00\x00", 5); /* 8 bits, of a palette */
	end_chunk(&o);
	put_palette(&o);
	begin_chunk(&o, "IDAT");
	put_rows(&o, s);
	end_chunk(&o);
	begin_chunk(&o, "IEND");
	end_chunk(&o);
	return o.n;
}
