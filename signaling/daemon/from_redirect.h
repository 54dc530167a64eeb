/* from_redirect.h - calls that go elsewhere: ours that a peer redirects, and those that a backend
 * redirects. */
#pragma once

#include "signaling/daemon/signaling.h"
#include "signaling/leg/redirect.h"

#define FROM_REDIRECT_BYTES (LEG_CONTACTS_MAX * 288u)

/* A 3xx to the INVITE of a leg of ours. */
void from_redirect_got(struct signaling *s, struct leg *l, const struct sip_effect *e);

/* LegFollow */
void from_redirect(void *self, struct str peer, const Tipring__V1__Envelope *m);

/* The Contact lines of a LegReject. False: they are none that can be sent. */
bool from_redirect_take(const Tipring__V1__LegReject *m, struct buf *lines);
