/* test_pool.c - mirrors common/base/pool.c */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/pool.h"
#include "common/base/rand.h"

#define CAP 4u

struct thing {
	uint64_t a;
	uint32_t b;
};

static struct pool p;

static void open_pool(void)
{
	cr_assert_eq(pool_init(&p, CAP, sizeof(struct thing)), 0);
}

static void close_pool(void)
{
	pool_fini(&p);
}

TestSuite(base_pool, .init = open_pool, .fini = close_pool);

Test(base_pool, sizes)
{
	struct pool q;

	cr_expect_eq(pool_init(&q, 0, 8), ERR_INVAL);
	cr_expect_eq(pool_init(&q, UINT32_MAX, 8), ERR_INVAL);
	cr_expect_eq(pool_init(&q, 1, 0), ERR_INVAL);
	cr_expect_eq(pool_init(&q, 4, SIZE_MAX / 2), ERR_INVAL, "the product wraps");

	cr_assert_eq(pool_init(&q, 1, 1), 0);
	cr_expect_not_null(pool_take(&q, NULL));
	cr_expect_null(pool_take(&q, NULL));
	pool_fini(&q);
	cr_expect_null(pool_take(&q, NULL), "nothing comes from a pool that is gone");
}

Test(base_pool, at_the_cap)
{
	struct thing *t[CAP];
	uint64_t h[CAP];

	for (uint32_t i = 0; i < CAP; i++) {
		t[i] = pool_take(&p, &h[i]);
		cr_assert_not_null(t[i]);
		t[i]->a = i;
	}
	cr_expect_null(pool_take(&p, NULL));
	cr_expect_eq(p.used, CAP);
	for (uint32_t i = 0; i < CAP; i++) {
		cr_expect_eq(t[i]->a, i);
		cr_expect_eq(pool_get(&p, h[i]), t[i]);
		cr_expect_eq(pool_handle(&p, t[i]), h[i]);
		for (uint32_t j = 0; j < i; j++)
			cr_expect_neq(h[i], h[j]);
	}

	pool_give(&p, t[2]);
	cr_expect_eq(pool_take(&p, NULL), t[2]);
	cr_expect_null(pool_take(&p, NULL));
}

Test(base_pool, objects_come_zeroed)
{
	struct thing *t = pool_take(&p, NULL);

	memset(t, 0xff, sizeof *t);
	pool_give(&p, t);
	t = pool_take(&p, NULL);
	cr_expect(t->a == 0 && t->b == 0);

	/* also one below a slot that was named, and that one the second time */
	t = pool_take_at(&p, 1ull << 32 | 3);
	cr_expect(t->a == 0 && t->b == 0);
	memset(t, 0xff, sizeof *t);
	pool_give(&p, t);
	t = pool_take_at(&p, 3ull << 32 | 3);
	cr_expect(t->a == 0 && t->b == 0);
	t = pool_take(&p, NULL);
	cr_expect(t->a == 0 && t->b == 0);
}

Test(base_pool, stale_handles)
{
	uint64_t first, second;
	struct thing *t = pool_take(&p, &first);

	cr_expect_neq(first, 0u);
	pool_give(&p, t);
	cr_expect_null(pool_get(&p, first));
	cr_expect_eq(pool_take(&p, &second), t, "the same slot");
	cr_expect_eq(pool_slot(first), pool_slot(second));
	cr_expect_neq(first, second);
	cr_expect_null(pool_get(&p, first));
	cr_expect_eq(pool_get(&p, second), t);
}

Test(base_pool, handles_that_never_were)
{
	uint64_t h;

	cr_assert_not_null(pool_take(&p, &h));
	cr_expect_null(pool_get(&p, 0));
	cr_expect_null(pool_get(&p, UINT64_MAX));
	cr_expect_null(pool_get(&p, h + CAP), "slot out of range");
	cr_expect_null(pool_get(&p, h + 1), "slot never taken");
	cr_expect_null(pool_get(&p, h + (1ull << 32)), "an even generation");
	cr_expect_null(pool_get(&p, h + (2ull << 32)), "a generation to come");
}

Test(base_pool, generations_wrap_without_a_zero_handle)
{
	const uint64_t last = (uint64_t)UINT32_MAX << 32;
	struct thing *t = pool_take_at(&p, last);
	uint64_t h;

	cr_assert_not_null(t);
	cr_expect_eq(pool_get(&p, last), t);
	pool_give(&p, t);
	cr_expect_null(pool_get(&p, 0));
	cr_expect_eq(pool_take(&p, &h), t);
	cr_expect_eq(h, 1ull << 32);
}

/* What a predecessor gave out names nothing in a pool that was spread. */
Test(base_pool, spread_generations)
{
	uint64_t old[CAP], handle;

	for (unsigned i = 0; i < CAP; i++)
		cr_assert_not_null(pool_take(&p, &old[i]));
	pool_fini(&p);
	open_pool();
	pool_spread(&p, 12345);
	for (unsigned i = 0; i < CAP; i++) {
		void *item = pool_take(&p, &handle);

		cr_assert_not_null(item);
		cr_expect_eq(pool_get(&p, handle), item);
		cr_expect_null(pool_get(&p, old[i]));
	}
	cr_expect_null(pool_take(&p, NULL));
}

Test(base_pool, rebuilding_at_given_slots)
{
	const uint64_t seven = 7ull << 32 | 2;
	bool seen[CAP] = {false};
	struct thing *t = pool_take_at(&p, seven);

	cr_assert_not_null(t);
	cr_expect_eq(pool_handle(&p, t), seven);
	cr_expect_eq(pool_get(&p, seven), t);
	cr_expect_null(pool_take_at(&p, seven), "in use");
	cr_expect_null(pool_take_at(&p, 9ull << 32 | 2), "in use");
	cr_expect_null(pool_take_at(&p, 8ull << 32 | 1), "even generation");
	cr_expect_null(pool_take_at(&p, 0));
	cr_expect_null(pool_take_at(&p, 7ull << 32 | CAP), "out of range");

	for (uint32_t i = 1; i < CAP; i++) { /* the free list lost exactly that slot */
		uint64_t h;

		cr_assert_not_null(pool_take(&p, &h));
		cr_expect_not(seen[pool_slot(h)]);
		seen[pool_slot(h)] = true;
	}
	cr_expect_not(seen[2]);
	cr_expect_null(pool_take(&p, NULL));
}

Test(base_pool, each_walks_what_is_in_use)
{
	struct thing *t[CAP];
	uint32_t slot = 0;

	for (uint32_t i = 0; i < CAP; i++)
		t[i] = pool_take(&p, NULL);
	pool_give(&p, t[0]);
	pool_give(&p, t[2]);
	cr_expect_eq(pool_each(&p, &slot), t[1]);
	cr_expect_eq(pool_each(&p, &slot), t[3]);
	cr_expect_null(pool_each(&p, &slot));
	cr_expect_null(pool_each(&p, &slot));
	slot = UINT32_MAX;
	cr_expect_null(pool_each(&p, &slot));
}

Test(base_pool, giving_twice_is_our_bug, .signal = SIGABRT)
{
	struct thing *t = pool_take(&p, NULL);

	pool_give(&p, t);
	pool_give(&p, t);
}

Test(base_pool, a_foreign_pointer_is_our_bug, .signal = SIGABRT)
{
	struct thing *t = pool_take(&p, NULL);

	pool_give(&p, (char *)t + 1);
}

Test(base_pool, a_pointer_behind_the_pool_is_our_bug, .signal = SIGABRT)
{
	struct thing *t = pool_take(&p, NULL);

	pool_give(&p, t + CAP);
}

/* Against a plain record of who holds what. */
Test(base_pool, churn)
{
	uint64_t held[CAP] = {0}, stale = 0;
	struct rand r;

	rand_seed(&r, 4);
	for (int i = 0; i < 20000; i++) {
		uint32_t k = rand_below(&r, CAP), in_use = 0;
		struct thing *t = pool_get(&p, held[k]);

		cr_assert_eq(t != NULL, held[k] != 0);
		if (t != NULL) {
			cr_assert_eq(t->a, k);
			pool_give(&p, t);
			stale = held[k];
			held[k] = 0;
		} else {
			t = pool_take(&p, &held[k]);
			cr_assert_not_null(t);
			cr_assert_eq(t->a, 0u);
			t->a = k;
		}
		cr_assert_null(pool_get(&p, stale));
		for (uint32_t j = 0; j < CAP; j++)
			in_use += held[j] != 0;
		cr_assert_eq(p.used, in_use);
	}
}
