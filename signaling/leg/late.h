/* late.h - a peer that wants our offer: an INVITE or re-INVITE without a description gets it in
 * its 2xx, and the answer is in the ACK (RFC 3261 13.2.1, 14.2; RFC 6337 pattern 3). Pure.
 *
 * What is in force stays until that answer is here. */
#pragma once

#include "signaling/leg/leg.h"

/* The 2xx has an offer: leg_print_offer() makes it, not leg_print_answer(). */
static inline bool leg_owes_offer(const struct leg *l)
{
	return l->r.late.stage != LEG_LATE_NONE;
}

/* All that we can, sendonly while we hold, at local_rtp; in mid-call with the lines and
 * payload types of before (RFC 3264 8), and with o= counted up when it is not our last
 * description again. Errors as in sdp_offer(): the leg owes nothing any more. */
MUST_USE int leg_print_offer(struct leg *l, struct buf *b);

/* An ACK of our 2xx. LEG_EV_ACK: it changes nothing; LEG_EV_ACK_AGREED: its answer is in
 * force; LEG_EV_ACK_MISFIT: there is none that could be, and nothing was before. */
enum leg_event leg_acknowledged(struct leg *l, const struct leg_config *cfg,
				const struct sip_effect *ack);

/* Something was agreed on: `choice` holds. */
bool leg_is_agreed(const struct leg_record *r);

/* RFC 3262 5: to a caller that made no offer the first reliable response makes one, and ours is in
 * the 200. Of one that takes no other responses that means: it hears no ringing. */
bool leg_rings_in_silence(const struct leg_record *r);

/* Of a record. */
bool leg_late_is_sound(const struct leg_record *r);
