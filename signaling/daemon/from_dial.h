/* from_dial.h - control wants somebody called: LegDial as a leg. */
#pragma once

#include "signaling/daemon/signaling.h"

struct leg_call;

/* next_hop, and what leads there: local and flow. False: nothing does. */
bool from_dial_take_hop(struct signaling *s, const Tipring__V1__Address *a, struct leg_call *ret);

void from_dial(void *self, struct str peer, const Tipring__V1__Envelope *m);
