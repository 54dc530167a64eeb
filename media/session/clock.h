/* clock.h - where a session is: by the clock, and by what was played. Private to this folder. */
#pragma once

#include "media/session/session.h"

#define SESSION_TICK_NS (SESSION_TICK_MS * 1000000ull)

uint64_t session_pos_at(const struct session *s, uint64_t now_ns); /* position of an instant */
uint32_t session_tick_samples(const struct session *s);            /* at the tape's rate */
uint32_t session_ts_at(const struct session *s, uint64_t pos);     /* our RTP timestamp of a position */

void session_clock_save(struct session *s); /* tick, place and utterance, as of now */
/* Where playing stopped. A place that makes no sense costs what was queued before the tape's own, nothing else. */
void session_clock_restore(struct session *s);
