/* room.h - calls that hear each other. Pure: no clock, no allocation once a member is equipped.
 *
 * A room has a time line of its own, CLOCK_MONOTONIC counted in samples of ROOM_RATE_HZ. What a member says is put there where it was
 * due, ROOM_DELAY_MS later; what a member hears in a tick is what the others have put at that time. So each ticks in a phase of
 * its own, is late or early by itself, and nobody waits for anybody. What comes when its time was heard is lost for the room (its tape has it).
 *
 * ROOM_DELAY_MS is the one place where delay is traded for jitter: a packet may be so much less one tick behind the best of its stream. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "media/dsp/resample.h"

#define ROOM_RATE_HZ 16000u
#define ROOM_DELAY_MS 40u
#define ROOM_TICK_MS 20u
#define ROOM_TICK_SAMPLES (ROOM_TICK_MS * (ROOM_RATE_HZ / 1000u))
#define ROOM_RING_SAMPLES 8192u /* 512 ms, a power of two */
#define ROOM_MEMBERS_MAX 32u

struct room;

struct room_member {
	struct resample in, out; /* owned: tape to room, room to tape */
	uint32_t rate_hz;        /* of the tape */
	struct room *room;       /* borrowed; NULL: sits in none */
	bool speaks;             /* the others hear it */
	bool listens;            /* it hears the others */
	uint64_t end;            /* behind the last sample of the ring, on the room's time line; 0: nothing yet */
	uint64_t voiced;         /* behind the last of them that was not silence */
	bool trails;             /* the last tick had voices: what the resampler still holds of them is heard, too */
	int16_t ring[ROOM_RING_SAMPLES];
};

struct room {
	uint64_t id; /* 0 = free */
	uint32_t count;
	struct room_member *members[ROOM_MEMBERS_MAX]; /* borrowed */
};

/* Of a member that was all zero, or equipped before: what it heard and said is forgotten. ERR_INVAL: no rate of a tape; ERR_NOMEM. */
MUST_USE int room_member_equip(struct room_member *m, uint32_t rate_hz);
void room_member_fini(struct room_member *m);

/* ERR_NOSPC: the room is full; ERR_EXIST: it sits in one. */
MUST_USE int room_join(struct room *r, struct room_member *m);
void room_leave(struct room_member *m); /* harmless when it sits in none */

/* hot. The member says n samples at the tape's rate, at most ROOM_TICK_MS of them, that were due at `due_ns`. */
void room_put(struct room_member *m, const int16_t *pcm, uint32_t n, uint64_t due_ns);

/* hot. A tick of what it hears at `at_ns`: n samples at the tape's rate, n being ROOM_TICK_MS, in place of what is in pcm, or summed with it when
 * `over`. False: nothing, and pcm is as it was. */
bool room_take(struct room_member *m, uint64_t at_ns, int16_t *pcm, uint32_t n, bool over);
