/* renew_effects.h - requests of ours that change a call in mid-call. */
#pragma once

#include "signaling/daemon/signaling.h"

/* LEG_FX_RENEW; an error: nothing was sent. */
MUST_USE int renew_invite(struct signaling *s, struct leg *l);
/* LEG_FX_RENEW_ACK */
void renew_ack(struct signaling *s, struct leg *l);
/* LEG_FX_RENEW_CANCEL */
void renew_cancel(struct signaling *s, struct leg *l);
