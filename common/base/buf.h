/* buf.h - append to a fixed memory area with a sticky overflow flag.
 *
 * Writers append freely and check buf_ok() once at the end. Nothing is ever
 * written past `cap`; after an overflow every call is a no-op. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

struct buf {
	char *p;    /* borrowed: the caller's area */
	size_t n;   /* bytes written */
	size_t cap; /* size of the area */
	bool full;  /* something did not fit; the content is useless */
};

static inline struct buf buf_of(void *area, size_t cap)
{
	return (struct buf){area, 0, cap, false};
}

static inline bool buf_ok(const struct buf *b)
{
	return !b->full;
}

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->p, b->n};
}

/* Reserve `n` bytes to fill in place; NULL after an overflow. */
static inline void *buf_take(struct buf *b, size_t n)
{
	if (b->full || n > b->cap - b->n) {
		b->full = true;
		return NULL;
	}
	b->n += n;
	return b->p + (b->n - n);
}

static inline void buf_bytes(struct buf *b, const void *p, size_t n)
{
	void *to = n > 0 ? buf_take(b, n) : NULL;

	if (to != NULL)
		memcpy(to, p, n);
}

static inline void buf_str_put(struct buf *b, struct str s)
{
	buf_bytes(b, s.p, s.n);
}

static inline void buf_z(struct buf *b, const char *z) /* NUL-terminated text */
{
	buf_bytes(b, z, strlen(z));
}

static inline void buf_char(struct buf *b, char c)
{
	buf_bytes(b, &c, 1);
}

void buf_u64(struct buf *b, uint64_t v);            /* decimal */
void buf_i64(struct buf *b, int64_t v);             /* decimal */
void buf_hex(struct buf *b, uint64_t v, int digits); /* lower case, zero padded */
