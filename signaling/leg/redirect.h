/* redirect.h - a 3xx to an INVITE of ours (RFC 3261 8.1.3.4): where it points to, and the INVITE
 * that goes there instead, of the same leg. Pure.
 *
 * Control decides. Until it does the leg waits, as long as it might have rung. */
#pragma once

#include "signaling/leg/leg.h"

struct leg_next { /* from control */
	struct str request_uri;
	struct addr next_hop, local; /* family NONE: unusable */
	struct sip_flow flow;
};

/* A 3xx. LEG_EV_REDIRECTED, or LEG_EV_DECLINED: it names nobody who can be called and was not
 * called before, there were LEG_HOPS_MAX, or nobody waits for it any more. */
enum leg_event leg_redirected(struct leg *l, const struct sip_msg *m);

/* The end `ev` of the INVITE, which was sent on before: LEG_EV_REDIRECTED instead when the place it went to does not take it (above 399,
 * or nobody answered), and the 3xx named others that were not called. A 6xx is the end: whoever is called has decided. */
enum leg_event leg_elsewhere(struct leg *l, enum leg_event ev);

/* In LEG_REDIRECTED: LEG_EV_FOLLOW goes there. False: it can not; LEG_EV_NO_FOLLOW follows. */
bool leg_follow(struct leg *l, const struct leg_next *n);

/* Of the record's contacts. */
struct str leg_contact(const struct leg_record *r, uint32_t i);
/* It was called before. */
bool leg_contact_is_known(const struct leg_record *r, uint32_t i);

/* Append "Contact: <uri>;q=0.5" with its end. False: it is no SIP URI that can be called. */
bool leg_put_contact(struct buf *lines, struct str uri, uint32_t q);

/* Of a record. */
bool leg_redirect_is_sound(const struct leg_record *r);
