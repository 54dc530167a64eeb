/* changes.h - what signaling tells of calls that change in mid-call. */
#pragma once

#include "control/daemon/control.h"

void changes_offer(struct control *k, struct control_call *cc, const Tipring__V1__LegOffer *o);
void changes_agreed(struct control *k, struct control_call *cc, const Tipring__V1__LegAgreed *a);
void changes_renewed(struct control *k, struct control_call *cc, const Tipring__V1__LegChanged *d);
