/* playout.h - the tx side of the tape onto the wire, 20 ms at a time, on the session's own clock. Private to this folder. */
#pragma once

#include "media/session/session.h"

/* hot. One tick of the clock: what is said in it, noted and made into packets. */
void playout_tick(struct session *s, uint64_t now_ns, struct session_packets *out, struct session_events *ev);

/* Ticks that nobody played. */
void playout_skip(struct session *s, uint64_t ticks);
