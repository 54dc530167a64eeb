/* rand.c - see rand.h */
#include "common/base/rand.h"

static uint64_t rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

/* splitmix64 spreads the seed, so that a small one does as well */
void rand_seed(struct rand *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15ull;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ z >> 27) * 0x94d049bb133111ebull;
		r->s[i] = z ^ z >> 31;
	}
}

uint64_t rand_u64(struct rand *r)
{
	uint64_t *s = r->s;
	uint64_t out = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return out;
}

uint32_t rand_below(struct rand *r, uint32_t bound)
{
	uint32_t least, v;

	if (bound == 0)
		return 0;
	least = (0u - bound) %
		bound; /* 2**32 mod bound: what would favour small results */
	do
		v = (uint32_t)(rand_u64(r) >> 32);
	while (v < least); /* each draw succeeds with better than even odds */
	return v % bound;
}
