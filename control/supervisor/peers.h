/* peers.h - the other supervisors of this host: each keeps copies of what all the others keep.
 *
 * For one role in a container of its own (`--role`). The sockets in the run directory are who there is. Of every pair each has one
 * connection to the other, and says everything on its own: which workers it runs, descriptors as they come and go, and that it
 * stops. The end of a connection is the end of a supervisor; whether its workers ended too is what their leases tell (handover.h). */
#pragma once

#include <poll.h>

#include "control/supervisor/supervisor.h"

#define PEERS_POLL (2u * SUPERVISOR_PEERS_MAX)

void peers_find(struct supervisor *s);          /* connect to everybody */
uint32_t peers_unmet(const struct supervisor *s); /* who has not told all it has yet */

/* A stranger's first message is CUSTODY_PEER: its connection is taken. ERR_PROTO: not one of us, the descriptor stays the caller's. */
MUST_USE int peers_take(struct supervisor *s, int fd, const struct custody_header *h);

void peers_poll(const struct supervisor *s, struct pollfd *p); /* PEERS_POLL of them */
void peers_read(struct supervisor *s);  /* everything that has been said so far */
void peers_tell(struct supervisor *s);  /* what they do not know yet, as far as they read */
bool peers_are_told(const struct supervisor *s);

void peers_runs_changed(struct supervisor *s);
void peers_died(struct supervisor *s, uint32_t owner, uint64_t ns); /* note it, and tell everybody */
uint64_t peers_died_ns(const struct supervisor *s, uint32_t owner); /* when a worker died last, as far as anybody said; 0 = nobody did */
void peers_want(struct supervisor *s, uint32_t owner);
void peers_stopping(struct supervisor *s);
bool peers_somebody_stays(const struct supervisor *s); /* somebody is there who was not told to stop */
bool peers_run(const struct supervisor *s, uint32_t owner);
void peers_close(struct supervisor *s);
