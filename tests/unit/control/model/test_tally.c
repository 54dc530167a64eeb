/* test_tally.c - mirrors control/model/tally.c (N18) */
#include <criterion/criterion.h>
#include <stdio.h>

#include "control/model/tally.h"

static struct tally t;

static void reset(void)
{
	t = (struct tally){.n = 0};
}

TestSuite(tally, .init = reset);

Test(tally, counts_by_app_backend_and_code)
{
	tally_end(&t, "bot", "one", 200);
	tally_end(&t, "bot", "two", 200);
	tally_end(&t, "bot", "one", 486);
	tally_end(&t, "ivr", "one", 200);
	tally_end(&t, "bot", "one", 200);
	cr_assert_eq(t.n, 4u);
	cr_expect_eq(t.v[0].calls, 2u);
	cr_expect_eq(t.v[1].calls, 1u);
	cr_expect_str_eq(t.v[1].backend, "two");
	cr_expect_eq(t.v[2].code, 486u);
	cr_expect_str_eq(t.v[3].app, "ivr");
}

Test(tally, a_call_that_nothing_is_known_of_has_a_row)
{
	tally_end(&t, "", "", 0);
	cr_expect_eq(t.n, 1u);
	cr_expect_eq(t.v[0].calls, 1u);
	tally_end(&t, "", "", 0);
	cr_expect(t.n == 1 && t.v[0].calls == 2);
}

Test(tally, at_the_cap_the_rest_is_counted_together)
{
	char name[16];

	for (unsigned i = 0; i < TALLY_ROWS + 3; i++) {
		snprintf(name, sizeof name, "app-%u", i);
		tally_end(&t, name, "b", 200);
	}
	cr_expect_eq(t.n, TALLY_ROWS);
	cr_expect_eq(t.v[TALLY_ROWS - 2].calls, 1u);
	cr_expect_eq(t.v[TALLY_ROWS - 1].calls, 4u);
	cr_expect_str_eq(t.v[TALLY_ROWS - 1].app, "other");
	cr_expect_str_eq(t.v[TALLY_ROWS - 1].backend, "other");
	cr_expect_eq(t.v[TALLY_ROWS - 1].code, 0u);
	tally_end(&t, "app-7", "b", 200);
	cr_expect_eq(t.v[7].calls, 2u, "known ones are still told apart");
}

Test(tally, times_are_cumulative)
{
	tally_time(&t.setup, 0);
	tally_time(&t.setup, 50);
	tally_time(&t.setup, 51);
	tally_time(&t.setup, 60001);
	cr_expect_eq(t.setup.bucket[0], 2u);
	cr_expect_eq(t.setup.bucket[1], 3u);
	cr_expect_eq(t.setup.bucket[TALLY_BUCKETS - 1], 3u);
	cr_expect_eq(t.setup.count, 4u);
	cr_expect_eq(t.setup.sum_ms, 60102u);
}
