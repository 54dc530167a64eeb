/* outgoing.h - a Dial becomes a call, and what signaling tells of its leg. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"

/* NULL, or what is wrong with header lines that an app wants to be sent. */
const char *outgoing_headers_fault(Tipring__V1__Header *const *headers, size_t n);
struct verdict outgoing_dial(struct control *k, struct str peer, const char *command_id, const Tipring__V1__Dial *d);
void outgoing_dialled(struct control *k, uint32_t signaling, const Tipring__V1__LegDialled *d);
void outgoing_refused(struct control *k, struct control_call *cc, const Tipring__V1__Result *r);
void outgoing_progress(struct control *k, struct control_call *cc, const Tipring__V1__LegProgress *p);
void outgoing_picked_up(struct control *k, struct control_call *cc, const Tipring__V1__LegPickedUp *p);
void outgoing_fill(struct control_call *cc, const Tipring__V1__LegDialled *d); /* of a call that is found again */
