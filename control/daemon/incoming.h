/* incoming.h - an INVITE becomes a call. */
#pragma once

#include "control/daemon/control.h"

MUST_USE int incoming_fill(struct control_call *cc, const Tipring__V1__LegIncoming *in); /* what the INVITE said */
void incoming(struct control *k, uint32_t signaling, const Tipring__V1__LegIncoming *in);
