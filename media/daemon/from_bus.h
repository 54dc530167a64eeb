/* from_bus.h - requests of control. */
#pragma once

#include "common/actor/actor.h"

extern const struct actor_rule media_rules[];
extern const uint32_t media_rule_count;
