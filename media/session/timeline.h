/* timeline.h - decoded packets onto the rx side of the tape, each sample at its place in time. Private to this folder. */
#pragma once

#include "media/session/session.h"

/* hot. A packet of audio, in order. */
void timeline_audio(struct session *s, const struct reorder_item *in, struct session_events *ev);

/* The first packet of a stream: its timestamp is the place where it arrived. */
void timeline_begin(struct session *s, const struct reorder_item *in, struct session_events *ev);

uint64_t timeline_place(const struct session *s, uint32_t ts); /* of a timestamp; by the anchor */
