/* arena.c - see arena.h */
#include "common/base/arena.h"

#define ALIGN 16u

void *arena_take(struct arena *a, size_t n)
{
	uintptr_t at = (uintptr_t)a->base + a->used;
	size_t pad = (ALIGN - at % ALIGN) % ALIGN;

	if (pad > a->cap - a->used || n > a->cap - a->used - pad)
		return NULL;
	a->used += pad + n;
	return a->base + (a->used - n);
}

struct str arena_dup(struct arena *a, struct str s)
{
	char *p = s.n < SIZE_MAX ? arena_take(a, s.n + 1) : NULL;

	if (p == NULL)
		return (struct str){NULL, 0};
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct str){p, s.n};
}
