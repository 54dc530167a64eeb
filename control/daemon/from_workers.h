/* from_workers.h - what signaling and media workers say. */
#pragma once

#include "control/daemon/control.h"

extern const struct actor_rule worker_rules[];
extern const uint32_t worker_rule_count;
uint32_t from_workers_sender(void *self, struct str peer);
