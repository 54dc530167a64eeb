/* map.h - fixed-capacity open-addressing table from a keyed 64-bit hash to a u64.
 *
 * The caller hashes its real key with map_hash() (SipHash-2-4 under a key chosen at
 * start, so a peer can not aim for collisions), and compares the real key itself
 * through the eq function, because two keys may share a hash. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

struct map_slot {
	uint64_t hash;
	uint64_t value;
	bool used;
};

struct map {
	struct map_slot *slots; /* owned; power of two >= 2 * cap */
	uint32_t mask;
	uint32_t used;
	uint32_t cap; /* most entries allowed */
};

typedef bool map_eq_fn(const void *ctx, uint64_t value); /* is `value` the one meant? */

MUST_USE int map_init(struct map *m, uint32_t cap);
void map_fini(struct map *m);

/* ERR_NOSPC at the cap, ERR_EXIST when eq finds the key already there (eq may be NULL:
 * the hash alone is the key). */
MUST_USE int map_put(struct map *m, uint64_t hash, uint64_t value, map_eq_fn *eq, const void *ctx);

/* True and *ret set when present. */
bool map_get(const struct map *m, uint64_t hash, map_eq_fn *eq, const void *ctx, uint64_t *ret);
bool map_del(struct map *m, uint64_t hash, map_eq_fn *eq, const void *ctx);

struct map_key {
	uint64_t k0, k1;
};

/* SipHash-2-4 (Aumasson, Bernstein). */
uint64_t map_hash(const struct map_key *key, const void *p, size_t n);
