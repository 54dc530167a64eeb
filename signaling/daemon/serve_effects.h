/* serve_effects.h - what answers requests of the peer. */
#pragma once

#include "signaling/daemon/signaling.h"

/* To a request that was delivered; txn 0: the one being served, leaving no trace. */
void serve_answer(struct signaling *s, uint64_t txn, const struct sip_reply *r);
void serve_refuse(struct signaling *s, const struct sip_effect *request,
		  struct leg_refusal why);

/* LEG_FX_RESPOND, to the leg's INVITE. An error: nothing was sent. */
MUST_USE int serve_respond(struct signaling *s, struct leg *l, uint32_t code);
/* LEG_FX_REPEAT */
void serve_repeat(struct signaling *s, struct leg *l);
/* LEG_FX_UPDATED, or at once: to an UPDATE; its offer, when it was the last that had one, is
 * answered by a 2xx. */
/* 200, with an answer when the PRACK had an offer. */
void serve_prack(struct signaling *s, struct leg *l, uint64_t txn);
void serve_update(struct signaling *s, struct leg *l, uint64_t txn, uint32_t code);
