/* wire.h - a cursor over untrusted binary octets, network byte order, sticky error.
 *
 * Reads past the end return 0 and set `err` to ERR_SYNTAX; check it once. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct wire {
	const uint8_t *p;
	const uint8_t *end;
	int err;
};

static inline struct wire wire_of(const void *p, size_t n)
{
	return (struct wire){p, n > 0 ? (const uint8_t *)p + n : p, 0};
}

static inline size_t wire_left(const struct wire *w)
{
	return (size_t)(w->end - w->p);
}

uint8_t wire_u8(struct wire *w);
uint16_t wire_u16(struct wire *w);
uint32_t wire_u24(struct wire *w);
uint32_t wire_u32(struct wire *w);
uint64_t wire_u64(struct wire *w);
const uint8_t *wire_bytes(struct wire *w, size_t n); /* borrowed; NULL on error */

/* Writers at a place known to have room. */
void wire_put_u16(uint8_t *p, uint16_t v);
void wire_put_u32(uint8_t *p, uint32_t v);
void wire_put_u64(uint8_t *p, uint64_t v);
uint16_t wire_get_u16(const uint8_t *p);
uint32_t wire_get_u32(const uint8_t *p);
