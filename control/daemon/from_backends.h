/* from_backends.h - what backends and tools say. */
#pragma once

#include "control/daemon/control.h"

extern const struct actor_rule backend_rules[];
extern const uint32_t backend_rule_count;
void from_backends_unlisted(void *self, struct str peer, const Tipring__V1__Envelope *m);
void from_backends_tick(struct control *k);
