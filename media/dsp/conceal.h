/* conceal.h - stand-in audio for lost packets, at the rate of the codec.
 *
 * Keeps the last 50 ms of audio. When what follows is known, as usual, because a gap is filled when the packet behind it is there, both
 * sides are continued into the gap (interpolate.h). Else a lost block repeats the last pitch period: it joins what was heard before without
 * a step, each repetition runs into the next by overlap-add, and the whole fades linearly to silence over CONCEAL_FADE_MS; the first good
 * block after it is blended in. Received blocks are not delayed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONCEAL_RATE_HZ 8000u  /* what needs no memory from elsewhere */
#define CONCEAL_RATE_MAX 48000u
#define CONCEAL_FADE_MS 60u

/* Samples that are kept: 50 ms of history, and a pitch period of 20 ms (50 Hz). */
#define CONCEAL_HISTORY(hz)   ((hz) / 20u)
#define CONCEAL_PITCH_MAX(hz) ((hz) / 50u)
#define CONCEAL_MEMORY(hz)    (CONCEAL_HISTORY(hz) + CONCEAL_PITCH_MAX(hz))

struct conceal {
	int16_t own[CONCEAL_MEMORY(CONCEAL_RATE_HZ)]; /* history and period, at 8 kHz */
	int16_t *more;    /* borrowed: likewise, at other rates; NULL: own */
	uint32_t rate_hz;
	uint32_t pitch; /* samples; 0 = not concealing */
	uint32_t at;    /* in the period */
	uint32_t made;  /* samples invented in a row, until all is faded */
	int32_t step;   /* between what was heard and the period's beginning */
	bool heard;     /* there is history */
};

/* `more`: CONCEAL_MEMORY(rate_hz) samples; NULL at 8 kHz. Whole multiples of 8 kHz. */
void conceal_init(struct conceal *c, uint32_t rate_hz, int16_t *more);

/* hot. A received block; its beginning is blended in place when it follows a loss. */
void conceal_good(struct conceal *c, int16_t *pcm, size_t n);

/* Invent `n` samples. Before the first good block: silence. */
void conceal_lost(struct conceal *c, int16_t *pcm, size_t n);

#define CONCEAL_BETWEEN_MAX(hz) (2u * CONCEAL_FADE_MS * ((hz) / 1000u)) /* samples of a gap that is worth it */

/* Invent all `n` samples, at most CONCEAL_BETWEEN_MAX, of a gap before `next`, which conceal_good() is given then: its first 20 ms are looked
 * at; with less than 10 ms it is conceal_lost(). */
void conceal_between(struct conceal *c, int16_t *pcm, size_t n, const int16_t *next, size_t next_n);
