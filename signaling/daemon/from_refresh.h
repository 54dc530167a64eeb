/* from_refresh.h - what became of refreshes of ours (signaling/leg/refresh.h). */
#pragma once

#include "signaling/daemon/from_asks.h"

/* Of the table in from_asks.c. */
void from_refresh_updated(const struct ask_done *d);
