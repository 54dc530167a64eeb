/* rand.h - xoshiro256** pseudo random numbers from a given seed.
 *
 * Pure: the daemon seeds it from the kernel (clock.h: clock_entropy), tests from a
 * number. Not for secrets that outlive a call; keys and nonces come from the kernel. */
#pragma once

#include <stdint.h>

struct rand {
	uint64_t s[4];
};

void rand_seed(struct rand *r, uint64_t seed);
uint64_t rand_u64(struct rand *r);
uint32_t rand_below(struct rand *r, uint32_t bound); /* 0 <= x < bound, unbiased */
