/* dial_effects.h - what an INVITE of ours needs, for legs. */
#pragma once

#include "signaling/daemon/signaling.h"

/* LEG_FX_SEND_INVITE. An error: nothing was sent. */
MUST_USE int dial_invite(struct signaling *s, struct leg *l);
/* What stands behind the effect being carried out and must not be overtaken: the ACK of the refusal
 * that an INVITE follows. */
void dial_send_behind(struct signaling *s);
/* LEG_FX_SEND_CANCEL. An error: there is nothing to be cancelled any more. */
MUST_USE int dial_cancel(struct signaling *s, struct leg *l);
/* LEG_FX_SEND_ACK */
void dial_ack(struct signaling *s, struct leg *l);
/* LEG_FX_SEND_PRACK */
void dial_prack(struct signaling *s, struct leg *l);
