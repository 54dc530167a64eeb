/* wheel.c - see wheel.h */
#include "common/base/wheel.h"

#include <stddef.h>

static uint32_t slot_of(uint64_t ms)
{
	return (uint32_t)(ms / WHEEL_SLOT_MS) % WHEEL_SLOTS;
}

void wheel_init(struct wheel *w, uint64_t now_ms)
{
	for (uint32_t i = 0; i < WHEEL_SLOTS; i++)
		list_init(&w->slots[i]);
	for (uint32_t i = 0; i < WHEEL_SLOTS / 64; i++)
		w->used[i] = 0;
	w->now_ms = now_ms;
	w->armed = 0;
}

static uint64_t bit_of(uint32_t slot)
{
	return 1ull << slot % 64;
}

void wheel_cancel(struct wheel *w, struct wheel_timer *t)
{
	if (t->link.next == NULL || list_empty(&t->link))
		return;
	if (t->link.next == t->link.prev) { /* the last one of its slot */
		uint32_t slot = (uint32_t)(t->link.next - w->slots);

		w->used[slot / 64] &= ~bit_of(slot);
	}
	list_del(&t->link);
	w->armed--;
}

void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t deadline_ms)
{
	uint64_t at_ms = deadline_ms > w->now_ms ? deadline_ms : w->now_ms;

	wheel_cancel(w, t);
	t->deadline_ms = deadline_ms;
	list_push(&w->slots[slot_of(at_ms)], &t->link);
	w->used[slot_of(at_ms) / 64] |= bit_of(slot_of(at_ms));
	w->armed++;
}

static struct wheel_timer *expired_in(struct wheel *w, uint32_t slot, uint64_t now_ms)
{
	struct list *head = &w->slots[slot];

	for (struct list *l = head->next; l != head; l = l->next) {
		struct wheel_timer *t = list_entry(l, struct wheel_timer, link);

		if (t->deadline_ms <= now_ms) {
			wheel_cancel(w, t);
			return t;
		}
	}
	return NULL; /* what is left belongs to a later round */
}

static uint64_t slot_end(uint64_t ms)
{
	return (ms / WHEEL_SLOT_MS + 1) * WHEEL_SLOT_MS;
}

struct wheel_timer *wheel_next(struct wheel *w, uint64_t now_ms)
{
	if (now_ms < w->now_ms)
		now_ms = w->now_ms;
	/* after a long pause visit every slot once */
	if (now_ms / WHEEL_SLOT_MS - w->now_ms / WHEEL_SLOT_MS >= WHEEL_SLOTS)
		w->now_ms = now_ms - (WHEEL_SLOTS - 1) * WHEEL_SLOT_MS;

	while (w->armed > 0) {
		struct wheel_timer *t = expired_in(w, slot_of(w->now_ms), now_ms);

		if (t != NULL)
			return t;
		if (slot_end(w->now_ms) > now_ms)
			break;
		w->now_ms = slot_end(w->now_ms);
	}
	w->now_ms = now_ms;
	return NULL;
}

/* How many slots after `slot` the next one is that holds a timer; there is one. */
static uint32_t used_after(const struct wheel *w, uint32_t slot)
{
	uint32_t n = 0;

	for (;;) {
		uint32_t i = (slot + n) % WHEEL_SLOTS;
		uint64_t bits = w->used[i / 64] >> i % 64;

		if (bits != 0)
			return n + (uint32_t)__builtin_ctzll(bits);
		n += 64 - i % 64;
	}
}

uint64_t wheel_deadline(const struct wheel *w)
{
	uint64_t at_ms = w->now_ms, bound_ms;
	const struct list *head;
	uint32_t ahead;

	if (w->armed == 0)
		return UINT64_MAX;
	ahead = used_after(w, slot_of(at_ms));
	if (ahead > 0)
		at_ms = (at_ms / WHEEL_SLOT_MS + ahead) * WHEEL_SLOT_MS;

	head = &w->slots[slot_of(at_ms)];
	bound_ms = slot_end(at_ms); /* the slot may hold nothing but later rounds */
	for (const struct list *l = head->next; l != head; l = l->next) {
		const struct wheel_timer *t = list_entry(l, struct wheel_timer, link);

		if (t->deadline_ms < bound_ms)
			bound_ms = t->deadline_ms;
	}
	return bound_ms;
}
