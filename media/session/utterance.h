/* utterance.h - what of each utterance was heard. session_flush() is in session.h. Private to this folder. */
#pragma once

#include "media/session/session.h"

void utterance_end(struct session *s, const struct session_utterance *u, const char *why, struct session_events *ev);
