/* refresh_effects.h - refreshes of ours (signaling/leg/refresh.h) on their way. */
#pragma once

#include "signaling/daemon/signaling.h"

/* LEG_FX_SEND_REFRESH. What can not go out now is tried again before the session ends. True: a
 * re-INVITE is wanted, LEG_EV_RENEW follows. */
bool refresh_send(struct signaling *s, struct leg *l);

/* That re-INVITE could not go out. */
void refresh_unsent(struct signaling *s, struct leg *l);
