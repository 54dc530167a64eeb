/* refresh_effects.h - refreshes of ours (signaling/leg/refresh.h) on their way. */
#pragma once

#include "signaling/daemon/signaling.h"

/* LEG_FX_SEND_REFRESH. What can not go out now is tried again before the session ends. */
void refresh_send(struct signaling *s, struct leg *l);
