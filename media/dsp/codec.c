/* codec.c - see codec.h */
#include "media/dsp/codec_acts.h"

#include "media/dsp/g711.h"

#define PTIME_STEP_MS 10u
#define T10 (1u << 1)
#define T20 (1u << 2)
#define T30 (1u << 3)
#define T40 (1u << 4)
#define T50 (1u << 5)
#define T60 (1u << 6)

/* G.711: an octet is a sample. */
#define LAW(name, law)                                                                                     \
	static size_t law##_encode(void *state, const int16_t *pcm, size_t n, uint8_t *out, size_t cap)    \
	{                                                                                                  \
		(void)state;                                                                               \
		n = n < cap ? n : cap;                                                                     \
		g711_##law##_encode(pcm, n, out);                                                          \
		return n;                                                                                  \
	}                                                                                                  \
	static size_t law##_decode(void *state, const uint8_t *in, size_t *n, int16_t *pcm, size_t cap)    \
	{                                                                                                  \
		(void)state;                                                                               \
		*n = *n < cap ? *n : cap;                                                                  \
		g711_##law##_decode(in, *n, pcm);                                                          \
		return *n;                                                                                 \
	}                                                                                                  \
	const struct codec_acts name = {                                                                   \
		.encoder_bytes = codec_no_state, .decoder_bytes = codec_no_state, .encode = law##_encode,  \
		.decode = law##_decode,                                                                    \
	};

LAW(codec_pcmu, ulaw)
LAW(codec_pcma, alaw)

#define CODEC(id, name, how, clock, rate, octets, ptimes)                                                  \
	_Static_assert((rate) % 1000 == 0 && (rate) / 1000 <= CODEC_SAMPLES_PER_MS_MAX,                    \
		       #id " has whole samples a millisecond");                                            \
	_Static_assert((ptimes) / T10 * T10 == (ptimes) && (ptimes) < 2 * T60, #id " has packet times");    \
	_Static_assert((octets) * ((ptimes) & T60 ? 60 : (ptimes) & T50 ? 50 : (ptimes) & T40 ? 40 : 20) <= CODEC_OCTETS_MAX || \
		       (ptimes) == T10, #id " fits into packets");
#include "media/dsp/codec.def"
#undef CODEC

const struct audio_codec audio_codecs[CODECS] = {
#define CODEC(id, name, how, clock, rate, octets, ptimes) [CODEC_##id] = {name, clock, rate, octets, ptimes, &codec_##how},
#include "media/dsp/codec.def"
#undef CODEC
};

uint32_t codec_ptime(const struct audio_codec *c, uint32_t wanted_ms)
{
	uint32_t n = wanted_ms / PTIME_STEP_MS, least = (uint32_t)__builtin_ctz(c->ptimes);

	while (n > least && !(c->ptimes >> n & 1u))
		n--;
	return (n > least ? n : least) * PTIME_STEP_MS;
}

bool codec_is_plain(const struct audio_codec *c)
{
	return c->acts->encoder_bytes() == 0 && c->acts->decoder_bytes() == 0 && c->rate_hz == 8000 && c->octets_per_ms <= 8;
}
