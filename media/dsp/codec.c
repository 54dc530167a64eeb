/* codec.c - see codec.h */
#include "media/dsp/codec.h"

#include "media/dsp/conceal.h"
#include "media/dsp/g711.h"

/* G.711: an octet is a sample. */
#define LAW(law)                                                                         \
	static size_t law##_encode(const int16_t *pcm, size_t n, uint8_t *out)           \
	{                                                                                \
		g711_##law##_encode(pcm, n, out);                                        \
		return n;                                                                \
	}                                                                                \
	static size_t law##_decode(const uint8_t *in, size_t *n, int16_t *pcm, size_t cap) \
	{                                                                                \
		*n = *n < cap ? *n : cap;                                                \
		g711_##law##_decode(in, *n, pcm);                                        \
		return *n;                                                               \
	}

LAW(ulaw)
LAW(alaw)

#define CODEC(name, law, clock, rate, octets)                                            \
	_Static_assert((rate) % 1000 == 0 && (rate) / 1000 <= CODEC_SAMPLES_PER_MS_MAX,  \
		       #name " has whole samples a millisecond");                        \
	_Static_assert((octets) <= CODEC_OCTETS_PER_MS_MAX, #name " fits into packets"); \
	_Static_assert((rate) == CONCEAL_RATE_HZ, #name " can be concealed");
#include "media/dsp/codec.def"
#undef CODEC

const struct audio_codec audio_codecs[CODECS] = {
#define CODEC(name, law, clock, rate, octets)                                            \
	[CODEC_##name] = {#name, clock, rate, octets, law##_encode, law##_decode},
#include "media/dsp/codec.def"
#undef CODEC
};
