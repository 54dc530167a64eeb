/* from_peer.h - what the stack has for us: requests, answers and their absence. */
#pragma once

#include "signaling/daemon/signaling.h"

/* All of `fx`, in order. */
void from_peer(struct signaling *s, const struct sip_effects *fx);
