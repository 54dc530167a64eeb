/* taps.h - tapes, asked for at the media worker that has them. */
#pragma once

#include "media/files/files.h"

/* Ask for the tape of r->tape_id; the answer comes on r->sock, which the loop watches with this token. An errno: nobody is there. */
MUST_USE int taps_ask(struct files *f, struct recording *r, uint64_t token);

/* The answer. 0: r->tape is open. ERR_AGAIN: it is not there yet; ERR_NOENT: there is no such tape (now); else the connection broke. But for
 * ERR_AGAIN it is closed then. */
MUST_USE int taps_take(struct files *f, struct recording *r);
void taps_hang_up(struct files *f, struct recording *r);

/* Slots of the past that a reader begins with: all there are. */
#define TAPS_HISTORY (2u * TAPE_HISTORY_SLOTS)
