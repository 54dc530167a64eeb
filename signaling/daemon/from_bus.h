/* from_bus.h - requests of control. */
#pragma once

#include "signaling/daemon/signaling.h"

extern const struct actor_rule signaling_rules[];
extern const uint32_t signaling_rule_count;
