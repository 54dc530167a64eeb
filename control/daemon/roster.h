/* roster.h - calls found again. */
#pragma once

#include "control/daemon/control.h"

void roster_begin(struct control *k, const struct worker_row *w); /* a worker started anew: nothing of it was seen yet */
void roster_of_legs(struct control *k, struct worker_row *w, const Tipring__V1__LegRoster *m);
void roster_of_sessions(struct control *k, struct worker_row *w, const Tipring__V1__SessionRoster *m);
void roster_leg_ended(struct control *k, struct worker_row *w, const Tipring__V1__LegEnded *d);
