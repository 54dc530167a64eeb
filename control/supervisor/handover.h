/* handover.h - who runs which worker, when supervisors of one host share them.
 *
 * A worker has a lease: a lock in the run directory that its supervisor and the worker itself hold, and that the kernel lets go when
 * both are gone. Nobody starts a worker without its lease, so there are never two of one number. When a supervisor is gone, others of
 * its role try for the leases of its workers and run them as guests; who has the seat of a worker asks for it and gets it back. To
 * leave is to die: the worker is killed, and goes on elsewhere as after any other death (docs/decisions/0024). */
#pragma once

#include "control/supervisor/supervisor.h"

bool handover_is_ours(const struct supervisor *s, uint32_t owner); /* we have its lease */
MUST_USE int handover_lease(struct supervisor *s, struct worker_slot *w); /* 0: it is ours now; ERR_AGAIN, or a logged error */

/* A worker without a lease is due to start: get it, and what it needs. False: not yet; when to try again is set. */
bool handover_settle(struct supervisor *s, struct worker_slot *w, uint64_t now_ms);

void handover_orphan(struct supervisor *s, uint32_t owner);  /* its supervisor is gone */
void handover_wanted(struct supervisor *s, uint32_t owner);  /* who has its seat is there */
void handover_note_death(struct supervisor *s, uint32_t owner, uint64_t ns);
void handover_tick(struct supervisor *s, uint64_t now_ms);   /* once a turn, when no row of workers is looked at */

void handover_stop(struct supervisor *s, uint64_t now_ms);   /* told to stop: leave, or drain when nobody stays */
