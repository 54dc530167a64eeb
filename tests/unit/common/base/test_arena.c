/* test_arena.c - mirrors common/base/arena.c */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/arena.h"

static _Alignas(16) char block[128];

Test(base_arena, gives_aligned_pieces_that_do_not_overlap)
{
	struct arena a = arena_of(block, sizeof block);
	char *p = arena_take(&a, 1), *q = arena_take(&a, 17), *r = arena_take(&a, 16);

	cr_expect_eq(p, block);
	cr_expect_eq(q, block + 16);
	cr_expect_eq(r, block + 48);
}

Test(base_arena, a_crooked_block)
{
	struct arena a = arena_of(block + 3, sizeof block - 3);
	char *p = arena_take(&a, 8);

	cr_expect_eq(p, block + 16);
}

Test(base_arena, at_the_cap)
{
	struct arena a = arena_of(block, 32);

	cr_expect_null(arena_take(&a, 33));
	cr_expect_not_null(arena_take(&a, 32));
	cr_expect_null(arena_take(&a, 1));
	arena_reset(&a);
	cr_expect_eq(arena_take(&a, 17), block);
	cr_expect_null(arena_take(&a, 1), "only padding is left");
	cr_expect_eq(a.used, 17u, "a refusal takes nothing");
}

Test(base_arena, sizes_that_wrap)
{
	struct arena a = arena_of(block, sizeof block);

	cr_expect_not_null(arena_take(&a, 1));
	cr_expect_null(arena_take(&a, SIZE_MAX));
	cr_expect_null(arena_take(&a, SIZE_MAX - 15));
	cr_expect_null(arena_dup(&a, (struct str){block, SIZE_MAX}).p);
}

Test(base_arena, of_nothing)
{
	struct arena a = arena_of(NULL, 0);

	cr_expect_null(arena_take(&a, 1));
}

Test(base_arena, dup_is_a_terminated_copy)
{
	struct arena a = arena_of(block, 16);
	char text[] = "0123456789abcdef";
	struct str s;

	memset(block, '#', sizeof block);
	s = arena_dup(&a, (struct str){text, 15});
	text[0] = '!';
	cr_expect_eq(s.n, 15u);
	cr_expect_str_eq(s.p, "0123456789abcde");
	cr_expect_eq(block[16], '#');

	arena_reset(&a);
	s = arena_dup(&a, (struct str){text, 16});
	cr_expect_null(s.p, "no room for the terminator");
	cr_expect_eq(s.n, 0u);

	s = arena_dup(&a, str_of(NULL));
	cr_expect_str_eq(s.p, "");
}
