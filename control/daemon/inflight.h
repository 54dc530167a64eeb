/* inflight.h - what media was asked on behalf of a backend and has not answered. */
#pragma once

#include "control/daemon/control.h"

MUST_USE int inflight_mark(struct control *k, struct control_call *cc, const char *name, uint64_t after_index);
void inflight_mark_result(struct control *k, struct control_call *cc, uint32_t number, const Tipring__V1__Result *r);
bool inflight_mark_resolved(struct control_call *cc, const char *name); /* false: it was resolved before */
void inflight_again(struct control *k, struct control_call *cc); /* media was replaced */
void inflight_end(struct control *k, struct control_call *cc);   /* the call is over */
