/* from_refresh.h - what became of refreshes of ours (signaling/leg/refresh.h). */
#pragma once

#include "signaling/daemon/from_asks.h"

/* Of the table in from_asks.c. */
void from_refresh_updated(const struct ask_done *d);

/* A re-INVITE of ours has its final response, which means `ev` to the leg. What it means now. */
enum leg_event from_refresh_renewed(struct signaling *s, struct leg *l, const struct sip_effect *e, enum leg_event ev);
