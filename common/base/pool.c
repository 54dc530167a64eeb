/* pool.c - see pool.h */
#include "common/base/pool.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/must.h"

#define NONE UINT32_MAX

int pool_init(struct pool *p, uint32_t cap, size_t item_bytes)
{
	if (cap == 0 || cap == NONE || item_bytes == 0 || item_bytes > SIZE_MAX / cap)
		return ERR_INVAL;

	*p = (struct pool){
		.items = calloc(cap, item_bytes),
		.gen = calloc(cap, sizeof *p->gen),
		.next = calloc(cap, sizeof *p->next),
		.item_bytes = item_bytes,
		.cap = cap,
	};
	if (p->items == NULL || p->gen == NULL || p->next == NULL) {
		pool_fini(p);
		return ERR_NOMEM;
	}
	for (uint32_t i = 0; i < cap; i++)
		p->next[i] = i + 1 < cap ? i + 1 : NONE;
	return 0;
}

void pool_fini(struct pool *p)
{
	free(p->items);
	free(p->gen);
	free(p->next);
	*p = (struct pool){.items = NULL};
}

void pool_spread(struct pool *p, uint64_t seed)
{
	must(p->used == 0);
	for (uint32_t i = 0; i < p->cap; i++)
		p->gen[i] = (uint32_t)((seed + i) * 0x9e3779b97f4a7c15ull >> 32) & ~1u;
}

static void *begin_use(struct pool *p, uint32_t slot, uint32_t gen)
{
	void *item = p->items + slot * p->item_bytes;

	if (slot < p->touched)
		memset(item, 0, p->item_bytes);
	else
		p->touched = slot + 1;
	p->gen[slot] = gen;
	p->used++;
	return item;
}

void *pool_take(struct pool *p, uint64_t *ret_handle)
{
	uint32_t slot = p->free_head;
	void *item;

	if (p->used == p->cap)
		return NULL;
	must(slot < p->cap);
	p->free_head = p->next[slot];
	item = begin_use(p, slot, p->gen[slot] + 1);
	if (ret_handle != NULL)
		*ret_handle = pool_handle(p, item);
	return item;
}

/* Out of order and rare (start of a process), so a walk is good enough. */
static void unlink_free(struct pool *p, uint32_t slot)
{
	uint32_t *at = &p->free_head;

	while (*at != slot) {
		must(*at != NONE);
		at = &p->next[*at];
	}
	*at = p->next[slot];
}

void *pool_take_at(struct pool *p, uint64_t handle)
{
	uint32_t slot = pool_slot(handle), gen = (uint32_t)(handle >> 32);

	if (slot >= p->cap || gen % 2 == 0 || p->gen[slot] % 2 == 1)
		return NULL;
	unlink_free(p, slot);
	return begin_use(p, slot, gen);
}

void *pool_get(const struct pool *p, uint64_t handle)
{
	uint32_t slot = pool_slot(handle), gen = (uint32_t)(handle >> 32);

	if (slot >= p->cap || gen % 2 == 0 || p->gen[slot] != gen)
		return NULL;
	return p->items + slot * p->item_bytes;
}

static uint32_t slot_of(const struct pool *p, const void *item)
{
	size_t offset = (size_t)((const uint8_t *)item - p->items);

	must(offset % p->item_bytes == 0 && offset / p->item_bytes < p->cap);
	return (uint32_t)(offset / p->item_bytes);
}

void pool_give(struct pool *p, void *item)
{
	uint32_t slot = slot_of(p, item);

	must(p->gen[slot] % 2 == 1);
	p->gen[slot]++;
	p->next[slot] = p->free_head;
	p->free_head = slot;
	p->used--;
}

uint64_t pool_handle(const struct pool *p, const void *item)
{
	uint32_t slot = slot_of(p, item);

	return (uint64_t)p->gen[slot] << 32 | slot;
}

void *pool_each(const struct pool *p, uint32_t *slot)
{
	while (*slot < p->cap) {
		uint32_t i = (*slot)++;

		if (p->gen[i] % 2 == 1)
			return p->items + i * p->item_bytes;
	}
	return NULL;
}
