/* test_past.c - mirrors control/model/past.c (N12) */
#include <criterion/criterion.h>
#include <string.h>

#include "control/model/past.h"

static struct past p;

static void reset(void)
{
	p = (struct past){.next = 0};
}

TestSuite(past, .init = reset);

/* The i-th last. */
static const struct past_call *past_at(const struct past *t, uint32_t i, uint64_t now_ms)
{
	const struct past_call *c = NULL;
	uint32_t at = t->next;

	for (uint32_t k = 0; k <= i; k++)
		c = past_each(t, &at, now_ms);
	return c;
}

Test(past, the_last_comes_first)
{
	cr_expect_null(past_at(&p, 0, 0));
	past_add(&p, 1, 1000);
	past_add(&p, 2, 2000)->code = 486;
	cr_expect_eq(past_at(&p, 0, 3000)->id, 2u);
	cr_expect_eq(past_at(&p, 0, 3000)->code, 486u);
	cr_expect_eq(past_at(&p, 1, 3000)->id, 1u);
	cr_expect_null(past_at(&p, 2, 3000));
}

Test(past, old_ones_are_not_shown)
{
	past_add(&p, 1, 1000);
	cr_expect_not_null(past_at(&p, 0, 1000 + PAST_MS));
	cr_expect_null(past_at(&p, 0, 1001 + PAST_MS));
}

Test(past, at_the_cap_the_oldest_makes_room)
{
	for (uint64_t i = 1; i <= PAST_CALLS + 2; i++)
		past_add(&p, i, 5)->code = (uint32_t)i;
	cr_expect_eq(past_at(&p, 0, 5)->id, PAST_CALLS + 2);
	cr_expect_eq(past_at(&p, PAST_CALLS - 1, 5)->id, 3u);
	cr_expect_null(past_at(&p, PAST_CALLS, 5));
}

Test(past, a_walk_goes_on_where_it_was)
{
	uint32_t at;

	for (uint64_t i = 1; i <= 4; i++)
		past_add(&p, i, 5);
	at = p.next;
	cr_expect_eq(past_each(&p, &at, 5)->id, 4u);
	past_add(&p, 5, 5);
	cr_expect_eq(past_each(&p, &at, 5)->id, 3u);
	for (uint64_t i = 6; i <= PAST_CALLS + 2; i++)
		past_add(&p, i, 5);
	cr_expect_null(past_each(&p, &at, 5), "that one had to make room");
}

Test(past, long_texts_are_cut)
{
	char out[PAST_TEXT_BYTES], text[2 * PAST_TEXT_BYTES];

	memset(text, 'x', sizeof text);
	past_text(out, (struct str){text, sizeof text});
	cr_expect_eq(strlen(out), PAST_TEXT_BYTES - 1);
	past_text(out, (struct str){text, PAST_TEXT_BYTES - 1});
	cr_expect_eq(strlen(out), PAST_TEXT_BYTES - 1);
	past_text(out, (struct str){NULL, 0});
	cr_expect_str_eq(out, "");
}
