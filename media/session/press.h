/* press.h - keys we press: telephone events on the wire (RFC 4733), by the session's own clock. Private to this folder. */
#pragma once

#include "media/session/session.h"

/* Is a key down in the tick at `pos`? Then what is said waits. */
bool press_is_down(const struct session *s);

/* hot. The packets of a tick that begins at `pos`; the last three of a key have its end. */
void press_tick(struct session *s, uint64_t pos, struct session_packets *out, struct session_events *ev);
