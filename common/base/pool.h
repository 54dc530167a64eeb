/* pool.h - a fixed number of equal objects, addressed by generation-checked handles.
 *
 * Handle layout: generation (32 bits) << 32 | slot (32 bits). Generation 0 is never
 * given out, so 0 is no valid handle. A handle kept after pool_give() is stale and
 * pool_get() answers NULL for it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct pool {
	uint8_t *items;   /* owned: cap * item_bytes */
	uint32_t *gen;    /* owned: generation per slot, odd while in use */
	uint32_t *next;   /* owned: free list */
	size_t item_bytes;
	uint32_t cap;
	uint32_t used;
	uint32_t free_head;
	uint32_t touched; /* slots from here on were never taken: still zero, perhaps not even backed by memory */
};

/* One allocation at start; ERR_NOMEM or ERR_INVAL. */
MUST_USE int pool_init(struct pool *p, uint32_t cap, size_t item_bytes);
void pool_fini(struct pool *p);

/* Before the first take: generations start anywhere, so that handles of a predecessor name
 * nothing here. */
void pool_spread(struct pool *p, uint64_t seed);

/* A zeroed object, or NULL when all are in use. `ret_handle` may be NULL. */
void *pool_take(struct pool *p, uint64_t *ret_handle);

/* Take exactly this slot with this generation (rebuilding from a slab).
 * NULL when the slot is out of range or in use or the generation is even. */
void *pool_take_at(struct pool *p, uint64_t handle);

/* NULL when the handle is stale or never was one. */
void *pool_get(const struct pool *p, uint64_t handle);

void pool_give(struct pool *p, void *item); /* must() be in use */

uint64_t pool_handle(const struct pool *p, const void *item);
static inline uint32_t pool_slot(uint64_t handle)
{
	return (uint32_t)handle;
}

/* The in-use item at or after `*slot`, advancing it past the item; NULL at the end. */
void *pool_each(const struct pool *p, uint32_t *slot);
