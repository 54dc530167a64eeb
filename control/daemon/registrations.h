/* registrations.h - bindings at registrars, as signaling tells of them: for questions, events and the commands of backends. Signaling has
 * them; what is here is what it said last. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"

/* Commands. ACCEPTED: CommandCompleted or CommandFailed follows. */
struct verdict registrations_put(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
struct verdict registrations_delete(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
/* A page of them. */
void registrations_list(void *self, struct str peer, const Tipring__V1__Envelope *m);

/* Signaling says. */
void registrations_on_changed(void *self, struct str peer, const Tipring__V1__Envelope *m);
void registrations_on_roster(void *self, struct str peer, const Tipring__V1__Envelope *m);
/* Is it the answer to one of ours? Then it is taken. */
bool registrations_on_result(struct control *k, uint64_t request_id, const Tipring__V1__Result *r);
/* Commands that signaling never answers fail. */
void registrations_tick(struct control *k);
