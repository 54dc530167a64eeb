/* wheel.h - a hashed timing wheel: O(1) arm and cancel, 10 ms slots.
 *
 * Intrusive: the owner embeds a struct wheel_timer. Firing order within a slot is
 * arming order. Deadlines are absolute milliseconds on the caller's clock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"

#define WHEEL_SLOTS 4096u
#define WHEEL_SLOT_MS 10u

struct wheel_timer {
	struct list link; /* zeroed = never armed */
	uint64_t deadline_ms;
	void *owner; /* borrowed: handed back on expiry */
};

struct wheel {
	struct list slots[WHEEL_SLOTS];
	uint64_t used[WHEEL_SLOTS / 64]; /* a bit for each slot that holds a timer */
	uint64_t now_ms; /* everything before is fired */
	uint32_t armed;
};

void wheel_init(struct wheel *w, uint64_t now_ms);

/* (Re-)arm; a deadline in the past fires on the next wheel_next(). */
void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t deadline_ms);
void wheel_cancel(struct wheel *w, struct wheel_timer *t);

/* The next expired timer, unlinked; NULL when none is left at `now_ms`. Never fires
 * early; at most WHEEL_SLOT_MS late relative to `now_ms`. */
struct wheel_timer *wheel_next(struct wheel *w, uint64_t now_ms);

/* A lower bound for the next expiry (UINT64_MAX when nothing is armed). */
uint64_t wheel_deadline(const struct wheel *w);
