/* rooms.h - which sessions sit in which room (media/room). */
#pragma once

#include "media/daemon/media.h"

/* As control wants it; the caller saves the session. ERR_STALE: a later seat is in force; ERR_PROTO: it has no tape; ERR_NOSPC: no room, or no place
 * in it; ERR_NOMEM. It sits where it sat then. */
MUST_USE int rooms_seat(struct media *m, struct media_session *ms, const struct session_seat *seat);

/* Of a session that was taken over: where its predecessor sat. */
void rooms_resume(struct media *m, struct media_session *ms);

void rooms_leave(struct media *m, struct media_session *ms); /* at the end of a session */
