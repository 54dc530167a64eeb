/* codec.h - one row for each codec: all that the rest of media knows of it. What a codec does is a file of its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

enum codec_id { /* kept in records: only appended to */
#define CODEC(id, name, how, clock_hz, rate_hz, octets_per_ms, ptimes) CODEC_##id,
#include "media/dsp/codec.def"
#undef CODEC
	CODECS
};

/* Of any row: what buffers are measured by. */
#define CODEC_SAMPLES_PER_MS_MAX 48u
#define CODEC_OCTETS_MAX         1280u /* of one packet that we make: none is cut up on its way */
#define CODEC_DECODED_MS_MAX     120u  /* what one call of decode() makes at most */
#define CODEC_ENCODER_MAX        45056u /* octets of a state */
#define CODEC_DECODER_MAX        20480u

/* What the peer wishes of what we send (a=fmtp); all zero: nothing. Kept in records: only appended to. */
struct codec_terms {
	uint32_t bitrate_max; /* 0: any */
	uint32_t rate_max_hz; /* of the audio in it; 0: any */
	uint8_t fec;          /* it uses what tells of the packet before */
	uint8_t dtx;          /* silence need not be sent */
	uint8_t cbr;          /* every packet of one size */
	uint8_t pad;
};

/* What codecs of one kind do. A state is memory of at least so many octets as it says, aligned for anything; it is valid after reset.
 * Without an encoder's or a decoder's state (0 octets) `state` is not looked at. Nothing here allocates. */
struct codec_acts {
	size_t (*encoder_bytes)(void);
	size_t (*decoder_bytes)(void);
	void (*encoder_reset)(void *state, uint32_t rate_hz, const struct codec_terms *t); /* NULL: none to be reset */
	void (*decoder_reset)(void *state, uint32_t rate_hz);                              /* likewise */

	/* hot. `n` samples, one packet, into at most `cap` octets: how many. 0: nothing is to be sent. */
	size_t (*encode)(void *state, const int16_t *pcm, size_t n, uint8_t *out, size_t cap);
	/* hot. The first octets of `*n` that are at most `cap` samples: how many samples; *n becomes how many octets, never 0. What is no
	 * packet of this codec is 0 samples. `cap` has room for CODEC_DECODED_MS_MAX. */
	size_t (*decode)(void *state, const uint8_t *in, size_t *n, int16_t *pcm, size_t cap);

	/* `n` samples, whole steps of 2.5 ms, that stand for what was lost; `next`: the packet behind them, which may tell of it, or NULL.
	 * NULL: conceal.h does it. How many were made. */
	size_t (*conceal)(void *state, const struct str *next, int16_t *pcm, size_t n);
	void (*expect_loss)(void *state, uint32_t percent); /* of what we send; NULL: of no use */
	void (*read_terms)(struct str fmtp, struct codec_terms *ret); /* NULL: has none */
};

struct audio_codec {
	const char *name;       /* in SDP */
	uint32_t clock_hz;      /* of RTP timestamps, and of telephone events beside it */
	uint32_t rate_hz;       /* of its samples; 0: any that a tape has. Whole samples a millisecond */
	uint32_t octets_per_ms; /* at most */
	uint32_t ptimes;        /* that we send: bit n is 10 * n ms */
	const struct codec_acts *acts;
};

extern const struct audio_codec audio_codecs[CODECS];

/* Of its samples, beside a tape of this rate. */
static inline uint32_t codec_rate(const struct audio_codec *c, uint32_t tape_hz)
{
	return c->rate_hz != 0 ? c->rate_hz : tape_hz;
}

/* The longest packet time it has that is at most this one, else its shortest. */
uint32_t codec_ptime(const struct audio_codec *c, uint32_t wanted_ms);

/* Can a session without memory from elsewhere speak it? Stateless, at 8 kHz, an octet a sample. */
bool codec_is_plain(const struct audio_codec *c);
