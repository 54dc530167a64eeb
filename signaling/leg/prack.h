/* prack.h - PRACK and offers in an early dialog that we serve (RFC 3262 3 and 5, RFC 3311 5.2).
 * Pure. */
#pragma once

#include "signaling/leg/leg.h"

/* A PRACK. Refused with 400, 481, or 488 for an offer in it that changes what media does, which
 * acknowledges all the same. `*ret_acknowledged`: LEG_EV_PRACK follows, when it has been answered. */
MUST_USE struct leg_refusal leg_prack(struct leg *l, const struct leg_config *cfg,
				      const struct sip_effect *request,
				      bool *ret_acknowledged);

/* The PRACK that was served last has come again, and its transaction is lost with a
 * predecessor. */
bool leg_is_same_prack(const struct leg *l, const struct sip_effect *request);
