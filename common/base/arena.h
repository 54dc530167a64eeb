/* arena.h - bump allocation from one fixed block, freed all at once.
 *
 * For memory that lives as long as one turn, one message or one call. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

struct arena {
	uint8_t *base; /* borrowed: the caller's block */
	size_t used;
	size_t cap;
};

static inline struct arena arena_of(void *block, size_t cap)
{
	return (struct arena){block, 0, cap};
}

static inline void arena_reset(struct arena *a)
{
	a->used = 0;
}

/* 16-byte aligned, not zeroed; NULL when the block is used up. */
void *arena_take(struct arena *a, size_t n);

/* A copy owned by the arena, NUL-terminated behind its last byte; p == NULL when
 * there is no room. */
struct str arena_dup(struct arena *a, struct str s);
