/* effects.h - what a leg wants done, done. */
#pragma once

#include "signaling/daemon/signaling.h"

/* One event, and whatever follows from carrying out its effects; the leg may be gone then.
 * False: its state has no rule for it. */
bool effects_leg_input(struct signaling *s, struct leg *l, enum leg_event ev);
