/* rooms.h - where calls sit (Bridge, Join): told to media until it has it, and to subscribers once it has. */
#pragma once

#include "control/daemon/control.h"

/* It is to sit there, whatever `want` says of the generation. The table of rooms has admitted it. */
void rooms_seat(struct control *k, struct control_call *cc, const struct call_seat *want);
void rooms_seated(struct control *k, struct control_call *cc, const Tipring__V1__SessionSeated *m);
void rooms_again(struct control *k, struct control_call *cc);   /* media was replaced, or we were */
void rooms_rebuilt(struct control *k, struct control_call *cc); /* found again: it sits where it sat */
void rooms_end(struct control *k, struct control_call *cc);     /* the call ends */
