/* from_dial.h - control wants somebody called: LegDial as a leg. */
#pragma once

#include "signaling/daemon/signaling.h"

struct leg_call;

/* next_hop, and what leads there: local and flow. False: nothing does. */
bool from_dial_take_hop(struct signaling *s, const Tipring__V1__Address *a, struct leg_call *ret);

/* 128 random bits in hex. */
#define FROM_DIAL_CALL_ID_BYTES 33u
void from_dial_new_call_id(struct signaling *s, char out[FROM_DIAL_CALL_ID_BYTES]);

void from_dial(void *self, struct str peer, const Tipring__V1__Envelope *m);
