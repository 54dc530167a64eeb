/* from_renew.h - what control wants to change of a call in mid-call, and what the peer says to our
 * re-INVITE. */
#pragma once

#include "signaling/daemon/signaling.h"

/* Of the transaction l->renewal. */
void from_renew_answer(struct signaling *s, struct leg *l, const struct sip_effect *e);

/* LegChange */
void from_renew_change(void *self, struct str peer, const Tipring__V1__Envelope *m);
