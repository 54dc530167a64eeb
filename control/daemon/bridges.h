/* bridges.h - commands about rooms. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"

struct verdict bridges_bridge(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
struct verdict bridges_join(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
struct verdict bridges_leave(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
struct verdict bridges_mute(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
