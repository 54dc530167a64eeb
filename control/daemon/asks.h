/* asks.h - what backends ask the far side of a call by SIP (SendInfo, SendMessage, SendDtmf), and what the far side asks of us. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"

struct verdict asks_send_info(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
struct verdict asks_send_message(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
struct verdict asks_send_dtmf(struct control *k, struct str peer, const Tipring__V1__Envelope *m);

void asks_asked(struct control *k, struct control_call *cc, const Tipring__V1__LegAsked *a);
void asks_pressed(struct control *k, struct control_call *cc, const Tipring__V1__SessionPressed *p);
void asks_heard(struct control *k, struct control_call *cc, const Tipring__V1__LegHeard *h);
void asks_key(struct control *k, struct control_call *cc, const Tipring__V1__LegKey *key);

/* Keys of one press may come by RFC 4733 and by INFO: those of the way that was used first count. False: not this one. */
bool asks_takes_key(struct control_call *cc, enum call_keys way);

void asks_again(struct control *k, struct control_call *cc); /* signaling was replaced, or control was */
void asks_tick(struct control *k);
