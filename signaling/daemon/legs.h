/* legs.h - the table of legs: found by handle and by dialog, kept in the slab. */
#pragma once

#include "signaling/daemon/signaling.h"

/* A leg that only waits for the ACK of its refusal: the first to make room. */
static inline bool legs_is_spare(const struct leg *l)
{
	return l->r.state == LEG_REFUSED && !l->r.over.owed;
}

/* Control was told of its end, and may have forgotten it. */
static inline bool legs_is_told(const struct leg *l)
{
	return l->r.over.who != 0;
}

/* A zeroed one, or NULL when the table is full. */
struct leg *legs_take(struct signaling *s, uint64_t *ret_handle);
void legs_free(struct signaling *s, struct leg *l);

/* By dialog, and one of ours by the call it is for, until it is freed. */
void legs_index(struct signaling *s, struct leg *l);
void legs_unindex(struct signaling *s, struct leg *l);
/* The one an in-dialog request belongs to, or NULL. */
struct leg *legs_find(struct signaling *s, const struct sip_core *c);

/* The leg of ours of this call, be it over, or NULL. */
struct leg *legs_of_call(struct signaling *s, uint64_t call_id);

/* Into the slab, with its transactions. */
void legs_save(struct signaling *s, struct leg *l);
/* The timer follows the earliest deadline of its machines. */
void legs_arm(struct signaling *s, struct leg *l);
/* What it means when it fires. */
enum leg_event legs_due(const struct leg *l, uint64_t now_ms);
