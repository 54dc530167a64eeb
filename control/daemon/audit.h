/* audit.h - is what calls are thought to have what workers have, and does every call move? */
#pragma once

#include "control/daemon/control.h"

/* A heartbeat: `living` legs or sessions. What it said before has been heard, so both sides agree but for what is under way to it. */
void audit_worker(struct control *k, struct worker_row *w, uint32_t living);

/* Calls that stand still, each told once in the log, and what is astray at workers. */
uint32_t audit_stuck(struct control *k);
