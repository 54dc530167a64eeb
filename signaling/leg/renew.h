/* renew.h - what we want to change of a confirmed call: re-INVITEs of ours (RFC 3261 14.1, RFC
 * 3264 8). Pure.
 *
 * leg_renew() says what is wanted, and LEG_EV_RENEW follows. It goes out as soon as no INVITE
 * of the peer is under way, after a 491 once more behind the windows of RFC 3261 14.1. Refused,
 * it leaves session and dialog as they were; 481, 408 and silence end the call.
 *
 * One that changes nothing (RENEWAL_OF_SAME) is for whoever has to be heard of now and then: it
 * says our last description again, o= and all. */
#pragma once

#include "signaling/leg/leg.h"

#define LEG_RENEW_MS    60000u /* that a peer has for its final response */
#define LEG_RENEW_TRIES 5u

/* Wanted from now on, behind the one that is under way. False: another one is waiting for that
 * already, or it was wanted before (by its number): nothing has happened. */
bool leg_renew(struct leg *l, const struct renewal_wish *w);

/* From it until its final response: no offer of the peer is taken (C185). */
bool leg_renewal_is_out(const struct leg_record *r);

struct leg_renew_how {
	struct sip_login login;
	struct str branch;
	struct str lines; /* complete header lines more, or empty */
};

/* LEG_FX_RENEW: with the offer, and with credentials when they were asked for. Errors as in
 * sip_request_print(), sip_auth_put() and sdp_offer_again(). */
MUST_USE int leg_print_renewal(struct leg *l, const struct leg_config *cfg,
			       const struct leg_renew_how *how, struct buf *b);
/* LEG_FX_RENEW_ACK */
MUST_USE int leg_print_renewal_ack(struct leg *l, struct str branch, struct buf *b);

/* ---- its final response; each says which event leg_input() has next ---- */

/* A 2xx: LEG_EV_RENEWED, whether or not its answer can be used: renewal.code says so. What is
 * in force is in the leg, under a new number when media has to know it (l->news). */
enum leg_event leg_renewed(struct leg *l, const struct leg_config *cfg, const struct sip_msg *m,
			   const struct sip_core *c);

/* A 3xx to 6xx. `chance`: 64 bits from the kernel. */
enum leg_event leg_renewal_refused(struct leg *l, const struct sip_login *login,
				   const struct sip_msg *m, uint64_t now_ms, uint64_t chance);

/* None came. LEG_EV_RENEW_DEAD */
enum leg_event leg_renewal_unanswered(struct leg *l);

/* It can not be sent. LEG_EV_RENEW_OVER */
enum leg_event leg_renewal_unsent(struct leg *l);

/* Its transaction is lost: LEG_EV_RENEW_LATER, now. */
enum leg_event leg_renewal_lost(struct leg *l, uint64_t now_ms);

/* ---- its time ---- */

/* When it is due; UINT64_MAX: it is not. */
uint64_t leg_renewal_due_ms(const struct leg *l);

/* Of a record: what of it can not go on is left out. False: something was. */
bool leg_renewal_restore(struct leg_record *r, uint64_t now_ms);
