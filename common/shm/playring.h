/* playring.h - sound of a file or a tone on its way from the process that reads files to media: one ring of samples at the tape's rate.
 *
 * Media makes it, keeps it with the tape's descriptors, and mixes what is in it under what the backend says. The player writes ahead of it, and
 * leaves in it what a successor needs to go on. Every word has one writer; media trusts none of the player's. */
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/shm/region.h"

#define PLAYRING_UNITY 32768u /* a factor of 1 */
#define PLAYRING_FADE_MS 5u

struct playring_header {
	uint64_t magic;
	uint32_t version;
	uint32_t rate_hz;
	uint32_t samples; /* of the ring, a power of two: more than 2.5 s */
	uint32_t pad;
	/* the player's */
	alignas(128) _Atomic uint64_t head; /* samples written */
	_Atomic uint64_t drop;   /* what is before this one is not to be heard any more */
	_Atomic uint64_t duck;   /* of PLAYRING_UNITY: while the backend speaks */
	_Atomic uint64_t job;    /* whose samples these are */
	_Atomic uint64_t begin;  /* index of its first one */
	_Atomic uint64_t source; /* samples of its source, at the source's rate, that are behind head */
	/* media's */
	alignas(128) _Atomic uint64_t tail; /* samples played */
	_Atomic uint64_t pos;    /* of the tape: where the next one is heard, if it is there */
};

struct playring {
	struct region region;      /* owned */
	struct playring_header *h; /* borrowed: from region; NULL = none */
	int16_t *v;                /* likewise */
	uint32_t rate_hz, samples; /* private copies */
	uint64_t tail;             /* media's */
};

/* ERR_INVAL for a rate that no tape has, or an errno. */
MUST_USE int playring_create(uint32_t rate_hz, struct playring *ret);
/* Of a predecessor, or of media. ERR_CORRUPT; owns `fd` on success only. */
MUST_USE int playring_adopt(int fd, struct playring *ret);
void playring_close(struct playring *r); /* harmless when closed or all zero */

/* hot. Media: up to `n` samples; how many there are. What is to be dropped fades out and is gone. */
uint32_t playring_take(struct playring *r, int16_t *pcm, uint32_t n);
/* hot. Media: they are played, and `pos` follows. Before the tick is over: a successor goes on behind them. */
void playring_done(struct playring *r, uint64_t pos);
uint32_t playring_duck(const struct playring *r); /* <= PLAYRING_UNITY */

/* The player: how many samples fit, and write n <= that many of them; `source` as in the header. */
uint32_t playring_room(const struct playring *r);
void playring_put(struct playring *r, const int16_t *pcm, uint32_t n, uint64_t source);
