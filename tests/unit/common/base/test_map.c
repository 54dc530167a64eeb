/* test_map.c - mirrors common/base/map.c */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/rand.h"

/* Values carry their real key in the upper half; hashes of different keys may be equal.
 */
static bool key_is(const void *ctx, uint64_t value)
{
	return value >> 32 == *(const uint32_t *)ctx;
}

Test(base_map, sizes)
{
	struct map m;

	cr_expect_eq(map_init(&m, 0), ERR_INVAL);
	cr_expect_eq(map_init(&m, UINT32_MAX), ERR_INVAL);
	cr_expect_eq(map_init(&m, UINT32_MAX / 4 + 1), ERR_INVAL);
	for (uint32_t cap = 1; cap < 40; cap++) {
		cr_assert_eq(map_init(&m, cap), 0);
		cr_expect_geq(m.mask + 1, 2 * cap);
		cr_expect_eq(m.mask & (m.mask + 1), 0u);
		map_fini(&m);
	}
}

Test(base_map, at_the_cap)
{
	struct map m;
	uint64_t v = 42;

	cr_assert_eq(map_init(&m, 3), 0);
	cr_expect_eq(map_put(&m, 1, 10, NULL, NULL), 0);
	cr_expect_eq(map_put(&m, 2, 20, NULL, NULL), 0);
	cr_expect_eq(map_put(&m, 3, 30, NULL, NULL), 0);
	cr_expect_eq(map_put(&m, 4, 40, NULL, NULL), ERR_NOSPC);
	cr_expect_eq(map_put(&m, 3, 31, NULL, NULL), ERR_EXIST, "known, full or not");
	cr_expect_not(map_get(&m, 4, NULL, NULL, &v));
	cr_expect_eq(v, 42u, "untouched");
	cr_expect(map_get(&m, 3, NULL, NULL, &v));
	cr_expect_eq(v, 30u);

	cr_expect(map_del(&m, 2, NULL, NULL));
	cr_expect_not(map_del(&m, 2, NULL, NULL));
	cr_expect_eq(m.used, 2u);
	cr_expect_eq(map_put(&m, 4, 40, NULL, NULL), 0);
	cr_expect_eq(map_put(&m, 5, 50, NULL, NULL), ERR_NOSPC);
	map_fini(&m);
}

Test(base_map, keys_that_share_a_hash)
{
	const uint32_t a = 1, b = 2, c = 3;
	struct map m;
	uint64_t v;

	cr_assert_eq(map_init(&m, 4), 0);
	cr_expect_eq(map_put(&m, 7, 1ull << 32, key_is, &a), 0);
	cr_expect_eq(map_put(&m, 7, 2ull << 32, key_is, &b), 0);
	cr_expect_eq(map_put(&m, 7, 2ull << 32, key_is, &b), ERR_EXIST);
	cr_expect(map_get(&m, 7, key_is, &b, &v));
	cr_expect_eq(v, 2ull << 32);
	cr_expect_not(map_get(&m, 7, key_is, &c, &v));
	cr_expect_not(map_del(&m, 7, key_is, &c));
	cr_expect(map_del(&m, 7, key_is, &a));
	cr_expect(map_get(&m, 7, key_is, &b, &v));
	cr_expect_not(map_get(&m, 7, key_is, &a, &v));
	map_fini(&m);
}

#define KEYS   64u
#define CAP    24u
#define ROUNDS 100000

/* Few hashes and the last slots of the table: long runs that wrap around its end. */
static uint64_t crowded(uint32_t key)
{
	return UINT64_MAX - key % 11;
}

struct model {
	uint64_t value[KEYS]; /* 0 = absent */
	uint32_t used;
};

static void expect_same(const struct map *m, const struct model *want)
{
	cr_assert_eq(m->used, want->used);
	for (uint32_t k = 0; k < KEYS; k++) {
		uint64_t v = 0;

		cr_assert_eq(map_get(m, crowded(k), key_is, &k, &v), want->value[k] != 0);
		cr_assert_eq(v, want->value[k]);
	}
}

static void step(struct map *m, struct model *want, struct rand *r)
{
	uint32_t k = rand_below(r, KEYS);
	uint64_t v = (uint64_t)k << 32 | 1 | (uint32_t)rand_u64(r);

	if (rand_below(r, 2) == 0) {
		cr_assert_eq(map_del(m, crowded(k), key_is, &k), want->value[k] != 0);
		want->used -= want->value[k] != 0;
		want->value[k] = 0;
	} else if (want->value[k] != 0) {
		cr_assert_eq(map_put(m, crowded(k), v, key_is, &k), ERR_EXIST);
	} else if (want->used == CAP) {
		cr_assert_eq(map_put(m, crowded(k), v, key_is, &k), ERR_NOSPC);
	} else {
		cr_assert_eq(map_put(m, crowded(k), v, key_is, &k), 0);
		want->value[k] = v;
		want->used++;
	}
}

Test(base_map, churn_against_an_array)
{
	struct model want = {.used = 0};
	uint32_t most = 0;
	struct map m;
	struct rand r;

	cr_assert_eq(map_init(&m, CAP), 0);
	rand_seed(&r, 5);
	for (int i = 0; i < ROUNDS; i++) {
		step(&m, &want, &r);
		if (i % 16 == 0)
			expect_same(&m, &want);
		most = want.used > most ? want.used : most;
	}
	expect_same(&m, &want);
	cr_expect_eq(most, CAP, "the churn never met the cap");

	for (uint32_t k = 0; k < KEYS; k++)
		map_del(&m, crowded(k), key_is, &k);
	cr_expect_eq(m.used, 0u);
	for (uint32_t i = 0; i <= m.mask; i++)
		cr_expect_not(m.slots[i].used, "an empty table has only empty slots");
	map_fini(&m);
}

/* The reference implementation's table: key 00..0f, message 00..(n-1), n = 0..15. */
Test(base_map, siphash_vectors)
{
	/* clang-format off */
	static const uint8_t want[16][8] = {
		{0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72},
		{0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74},
		{0x5a, 0x4f, 0xa9, 0xd9, 0x09, 0x80, 0x6c, 0x0d},
		{0x2d, 0x7e, 0xfb, 0xd7, 0x96, 0x66, 0x67, 0x85},
		{0xb7, 0x87, 0x71, 0x27, 0xe0, 0x94, 0x27, 0xcf},
		{0x8d, 0xa6, 0x99, 0xcd, 0x64, 0x55, 0x76, 0x18},
		{0xce, 0xe3, 0xfe, 0x58, 0x6e, 0x46, 0xc9, 0xcb},
		{0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab},
		{0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93},
		{0xb0, 0xe4, 0xa9, 0x0b, 0xdf, 0x82, 0x00, 0x9e},
		{0xf3, 0xb9, 0xdd, 0x94, 0xc5, 0xbb, 0x5d, 0x7a},
		{0xa7, 0xad, 0x6b, 0x22, 0x46, 0x2f, 0xb3, 0xf4},
		{0xfb, 0xe5, 0x0e, 0x86, 0xbc, 0x8f, 0x1e, 0x75},
		{0x90, 0x3d, 0x84, 0xc0, 0x27, 0x56, 0xea, 0x14},
		{0xee, 0xf2, 0x7a, 0x8e, 0x90, 0xca, 0x23, 0xf7},
		{0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1},
	};
	/* clang-format on */
	static const struct map_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	uint8_t in[16];

	for (size_t n = 0; n < 16; n++) {
		uint64_t h = map_hash(&key, in, n);

		for (size_t i = 0; i < 8; i++)
			cr_expect_eq((uint8_t)(h >> 8 * i), want[n][i], "length %zu", n);
		in[n] = (uint8_t)n;
	}
}

Test(base_map, hash_depends_on_every_part)
{
	static const struct map_key a = {1, 2}, b = {1, 3}, c = {0, 2};

	cr_expect_neq(map_hash(&a, "x", 1), map_hash(&b, "x", 1));
	cr_expect_neq(map_hash(&a, "x", 1), map_hash(&c, "x", 1));
	cr_expect_neq(map_hash(&a, "x", 1), map_hash(&a, "x\0", 2));
	cr_expect_eq(map_hash(&a, NULL, 0), map_hash(&a, "", 0));
}
