/* words.h - private memory to and from shared 64-bit words, one word at a time.
 *
 * Release stores keep everything stored before them before them; acquire loads keep what
 * is loaded after them after them. `n` need not be a multiple of 8: the last word is
 * padded with zeros. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void words_put(_Atomic uint64_t *dst, const void *src, size_t n)
{
	const char *p = src;
	uint64_t w;

	for (; n >= sizeof w; n -= sizeof w, p += sizeof w) {
		memcpy(&w, p, sizeof w);
		atomic_store_explicit(dst++, w, memory_order_release);
	}
	if (n > 0) {
		w = 0;
		memcpy(&w, p, n);
		atomic_store_explicit(dst, w, memory_order_release);
	}
}

static inline void words_get(void *dst, const _Atomic uint64_t *src, size_t n)
{
	char *p = dst;
	uint64_t w;

	for (; n >= sizeof w; n -= sizeof w, p += sizeof w) {
		w = atomic_load_explicit(src++, memory_order_acquire);
		memcpy(p, &w, sizeof w);
	}
	if (n > 0) {
		w = atomic_load_explicit(src, memory_order_acquire);
		memcpy(p, &w, n);
	}
}
