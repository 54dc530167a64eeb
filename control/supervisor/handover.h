/* handover.h - who runs which worker, when supervisors of one host share them.
 *
 * A worker has a lease: a lock in the run directory that its supervisor and the worker itself hold, and that the kernel lets go when
 * both are gone. Nobody starts a worker without its lease, so there are never two of one number. When a supervisor is gone, others of
 * its role try for the leases of its workers and run them as guests; who has the seat of a worker asks for it and gets it back. To
 * leave is to die: the worker is killed, and goes on elsewhere as after any other death (docs/decisions/0024). */
#pragma once

#include "control/supervisor/supervisor.h"

MUST_USE int handover_lease(struct supervisor *s, struct worker_slot *w); /* 0: it is ours now; ERR_AGAIN, or a logged error */

void handover_tick(struct supervisor *s, uint64_t now_ms); /* once a turn, when nobody looks at rows of workers */

/* Told to stop, and again at s->leave_at_ms. True: nobody stays, the workers are to be ended in good order. */
bool handover_stop(struct supervisor *s, uint64_t now_ms);
