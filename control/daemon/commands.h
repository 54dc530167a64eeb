/* commands.h - what backends may command, and what comes of it. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"

/* The call, when the sender may command it; NULL: `*ret` says why not. */
struct control_call *commands_mine(struct control *k, struct str peer, uint64_t call_id, uint64_t fence, struct verdict *ret);
struct verdict commands_carry_out(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
