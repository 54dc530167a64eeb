/* test_rand.c - mirrors common/base/rand.c */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/rand.h"

/* The published generator started from the state 1, 2, 3, 4. */
Test(base_rand, xoshiro256_starstar)
{
	static const uint64_t want[] = {
		11520u,
		0u,
		1509978240u,
		1215971899390074240u,
		1216172134540287360u,
		607988272756665600u,
		16172922978634559625u,
		8476171486693032832u,
		10595114339597558777u,
		2904607092377533576u,
	};
	struct rand r = {{1, 2, 3, 4}};

	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
		cr_expect_eq(rand_u64(&r), want[i], "number %zu", i);
}

/* splitmix64 of 1234567, as published with it. */
Test(base_rand, seeding)
{
	static const uint64_t want[4] = {6457827717110365317u, 3203168211198807973u,
					 9817491932198370423u, 4593380528125082431u};
	struct rand r;

	rand_seed(&r, 1234567);
	cr_expect_eq(memcmp(r.s, want, sizeof want), 0);
	rand_seed(&r, 0);
	cr_expect(r.s[0] != 0 && r.s[1] != 0, "zero is a seed like others");
}

Test(base_rand, below_stays_below)
{
	static const uint32_t bounds[] = {1, 2, 3, 10, 0x80000001, UINT32_MAX};
	struct rand r;

	rand_seed(&r, 1);
	for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++)
		for (int i = 0; i < 1000; i++)
			cr_assert_lt(rand_below(&r, bounds[b]), bounds[b]);
	cr_expect_eq(rand_below(&r, 0), 0u);
}

/* At 3 * 2**30 a plain remainder would give the lowest third twice as often. */
Test(base_rand, below_is_not_biased)
{
	const uint32_t bound = 3u << 30;
	unsigned thirds[3] = {0};
	struct rand r;

	rand_seed(&r, 2);
	for (int i = 0; i < 30000; i++)
		thirds[rand_below(&r, bound) >> 30]++;
	for (int i = 0; i < 3; i++) /* six standard deviations of 82 */
		cr_expect(thirds[i] > 9508 && thirds[i] < 10492, "%u", thirds[i]);
}
