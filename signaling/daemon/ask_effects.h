/* ask_effects.h - requests of ours in the dialog of a leg (signaling/leg/ask.h) on their way. What
 * became of one is told to the table of from_asks.c. */
#pragma once

#include "signaling/daemon/signaling.h"
#include "signaling/leg/ask.h"

/* Errors as in ask_begin(), and ERR_NOSPC when there is no room for its transaction: then nothing
 * was sent, and nothing will be told. */
MUST_USE int asks_send(struct signaling *s, struct leg *l, const struct ask_request *r);

/* The request of a slot with a CSeq and a branch of its own: one that waited, or once more after
 * a challenge. */
MUST_USE int asks_go(struct signaling *s, struct leg *l, uint32_t slot);

/* A successor sends what was out: the same octets but for credentials. */
MUST_USE int asks_repeat(struct signaling *s, struct leg *l, uint32_t slot);
