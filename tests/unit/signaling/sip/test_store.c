/* test_store.c - mirrors signaling/sip/store.c */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/rand.h"
#include "signaling/sip/store.h"

static char text[8193];
static struct sip_store s;

static void open_store(void)
{
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)('a' + i % 26);
	cr_assert_eq(sip_store_init(&s, 4), 0);
}

static void close_store(void)
{
	sip_store_fini(&s);
}

TestSuite(sip_store, .init = open_store, .fini = close_store);

Test(sip_store, keeps_every_length)
{
	for (size_t n = 1; n <= 8192; n++) {
		struct sip_kept k = {0};

		cr_assert_eq(sip_store_put(&s, &k, text, n), 0);
		cr_assert_eq(k.bytes, n);
		cr_assert_eq(memcmp(sip_store_at(&s, &k), text, n), 0);
		sip_store_drop(&s, &k);
		cr_assert_null(sip_store_at(&s, &k));
	}
}

Test(sip_store, too_long_or_nothing_is_refused_and_leaves_what_was)
{
	struct sip_kept k = {0};

	cr_assert_eq(sip_store_put(&s, &k, text, 3), 0);
	cr_expect_eq(sip_store_put(&s, &k, text, 8193), ERR_NOSPC);
	cr_expect_eq(sip_store_put(&s, &k, text, 0), ERR_NOSPC);
	cr_assert_eq(k.bytes, 3u);
	cr_expect_eq(memcmp(sip_store_at(&s, &k), text, 3), 0);
	sip_store_drop(&s, &k);
	sip_store_drop(&s, &k); /* nothing: harmless */
}

/* 4 + 4 + (4 / 8 + 8): small ones spill into larger slots, then it is full */
Test(sip_store, cap)
{
	struct sip_kept k[16] = {{0}}, more = {0};

	for (size_t i = 0; i < 16; i++)
		cr_assert_eq(sip_store_put(&s, &k[i], text, 100), 0, "%zu", i);
	cr_expect_eq(sip_store_put(&s, &more, text, 1), ERR_NOSPC);
	sip_store_drop(&s, &k[3]);
	cr_expect_eq(sip_store_put(&s, &more, text, 600), ERR_NOSPC,
		     "the slot is a small one");
	cr_expect_eq(sip_store_put(&s, &more, text, 512), 0);
}

Test(sip_store, every_length_has_the_smallest_slot)
{
	static const struct {
		size_t n;
		unsigned size;
	} cases[] = {{1, 0}, {512, 0}, {513, 1}, {2048, 1}, {2049, 2}, {8192, 2}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sip_kept k = {0};

		cr_assert_eq(sip_store_put(&s, &k, text, cases[i].n), 0);
		cr_expect_eq(k.size, cases[i].size, "%zu", cases[i].n);
		cr_expect_eq(s.pools[k.size].used, 1u);
		sip_store_drop(&s, &k);
		cr_expect_eq(s.pools[cases[i].size].used, 0u);
	}
}

Test(sip_store, bad_counts)
{
	struct sip_store none;

	cr_expect_eq(sip_store_init(&none, 0), ERR_INVAL);
}

Test(sip_store, random_use_against_a_model)
{
	struct sip_kept k[12] = {{0}};
	struct {
		size_t at, n;
	} model[12] = {{0, 0}};
	struct rand r;

	rand_seed(&r, 42);
	for (unsigned round = 0; round < 20000; round++) {
		uint32_t i = rand_below(&r, 12);
		size_t n = 1 + rand_below(&r, rand_below(&r, 4) == 0 ? 8000 : 600);
		size_t at = rand_below(&r, 26);

		if (rand_below(&r, 3) == 0) {
			sip_store_drop(&s, &k[i]);
			model[i].n = 0;
		} else if (sip_store_put(&s, &k[i], text + at, n) == 0) {
			model[i].at = at;
			model[i].n = n;
		}
		for (size_t j = 0; j < 12; j++) {
			cr_assert_eq(k[j].bytes, model[j].n);
			cr_assert(model[j].n == 0 ||
				  memcmp(sip_store_at(&s, &k[j]), text + model[j].at,
					 model[j].n) == 0);
		}
	}
}
