/* taps.h - tapes, asked for at the media worker that has them. */
#pragma once

#include "media/files/files.h"

/* Ask for t->tape_id with an enum tape_attach_op; the answer comes on t->sock, which the loop watches with this token. An errno: nobody is
 * there. */
MUST_USE int taps_ask(struct files *f, struct tap *t, uint32_t op, uint64_t token);

/* The answer: `n` descriptors, the caller's from now on. ERR_AGAIN: it is not there yet; ERR_NOENT: there is no such tape (now); else the connection
 * broke. But for ERR_AGAIN it is closed then. */
MUST_USE int taps_take(struct files *f, struct tap *t, int *ret_fds, size_t n);
void taps_hang_up(struct files *f, struct tap *t);

/* Slots of the past that a reader begins with: all there are. */
#define TAPS_HISTORY (2u * TAPE_HISTORY_SLOTS)
