/* to_bus.h - what signaling tells control. */
#pragma once

#include "signaling/daemon/signaling.h"

/* ERR_AGAIN: the queue is full. */
MUST_USE int to_bus_incoming(struct signaling *s, const struct leg *l);
void to_bus_ringing(struct signaling *s, const struct leg *l);
void to_bus_confirmed(struct signaling *s, const struct leg *l);
void to_bus_named(struct signaling *s, const Tipring__V1__LegNamed *asked, const struct leg *other); /* NULL: there is none */
void to_bus_timer(struct signaling *s, const struct leg *l);
/* Of a leg of ours; `asked`: the question of control that it answers, or 0. */
void to_bus_dialled(struct signaling *s, const struct leg *l, uint64_t asked);
void to_bus_progress(struct signaling *s, const struct leg *l);
void to_bus_picked_up(struct signaling *s, const struct leg *l);
/* What of the peer waits, and what is in force. */
void to_bus_offer(struct signaling *s, const struct leg *l);
/* Where a leg of ours was sent instead. */
void to_bus_redirected(struct signaling *s, const struct leg *l);
void to_bus_agreed(struct signaling *s, const struct leg *l);
/* How the last change that control wanted ended, and one that was never begun. */
void to_bus_changed(struct signaling *s, const struct leg *l);
void to_bus_unchanged(struct signaling *s, uint64_t leg_id, uint64_t number, uint32_t code, const char *reason);
/* Answered with LegForget once control has recorded it; the leg is kept, and is in the
 * roster, until then. */
void to_bus_transfer(struct signaling *s, const struct leg *l); /* what became of our REFER */
void to_bus_referred(struct signaling *s, const struct leg *l); /* the peer wants a transfer */
void to_bus_over(struct signaling *s, const struct leg *l);
/* Every leg that control does not know to be over. */
void to_bus_roster(struct signaling *s);
