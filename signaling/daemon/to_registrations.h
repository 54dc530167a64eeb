/* to_registrations.h - what signaling tells control of its registrations. */
#pragma once

#include "signaling/daemon/signaling.h"

/* One of BIND_FX_REGISTERED, FAILED, EXPIRED, REMOVED is an event; others only say how it
 * is now. */
void to_registrations_changed(struct signaling *s, const struct registration *g,
			      enum registration_fx_kind what);
/* All of them. */
void to_registrations_roster(struct signaling *s);
