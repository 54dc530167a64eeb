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

void buf_bytes(struct buf *b, const void *p, size_t n);
void buf_str_put(struct buf *b, struct str s);
void buf_z(struct buf *b, const char *z); /* NUL-terminated text */
void buf_char(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t v);            /* decimal */
void buf_i64(struct buf *b, int64_t v);             /* decimal */
void buf_hex(struct buf *b, uint64_t v, int digits); /* lower case, zero padded */

/* Reserve `n` bytes to fill in place; NULL after an overflow. */
void *buf_take(struct buf *b, size_t n);
