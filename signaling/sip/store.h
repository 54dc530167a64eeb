/* store.h - messages kept for retransmission, each in a slot of the smallest size that
 * holds it.
 *
 * Memory follows transactions per second times 32 s, and most of what is kept is a few
 * hundred octets. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/pool.h"
#include "common/base/str.h"

#define SIP_STORE_SIZES 3u

struct sip_store {
	struct pool pools[SIP_STORE_SIZES]; /* rising slot size */
};

/* What a transaction holds of it; zeroed = nothing. */
struct sip_kept {
	uint64_t handle;
	uint32_t bytes;
	uint32_t size; /* index of the pool */
};

/* Room for about `count` messages of every common size. ERR_NOMEM, ERR_INVAL. */
MUST_USE int sip_store_init(struct sip_store *s, uint32_t count);
void sip_store_fini(struct sip_store *s);

/* Keep a copy instead of what `*k` held. ERR_NOSPC: `*k` is what it was. */
MUST_USE int sip_store_put(struct sip_store *s, struct sip_kept *k, const void *p,
			   size_t n);

/* The octets, aligned for any struct; NULL when nothing is kept. Until the next put or
 * drop. */
const void *sip_store_at(const struct sip_store *s, const struct sip_kept *k);

void sip_store_drop(struct sip_store *s, struct sip_kept *k);
