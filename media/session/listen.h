/* listen.h - mode `playout`: what is heard is put on the tape when a listener in real time would hear it, at the pace of our clock, one tick
 * at a time. Decoded audio waits as long as media/rtp/delay.h says; the wait grows and shrinks by periods of the pitch. Private to this
 * folder. */
#pragma once

#include "media/session/session.h"

/* From the beginning, or after a take-over; s->listen is memory of any content. */
void listen_begin(struct session *s);

/* hot. Samples at the tape's rate, at s->rx_pos, which they move. */
void listen_put(struct session *s, const int16_t *pcm, uint32_t n, enum tape_frame_kind kind, uint64_t arrival_ns);

/* A packet of audio says that the samples from `place` on came now. */
void listen_arrived(struct session *s, uint64_t place, uint64_t now_ns);

enum listen_verdict {
	LISTEN_NEXT, /* its place is where the last one ended, or behind that */
	LISTEN_LATE, /* its place was filled, but there is time: everything goes on later, by as much */
	LISTEN_CUT,  /* it begins too late, and ends in time */
	LISTEN_GONE  /* whoever listens has heard on */
};

/* hot. Of a packet of so many samples. */
enum listen_verdict listen_judge(const struct session *s, uint64_t place, uint32_t samples);

/* Places are counted anew: so much more. */
void listen_moved(struct session *s, int64_t by);

/* hot. Is there less than the next tick needs? Then a gap is given up, if that helps, or something is to be invented. */
uint32_t listen_lacks(const struct session *s);

/* hot. The next tick, at position s->pos. */
void listen_tick(struct session *s, uint64_t now_ns);

/* Is it heard, or does it wait for enough to begin with? */
bool listen_plays(const struct session *s);
/* Nothing comes any more: what comes next waits as at the beginning. */
void listen_rest(struct session *s);
