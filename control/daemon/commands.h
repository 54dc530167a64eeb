/* commands.h - what backends may command, and what comes of it. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"

struct verdict commands_carry_out(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
