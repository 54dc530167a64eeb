/* keys.h - keys of the far side of a call, each of which is told once, whoever died meanwhile. Media tells those of the audio with every roster
 * until SessionKeysTaken says that their events are published, signaling those of INFO until LegTaken does. */
#pragma once

#include "control/daemon/control.h"

/* A key of the audio. */
void keys_pressed(struct control *k, struct control_call *cc, const Tipring__V1__SessionDtmf *d);
/* All that media still tells of. */
void keys_waiting(struct control *k, struct control_call *cc, Tipring__V1__SessionDtmf *const *keys, size_t n);
/* A key by INFO that is news, when somebody listens. */
void keys_told(struct control *k, struct control_call *cc, const Tipring__V1__LegKey *key);

/* Those that came before anybody listened: the owner does, somebody should, or the call is over. */
void keys_owner_listens(struct control *k, struct str backend);
void keys_tick(struct control *k);
void keys_release(struct control *k, struct control_call *cc);
