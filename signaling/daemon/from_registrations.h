/* from_registrations.h - what control and the configuration say of registrations. */
#pragma once

#include "signaling/daemon/signaling.h"

void from_registrations_set(void *self, struct str peer, const Tipring__V1__Envelope *m);
void from_registrations_remove(void *self, struct str peer, const Tipring__V1__Envelope *m);

/* Those of the configuration are these now; passwords come from the environment. */
void from_registrations_config(struct signaling *s, const Tipring__V1__SignalingConfig *c);
