/* transfers.h - transfers: what backends want of them, and what signaling says. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"

/* Of a call that the sender may command. */
struct verdict transfers_refer(struct control *k, struct control_call *cc, const char *command_id, const Tipring__V1__Refer *r);
struct verdict transfers_accept(struct control *k, struct control_call *cc, const char *command_id, const Tipring__V1__AcceptRefer *a);
struct verdict transfers_reject(struct control *k, struct control_call *cc, const Tipring__V1__RejectRefer *r);

void transfers_heard(struct control *k, struct control_call *cc, const Tipring__V1__LegTransfer *t);
void transfers_referred(struct control *k, struct control_call *cc, const Tipring__V1__LegReferred *r);
void transfers_named(struct control *k, const Tipring__V1__LegNamed *m); /* of a leg of another worker */
void transfers_refused(struct control *k, struct control_call *cc, const Tipring__V1__Result *r); /* LegRefer */
/* Of a leg in a roster: what there is of it, or not any more. */
void transfers_roster(struct control *k, struct control_call *cc, const Tipring__V1__LegState *s);

/* What nobody answered, now and then. */
void transfers_tick(struct control *k);
