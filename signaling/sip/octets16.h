/* octets16.h - a question to sixteen octets at a time, in the vector types of gcc and clang:
 * any processor, fast where it has such registers. */
#pragma once

#include <stdint.h>

#include "common/base/str.h"

typedef unsigned char octets16 __attribute__((vector_size(16)));
typedef signed char octets16_mask __attribute__((vector_size(16))); /* -1 where it is so */

#define OCTETS8_ONES 0x0101010101010101ull

__attribute__((always_inline)) static inline octets16 octets16_at(const char *p)
{
	octets16 v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* Fewer than sixteen, at least one; some of them more than once. */
__attribute__((always_inline)) static inline octets16 octets16_few(struct str s)
{
	uint64_t w[2] = {OCTETS8_ONES * (unsigned char)s.p[0], 0};
	octets16 v;

	if (s.n >= 8) {
		memcpy(&w[0], s.p, 8);
		memcpy(&w[1], s.p + s.n - 8, 8);
	} else {
		for (size_t i = 1; i < s.n; i++)
			w[0] = w[0] << 8 | (unsigned char)s.p[i];
		w[1] = w[0];
	}
	memcpy(&v, w, sizeof v);
	return v;
}

__attribute__((always_inline)) static inline bool octets16_is_any(octets16_mask m)
{
	uint64_t w[2];

	memcpy(w, &m, sizeof w);
	return (w[0] | w[1]) != 0;
}

/* Is one octet of `s` such? */
__attribute__((always_inline)) static inline bool octets16_any(struct str s, octets16_mask (*is)(octets16))
{
	if (s.n == 0)
		return false;
	if (s.n < 16)
		return octets16_is_any(is(octets16_few(s)));
	for (size_t i = 0; i + 16 < s.n; i += 16)
		if (octets16_is_any(is(octets16_at(s.p + i))))
			return true;
	return octets16_is_any(is(octets16_at(s.p + s.n - 16)));
}
