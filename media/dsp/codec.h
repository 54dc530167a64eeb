/* codec.h - one row for each codec: all that the rest of media knows of it. A packet is coded by itself. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum codec_id { /* kept in records: only appended to */
#define CODEC(name, law, clock_hz, rate_hz, octets_per_ms) CODEC_##name,
#include "media/dsp/codec.def"
#undef CODEC
	CODECS
};

/* Of any row: what buffers are measured by. */
#define CODEC_SAMPLES_PER_MS_MAX 8u
#define CODEC_OCTETS_PER_MS_MAX  8u

struct audio_codec {
	const char *name;       /* in SDP */
	uint32_t clock_hz;      /* of RTP timestamps, and of telephone events beside it */
	uint32_t rate_hz;       /* of its samples; whole samples a millisecond */
	uint32_t octets_per_ms; /* at most */

	/* hot. `n` samples to at most their time's octets; how many. */
	size_t (*encode)(const int16_t *pcm, size_t n, uint8_t *out);
	/* hot. The first octets of `*n` that are at most `cap` samples: how many samples; *n becomes how many octets. */
	size_t (*decode)(const uint8_t *in, size_t *n, int16_t *pcm, size_t cap);
};

extern const struct audio_codec audio_codecs[CODECS];
