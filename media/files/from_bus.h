/* from_bus.h - requests of control, translated to plain structs and carried out. */
#pragma once

#include "media/files/files.h"

extern const struct actor_rule files_rules[];
extern const uint32_t files_rule_count;
