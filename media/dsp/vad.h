/* vad.h - does somebody speak? By the energy of short blocks against the noise behind them. Pure.
 *
 * The noise is the quietest that was heard in the last seconds, so a fan that starts is noise a few seconds later and no pause of a
 * talker is needed to learn it. Whatever is louder than that counts as speech: music and tones too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VAD_BLOCK_MS      10u
#define VAD_PARTS         6u  /* of the memory of the noise */
#define VAD_PART_BLOCKS   50u
#define VAD_NOISE_UNKNOWN 0   /* decibels are negative */

struct vad_terms {
	uint32_t start_ms; /* of speech, before it is believed */
	uint32_t end_ms;   /* of silence, before it is over */
};

enum vad_edge {
	VAD_NOTHING,
	VAD_STARTED,
	VAD_ENDED
};

struct vad {
	float noise;            /* dBov */
	float smooth;           /* level, a few blocks long */
	float sway;             /* how far blocks of noise are from that, in the mean */
	float peak;             /* of `smooth`, lately */
	float in, out;          /* of the high-pass: last samples */
	float least[VAD_PARTS]; /* of `smooth`, in the parts of the memory; [part] is being filled */
	uint32_t part, part_blocks;
	uint32_t score_ms;      /* of speech that is not believed yet */
	bool speaks;
	bool rises;             /* the level is above the noise, speech or not */
	uint64_t rise_pos;      /* since here */
	uint64_t from_pos;      /* where what may become speech began */
	uint64_t last_pos;      /* where the last block of speech ended */
};

/* Begin; noise_dbov: what a predecessor had learned, VAD_NOISE_UNKNOWN: nothing. speaks: since before. */
void vad_begin(struct vad *v, int32_t noise_dbov, bool speaks, uint64_t pos);

/* A block of VAD_BLOCK_MS. */
struct vad_block {
	const int16_t *pcm; /* NULL: nothing was said (silence that was sent as such, or made here) */
	size_t n;
	uint64_t pos;       /* where it begins */
	bool made_up;       /* concealed: it may be speech, but tells nothing of the noise */
};

/* hot. An edge is where it was, not where it is believed: *ret_pos. */
enum vad_edge vad_take(struct vad *v, const struct vad_terms *t, const struct vad_block *b, uint64_t *ret_pos);
