/* from_messages.h - MESSAGE outside a call: what a peer sends, and what control says about it and wants sent. */
#pragma once

#include "signaling/daemon/signaling.h"

void from_messages_request(struct signaling *s, const struct sip_effect *e);

void from_messages_answer(void *self, struct str peer, const Tipring__V1__Envelope *m);
void from_messages_send(void *self, struct str peer, const Tipring__V1__Envelope *m);
