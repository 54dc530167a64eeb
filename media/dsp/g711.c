/* g711.c - see g711.h
 *
 * Decoding is a table. Encoding is arithmetic a compiler turns into vector code: a float
 * conversion finds segment and step at once, because exponent and mantissa of a float are
 * laid out like a G.711 code. */
#include "media/dsp/g711.h"

#include <string.h>

#define SIGN        0x80
#define ULAW_BIAS   132   /* 33 of the 14-bit law, left-justified */
#define ULAW_MAX    32767 /* magnitude and bias */
#define ALAW_EVEN   0x55  /* bits the A-law inverts */
#define ALAW_LINEAR 256   /* magnitudes below lie in the one linear segment */

/* Segment and step of a magnitude in 128..32767 from its float: 4 bits of mantissa, and
 * an exponent of 7 that is segment 0. */
#define FLOAT_SHIFT 19
#define FLOAT_BIAS  ((127 + 7) << 4)

/* The values of the codes. All bits of a mu-law code are inverted, every other one of an
 * A-law code; what stands in the lowest bits puts the value into the middle of its step.
 */
#define ULAW_STEP(c)  ((~(c)&15) << 3)
#define ULAW_SIZE(c)  (((ULAW_STEP(c) + ULAW_BIAS) << (~(c) >> 4 & 7)) - ULAW_BIAS)
#define ULAW_VALUE(c) ((c)&SIGN ? ULAW_SIZE(c) : -ULAW_SIZE(c))

#define ALAW_SEGMENT(c) (((c) ^ ALAW_EVEN) >> 4 & 7)
#define ALAW_STEP(c)    (((((c) ^ ALAW_EVEN) & 15) << 4) + 8)
#define ALAW_SIZE(c)                                                                     \
	(ALAW_SEGMENT(c) == 0 ? ALAW_STEP(c)                                             \
			      : (ALAW_STEP(c) + ALAW_LINEAR) << ALAW_SEGMENT(c) >> 1)
#define ALAW_VALUE(c) ((c)&SIGN ? ALAW_SIZE(c) : -ALAW_SIZE(c))

#define ROW4(f, c)  f(c), f((c) + 1), f((c) + 2), f((c) + 3)
#define ROW16(f, c) ROW4(f, c), ROW4(f, (c) + 4), ROW4(f, (c) + 8), ROW4(f, (c) + 12)
#define ROW64(f, c)                                                                      \
	ROW16(f, c), ROW16(f, (c) + 16), ROW16(f, (c) + 32), ROW16(f, (c) + 48)
#define ROW256(f) ROW64(f, 0), ROW64(f, 64), ROW64(f, 128), ROW64(f, 192)

static const int16_t ulaw[256] = {ROW256(ULAW_VALUE)};
static const int16_t alaw[256] = {ROW256(ALAW_VALUE)};

/* hot */
void g711_ulaw_decode(const uint8_t *in, size_t n, int16_t *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = ulaw[in[i]];
}

/* hot */
void g711_alaw_decode(const uint8_t *in, size_t n, int16_t *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = alaw[in[i]];
}

/* hot */
static inline int32_t segment_and_step(int32_t magnitude)
{
	float f = (float)magnitude;
	int32_t bits;

	memcpy(&bits, &f, sizeof bits);
	return (bits >> FLOAT_SHIFT) - FLOAT_BIAS;
}

/* hot. One's complement: below zero the smaller magnitude owns the decision value. */
static inline int32_t magnitude_of(int32_t v)
{
	return v ^ v >> 31;
}

/* hot */
void g711_ulaw_encode(const int16_t *in, size_t n, uint8_t *out)
{
	for (size_t i = 0; i < n; i++) {
		int32_t size = magnitude_of(in[i]) + ULAW_BIAS;
		int32_t code = segment_and_step(size < ULAW_MAX ? size : ULAW_MAX);

		out[i] = (uint8_t) ~(code | (in[i] >> 15 & SIGN));
	}
}

/* hot */
void g711_alaw_encode(const int16_t *in, size_t n, uint8_t *out)
{
	for (size_t i = 0; i < n; i++) {
		int32_t size = magnitude_of(in[i]);
		/* linear is the larger of the two above, and the only one below */
		int32_t curved =
			segment_and_step(size > ALAW_LINEAR ? size : ALAW_LINEAR);
		int32_t linear = size >> 4, code = linear < curved ? linear : curved;

		out[i] = (uint8_t)(code ^ (~in[i] >> 15 & SIGN) ^ ALAW_EVEN);
	}
}
