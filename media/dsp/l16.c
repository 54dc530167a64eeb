/* l16.c - 16-bit samples in network order (RFC 3551 section 4.5.11). */
#include "media/dsp/codec_acts.h"

/* hot */
static size_t encode(void *state, const int16_t *pcm, size_t n, uint8_t *out, size_t cap)
{
	(void)state;
	n = n < cap / 2 ? n : cap / 2;
	for (size_t i = 0; i < n; i++) {
		uint16_t v = (uint16_t)pcm[i];

		out[2 * i] = (uint8_t)(v >> 8);
		out[2 * i + 1] = (uint8_t)v;
	}
	return 2 * n;
}

/* hot. Half a sample at the end is none. */
static size_t decode(void *state, const uint8_t *in, size_t *n, int16_t *pcm, size_t cap)
{
	size_t samples = *n / 2 < cap ? *n / 2 : cap;

	(void)state;
	for (size_t i = 0; i < samples; i++)
		pcm[i] = (int16_t)(in[2 * i] << 8 | in[2 * i + 1]);
	if (samples < cap || *n == 2 * samples)
		return samples; /* all of it */
	*n = 2 * samples;
	return samples;
}

const struct codec_acts codec_l16 = {
	.encoder_bytes = codec_no_state, .decoder_bytes = codec_no_state, .encode = encode, .decode = decode,
};
