/* plays.h - what is played to callers: what backends want of the files process, and what it tells. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"

struct verdict plays_start(struct control *k, struct control_call *cc, const Tipring__V1__Play *m);
struct verdict plays_stop(struct control *k, struct control_call *cc);
/* What became of it; published when it is news. */
void plays_take(struct control *k, struct control_call *cc, const Tipring__V1__FileState *s);
void plays_again(struct control *k, struct control_call *cc); /* the roster of the files process is in: what is wanted is said again */
void plays_end(struct control *k, struct control_call *cc);   /* the call is over: nothing about it is told any more */
