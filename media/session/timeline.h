/* timeline.h - decoded packets onto the rx side of the tape, each sample at its place in time. Private to this folder. */
#pragma once

#include "media/session/session.h"

/* hot. A packet of audio, in order. */
void timeline_audio(struct session *s, const struct reorder_item *in, struct session_events *ev);

/* Comfort noise, in order: what is silent from its timestamp on sounds like that, until audio comes. */
void timeline_noise(struct session *s, const struct reorder_item *in);
/* A successor goes on with what is on the tape. */
void timeline_resume(struct session *s, uint64_t now_ns);

/* hot. The same in SESSION_PLAYOUT. */
void timeline_listen(struct session *s, const struct reorder_item *in, struct session_events *ev);

/* hot. SESSION_PLAYOUT: nothing is there for so many samples of the next tick. */
void timeline_invent(struct session *s, uint32_t samples, uint64_t now_ns);

/* hot. Once a tick: when nothing came, silence goes on with the clock. */
void timeline_idle(struct session *s, uint64_t now_ns);

/* Where among the frames a key was pressed, of which a packet with this timestamp says that it has been down for so many ticks. */
uint64_t timeline_of_key(const struct session *s, uint32_t ts, uint32_t ticks, uint64_t arrival_ns);
