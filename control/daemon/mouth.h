/* mouth.h - what backends want of the mouth of a call: levels that are told, pauses, and a hang-up when something was heard. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"

struct verdict mouth_set_levels(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
struct verdict mouth_pause(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
struct verdict mouth_resume(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
/* A Hangup with `when`, of a call of the sender. */
struct verdict mouth_part(struct control *k, struct control_call *cc, const char *command_id, const Tipring__V1__Hangup *h);

void mouth_result(struct control_call *cc, uint32_t number); /* media has answered this request, whatever it said */
void mouth_waited(struct control *k, struct control_call *cc, const Tipring__V1__SessionWaited *w);
/* Media or control was replaced, or an answer is missing. */
void mouth_again(struct control *k, struct control_call *cc);
