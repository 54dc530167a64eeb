/* tick.h - what is due: timers of transactions and of legs. */
#pragma once

#include "signaling/daemon/signaling.h"

void tick_run(struct signaling *s);
uint64_t tick_deadline_ms(const struct signaling *s); /* of the next; UINT64_MAX: none */
