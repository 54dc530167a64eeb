/* from_dial.h - control wants somebody called: LegDial as a leg. */
#pragma once

#include "signaling/daemon/signaling.h"

void from_dial(void *self, struct str peer, const Tipring__V1__Envelope *m);
