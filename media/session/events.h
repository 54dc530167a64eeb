/* events.h - what a session tells, and what it writes down for its successor. Private to this folder. */
#pragma once

#include "media/session/session.h"

/* A new event. When there is no room the last one is overwritten, and that is counted. */
struct session_event *session_emit(struct session_events *ev, enum session_event_kind kind);

void session_hot_set(struct session *s, enum session_hot word, uint64_t v);
uint64_t session_hot_get(const struct session *s, enum session_hot word);
