/* mark.h - places in what the backend writes that it wants to hear about. session_mark() is in session.h. Private to this folder. */
#pragma once

#include "media/session/session.h"

void mark_resolve(struct session *s, struct session_events *ev); /* those that the tape's place has reached */
void mark_drop_all(struct session *s, const char *why, struct session_events *ev); /* the others, in their order */
