/* mouth.h - how much is left to be said, and who waits for the end of it. Private to this folder. */
#pragma once

#include "media/session/session.h"

bool mouth_is_sound(const struct session_mouth *m); /* of a record */

/* hot. Before a tick at position `pos` is composed: what was heard by now, and who is told of it. */
void mouth_tick(struct session *s, uint64_t pos, uint64_t now_ns, struct session_events *ev);
/* hot. The slot being played is consumed in a moment. */
void mouth_took(struct session *s);
/* What is queued is counted anew, as behind a flush. */
void mouth_forget(struct session *s);
/* A mark is resolved. */
void mouth_mark(struct session *s, const char *mark, bool reached);
