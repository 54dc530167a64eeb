/* messages.h - MESSAGE outside a call (RFC 3428): which backend takes one that came in, and what became of those that backends sent.
 *
 * A content is kept by signaling alone, which says it again until it is answered: here is only whose it is and how it was answered. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"

#define MESSAGE_TAKE_MS 4000u   /* a backend has so long */
#define MESSAGE_LIFE_MS 12000u  /* all of them together: the sender waits no longer */

/* Commands. `type`: of the content, checked with the rest of it. */
struct verdict messages_send(struct control *k, struct str peer, const Tipring__V1__Envelope *m, const char *type);
struct verdict messages_take(struct control *k, struct str peer, const Tipring__V1__Envelope *m);

/* Signaling says. */
void messages_incoming(struct control *k, uint32_t signaling, const Tipring__V1__MessageIncoming *in);
void messages_sent(struct control *k, const Tipring__V1__MessageSent *sent);
/* It is another process: nobody knows what became of those that were out. */
void messages_lost(struct control *k, uint32_t signaling);
/* Commands that signaling never answers fail. */
void messages_tick(struct control *k);
