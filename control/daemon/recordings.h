/* recordings.h - the recordings of calls: what backends want of the files process, and what it tells. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"

struct verdict recordings_start(struct control *k, struct control_call *cc, const Tipring__V1__RecordStart *m);
struct verdict recordings_wish(struct control *k, struct control_call *cc, Tipring__V1__FileWish wish);
/* What became of it; published when it is news. */
void recordings_take(struct control *k, struct control_call *cc, const Tipring__V1__FileState *s);
void recordings_again(struct control *k, struct control_call *cc); /* the roster of the files process is in: what is wanted is said again */
void recordings_stop(struct control *k, struct control_call *cc);  /* the call ends */
void recordings_end(struct control *k, struct control_call *cc); /* the call is over: nothing about it is told any more */
