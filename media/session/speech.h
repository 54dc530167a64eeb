/* speech.h - when the caller speaks, and when nobody has for a while. Private to this folder.
 *
 * Listens to the frames on the tape, so a position it tells is one a backend can read at. Both are told when they are believed and say
 * where they were. */
#pragma once

#include "media/session/session.h"

/* hot. Once a tick, behind what came and what was played. */
void speech_tick(struct session *s, struct session_events *ev);

/* A successor goes on behind the last frame. */
void speech_resume(struct session *s);
bool speech_is_sound(const struct session_speech *p);
