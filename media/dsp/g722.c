/* g722.c - G.722 at 64 kbit/s by spandsp, which only this file knows: an octet is two samples of 16 kHz. Its states live where they are put. */
#include <spandsp.h>
#include <spandsp/expose.h>

#include "media/dsp/codec_acts.h"

#define BIT_RATE 64000

_Static_assert(sizeof(g722_encode_state_t) <= CODEC_ENCODER_MAX && sizeof(g722_decode_state_t) <= CODEC_DECODER_MAX, "its states fit");

static size_t encoder_bytes(void)
{
	return sizeof(g722_encode_state_t);
}

static size_t decoder_bytes(void)
{
	return sizeof(g722_decode_state_t);
}

static void encoder_reset(void *state, uint32_t rate_hz, const struct codec_terms *t)
{
	(void)rate_hz;
	(void)t;
	(void)g722_encode_init(state, BIT_RATE, 0);
}

static void decoder_reset(void *state, uint32_t rate_hz)
{
	(void)rate_hz;
	(void)g722_decode_init(state, BIT_RATE, 0);
}

/* hot */
static size_t encode(void *state, const int16_t *pcm, size_t n, uint8_t *out, size_t cap)
{
	n = n < 2 * cap ? n : 2 * cap;
	return (size_t)g722_encode(state, out, pcm, (int)n);
}

/* hot */
static size_t decode(void *state, const uint8_t *in, size_t *n, int16_t *pcm, size_t cap)
{
	if (*n > cap / 2)
		*n = cap / 2;
	return (size_t)g722_decode(state, pcm, in, (int)*n);
}

const struct codec_acts codec_g722 = {
	.encoder_bytes = encoder_bytes,
	.decoder_bytes = decoder_bytes,
	.encoder_reset = encoder_reset,
	.decoder_reset = decoder_reset,
	.encode = encode,
	.decode = decode,
};
