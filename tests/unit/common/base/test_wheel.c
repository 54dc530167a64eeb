/* test_wheel.c - mirrors common/base/wheel.c */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/rand.h"
#include "common/base/wheel.h"

#define ROUND_MS ((uint64_t)WHEEL_SLOTS * WHEEL_SLOT_MS)

static struct wheel w;

/* The only timer that fires at `now_ms`, or NULL when none does. */
static struct wheel_timer *only(uint64_t now_ms)
{
	struct wheel_timer *t = wheel_next(&w, now_ms);

	if (t != NULL)
		cr_expect_null(wheel_next(&w, now_ms));
	return t;
}

Test(base_wheel, fires_at_its_deadline_and_never_early)
{
	static const uint64_t waits_ms[] = {0,
					    1,
					    9,
					    10,
					    11,
					    500,
					    ROUND_MS - 1,
					    ROUND_MS,
					    ROUND_MS + 1,
					    3 * ROUND_MS + 7,
					    1800000};
	static const uint64_t starts_ms[] = {0, 3, 9, 10, ROUND_MS - 5, 123456789};

	for (size_t s = 0; s < sizeof starts_ms / sizeof starts_ms[0]; s++) {
		for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
			uint64_t at_ms = starts_ms[s] + waits_ms[i];
			struct wheel_timer t = {.owner = &w};

			wheel_init(&w, starts_ms[s]);
			wheel_arm(&w, &t, at_ms);
			if (waits_ms[i] > 0)
				cr_expect_null(only(at_ms - 1), "early");
			cr_expect_eq(only(at_ms), &t, "late");
			cr_expect_eq(t.owner, &w);
			cr_expect_eq(w.armed, 0u);
			cr_expect_null(only(at_ms + 2 * ROUND_MS), "twice");
		}
	}
}

/* Many rounds later, in steps of one slot and in one leap. */
Test(base_wheel, beyond_one_round)
{
	struct wheel_timer far = {.owner = NULL}, near = {.owner = NULL};

	wheel_init(&w, 1000);
	wheel_arm(&w, &far, 1000 + 2 * ROUND_MS + 50);
	wheel_arm(&w, &near, 1000 + 50);
	for (uint64_t now = 1000; now < 1050; now += WHEEL_SLOT_MS)
		cr_assert_null(only(now));
	cr_expect_eq(only(1050), &near);
	for (uint64_t now = 1050; now < 1000 + 2 * ROUND_MS + 50; now += WHEEL_SLOT_MS)
		cr_assert_null(only(now));
	cr_expect_eq(only(1000 + 2 * ROUND_MS + 50), &far);

	wheel_arm(&w, &far, 1000 + 3 * ROUND_MS);
	wheel_arm(&w, &near, 1000 + 4 * ROUND_MS);
	cr_expect_not_null(wheel_next(&w, 1000 + 100 * ROUND_MS));
	cr_expect_not_null(wheel_next(&w, 1000 + 100 * ROUND_MS));
	cr_expect_null(wheel_next(&w, 1000 + 100 * ROUND_MS));
}

Test(base_wheel, a_leap_of_an_age_costs_one_round)
{
	struct wheel_timer t = {.owner = NULL};

	wheel_init(&w, 0);
	wheel_arm(&w, &t, UINT64_MAX / 2 + 1);
	cr_expect_null(only(UINT64_MAX / 2));
	cr_expect_eq(only(UINT64_MAX / 2 + 1), &t);
}

Test(base_wheel, order_within_a_slot_is_arming_order)
{
	struct wheel_timer t[3] = {{.owner = NULL}};

	wheel_init(&w, 0);
	wheel_arm(&w, &t[1], 23);
	wheel_arm(&w, &t[0], 25);
	wheel_arm(&w, &t[2], 21);
	cr_expect_eq(wheel_next(&w, 29), &t[1]);
	cr_expect_eq(wheel_next(&w, 29), &t[0]);
	cr_expect_eq(wheel_next(&w, 29), &t[2]);
}

Test(base_wheel, the_past_fires_at_once)
{
	struct wheel_timer t = {.owner = NULL};

	wheel_init(&w, 100000);
	wheel_arm(&w, &t, 7);
	cr_expect_leq(wheel_deadline(&w), 100000u);
	cr_expect_eq(only(100000), &t);
	cr_expect_null(only(99999), "time that goes back is no reason");
	wheel_arm(&w, &t, 100000);
	cr_expect_eq(only(99999), &t, "and the wheel does not forget how late it is");
}

/* As a daemon does: each expiry arms again while the wheel is being emptied. */
Test(base_wheel, arming_while_firing)
{
	struct wheel_timer t = {.owner = NULL}, *fired;
	unsigned count = 0;

	wheel_init(&w, 0);
	wheel_arm(&w, &t, 10);
	while ((fired = wheel_next(&w, 1000)) != NULL) {
		cr_assert_eq(fired, &t);
		cr_assert_lt(++count, 200u);
		wheel_arm(&w, &t, t.deadline_ms + 10);
	}
	cr_expect_eq(count, 100u);
	cr_expect_eq(t.deadline_ms, 1010u);
	cr_expect_null(only(1009));
	cr_expect_eq(only(1010), &t);
}

Test(base_wheel, cancel_and_arm_again)
{
	struct wheel_timer t = {.owner = NULL}, never = {.owner = NULL};

	wheel_init(&w, 0);
	wheel_cancel(&w, &never);
	wheel_arm(&w, &t, 50);
	wheel_arm(&w, &t, 70);
	cr_expect_eq(w.armed, 1u);
	cr_expect_null(only(69));
	wheel_cancel(&w, &t);
	wheel_cancel(&w, &t);
	cr_expect_eq(w.armed, 0u);
	cr_expect_null(only(1000));
	cr_expect_eq(wheel_deadline(&w), UINT64_MAX);
}

Test(base_wheel, deadline)
{
	struct wheel_timer a = {.owner = NULL}, b = {.owner = NULL};

	wheel_init(&w, 5);
	cr_expect_eq(wheel_deadline(&w), UINT64_MAX);
	wheel_arm(&w, &a, 1234);
	cr_expect_eq(wheel_deadline(&w), 1234u);
	wheel_arm(&w, &b, 1231);
	cr_expect_eq(wheel_deadline(&w), 1231u);
	wheel_cancel(&w, &a);
	wheel_cancel(&w, &b);

	/* one of the next round stands in the present slot, the first to come in the slot
	 * after */
	wheel_arm(&w, &a, ROUND_MS + 2);
	wheel_arm(&w, &b, 10);
	cr_expect_eq(wheel_deadline(&w), 10u);
}

#define TIMERS 50u

static struct wheel_timer timers[TIMERS];

static uint64_t earliest(void)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < TIMERS; i++)
		if (timers[i].owner != NULL && timers[i].deadline_ms < least)
			least = timers[i].deadline_ms;
	return least;
}

/* Against the plain set of armed timers (those with an owner), with long and short
 * sleeps. */
Test(base_wheel, churn_against_a_set)
{
	uint64_t now_ms = 777;
	unsigned fired = 0;
	struct rand r;

	wheel_init(&w, now_ms);
	rand_seed(&r, 6);
	for (int i = 0; i < 20000; i++) {
		struct wheel_timer *t = &timers[rand_below(&r, TIMERS)];
		uint32_t sleep_ms = rand_below(&r, 8) > 0 ? 30 : 3 * (uint32_t)ROUND_MS;

		if (rand_below(&r, 4) == 0) {
			wheel_cancel(&w, t);
			t->owner = NULL;
		} else {
			wheel_arm(&w, t, now_ms + rand_below(&r, 2 * (uint32_t)ROUND_MS));
			t->owner = t;
		}
		cr_assert_leq(wheel_deadline(&w), earliest());
		cr_assert(wheel_deadline(&w) > now_ms || earliest() <= now_ms,
			  "a vain wake-up");

		now_ms += rand_below(&r, sleep_ms);
		while ((t = wheel_next(&w, now_ms)) != NULL) {
			cr_assert_eq(t->owner, t, "not armed");
			cr_assert_leq(t->deadline_ms, now_ms, "early");
			t->owner = NULL;
			fired++;
		}
		cr_assert_gt(earliest(), now_ms, "late");
	}
	cr_expect_gt(fired, 5000u);
}
