/* from_change.h - what changes a call in mid-call: requests of the peer, and what control says to them. */
#pragma once

#include "signaling/daemon/signaling.h"

void from_change_reinvite(struct signaling *s, struct leg *l, const struct sip_effect *e);
void from_change_update(struct signaling *s, struct leg *l, const struct sip_effect *e);

/* An UPDATE that was served and comes again though its transaction is lost with a predecessor. */
void from_change_prack(struct signaling *s, struct leg *l, const struct sip_effect *e);
void from_change_prack_again(struct signaling *s, struct leg *l, const struct sip_effect *e);
void from_change_update_again(struct signaling *s, struct leg *l, const struct sip_effect *e);

/* LegAccept, LegRefuse */
void from_change_accept(void *self, struct str peer, const Tipring__V1__Envelope *m);
void from_change_refuse(void *self, struct str peer, const Tipring__V1__Envelope *m);
