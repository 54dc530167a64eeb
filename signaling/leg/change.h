/* change.h - what the peer wants to change of a confirmed call: re-INVITE and UPDATE (RFC 3261
 * 14.2, RFC 3311 5.2). Pure.
 *
 * What changes nothing that media has to know is answered at once. The rest waits, beside what
 * is in force, for control: accepted it takes its place, refused or withdrawn it leaves no
 * trace but its number. */
#pragma once

#include "signaling/leg/leg.h"

/* Bits of leg_request.todo. */
enum leg_todo {
	LEG_REFRESH_NOW = 1, /* of a re-INVITE, also of one that wants our offer (late.h):
			      * LEG_EV_REFRESH follows */
	LEG_UPDATE_NOW = 2,  /* of an UPDATE: it is answered with 200, without an event */
	LEG_ASK = 4,         /* LEG_EV_OFFER follows */
};

/* A re-INVITE. Refused with 481, 488, 491 or 500, and nothing has changed; else `*ret_todo`
 * is LEG_REFRESH_NOW or LEG_ASK. */
MUST_USE struct leg_refusal leg_reinvite(struct leg *l, const struct leg_config *cfg,
					 const struct sip_effect *request,
					 enum leg_todo *ret_todo);

/* An UPDATE, in an early dialog too when it offers nothing or comes behind our answer (leg_offer_early()); `*ret_todo` is LEG_UPDATE_NOW or
 * LEG_ASK. */
MUST_USE struct leg_refusal leg_update(struct leg *l, const struct leg_config *cfg,
				       const struct sip_effect *request,
				       enum leg_todo *ret_todo);

/* An offer in an early dialog that we serve, behind our answer: taken when it changes nothing that
 * media has to know, else refused with 488. */
MUST_USE struct leg_refusal leg_offer_early(struct leg *l, const struct leg_config *cfg,
				      const struct sip_effect *request);

/* The UPDATE that was served last has come again, and its transaction is lost with a
 * predecessor: what it is answered; 0: it waits still. */
bool leg_is_same_update(const struct leg *l, const struct sip_effect *request);

/* The offer that waits is in force. */
void leg_change_take(struct leg *l);

/* It is not, though media may have followed it: what is in force is said again under a later
 * number. */
void leg_change_withdraw(struct leg *l);

/* Of a record: false, it is one of no offer that could wait. */
bool leg_change_is_sound(const struct leg_record *r);
