/* word8.h - questions to eight octets at a time (Warren, Hacker's Delight, 6-1). */
#pragma once

#include <endian.h>
#include <stdint.h>

#include "common/base/str.h"

#define WORD8_ONES 0x0101010101010101ull
#define WORD8_HIGH 0x8080808080808080ull

/* The first octet is the lowest. */
static inline uint64_t word8_at(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return le64toh(w);
}

/* One of them at least is below `c`, which is not above 0x80. */
static inline bool word8_below(uint64_t w, unsigned c)
{
	return ((w - WORD8_ONES * c) & ~w & WORD8_HIGH) != 0;
}

/* One of them at least is `c`. */
static inline bool word8_equal(uint64_t w, unsigned c)
{
	return word8_below(w ^ WORD8_ONES * c, 1);
}

/* Is it so for eight octets of `s` anywhere? What is shorter is filled with copies of its
 * first octet. */
static inline bool word8_any(struct str s, bool (*is)(uint64_t))
{
	uint64_t w;

	if (s.n == 0)
		return false;
	if (s.n < 8) {
		w = WORD8_ONES * (unsigned char)s.p[0];
		memcpy(&w, s.p, s.n);
		return is(w);
	}
	for (size_t i = 0; i + 8 < s.n; i += 8)
		if (is(word8_at(s.p + i)))
			return true;
	return is(word8_at(s.p + s.n - 8));
}
