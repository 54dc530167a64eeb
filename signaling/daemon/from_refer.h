/* from_refer.h - transfers (signaling/leg/refer.h): what peers and control want of them. */
#pragma once

#include "signaling/daemon/from_asks.h"
#include "signaling/daemon/signaling.h"

/* In a dialog, its CSeq taken. */
void from_refer_request(struct signaling *s, struct leg *l, const struct sip_effect *e);
void from_refer_notify(struct signaling *s, struct leg *l, const struct sip_effect *e);

/* The last REFER or NOTIFY of the peer again, of which only the record is left: it is answered. */
bool from_refer_again(struct signaling *s, struct leg *l, const struct sip_effect *e);

/* An INVITE with Replaces (RFC 3891): the refusal, or 0 and the leg it wants the place of: NULL,
 * nobody's. */
uint32_t from_refer_replaces(struct signaling *s, const struct sip_effect *e, struct leg **ret);

void from_refer_asked(const struct ask_done *d);  /* our REFER is done */
void from_refer_notified(const struct ask_done *d); /* our NOTIFY is */

void from_refer_wish(void *self, struct str peer, const Tipring__V1__Envelope *m);     /* LegRefer */
void from_refer_name(void *self, struct str peer, const Tipring__V1__Envelope *m);     /* LegNamed */
void from_refer_progress(void *self, struct str peer, const Tipring__V1__Envelope *m); /* LegReferProgress */

void from_refer_timer(struct signaling *s, struct leg *l);
void from_refer_resume(struct signaling *s, struct leg *l); /* it was taken over */
