/* test_stuck.c - mirrors control/model/stuck.c */
#include <criterion/criterion.h>

#include "control/model/stuck.h"

#define BEGAN_MS 1000000u

static struct call c;

/* A call that came in, as it is in this state when all is well. */
static void setup_in(enum call_state state)
{
	static const bool has_timer[CALL_STATES] = {[CALL_OPENING] = true, [CALL_UPDATING] = true, [CALL_DIALLING] = true,
						    [CALL_WAITING] = true, [CALL_OFFERED] = true,  [CALL_CLOSING] = true};

	c = (struct call){.id = 1, .state = state, .leg_id = 2, .session_id = 3, .since_ms = BEGAN_MS};
	c.has_session = state != CALL_OPENING;
	c.deadline_ms = has_timer[state] ? BEGAN_MS + 2000 : UINT64_MAX;
}

static const char *why_after(uint64_t ms)
{
	return stuck_why(&c, BEGAN_MS + ms);
}

Test(stuck, none_that_has_just_come_into_its_state)
{
	for (int state = 0; state < CALL_STATES; state++) {
		setup_in((enum call_state)state);
		cr_expect_null(why_after(0), "%s", call_state_name((enum call_state)state));
		cr_expect_null(why_after(STUCK_LATE_MS), "%s", call_state_name((enum call_state)state));
	}
}

Test(stuck, a_call_that_is_up_stays_so)
{
	setup_in(CALL_ANSWERED);
	cr_expect_null(why_after(100ull * 24 * 3600 * 1000));
}

Test(stuck, a_time_that_has_passed)
{
	setup_in(CALL_OFFERED);
	cr_expect_null(why_after(2000 + STUCK_LATE_MS));
	cr_expect_str_eq(why_after(2001 + STUCK_LATE_MS), "its time has passed");
}

Test(stuck, a_state_that_lasts_too_long)
{
	for (int state = 0; state < CALL_STATES; state++) {
		setup_in((enum call_state)state);
		c.deadline_ms = UINT64_MAX - 2 * STUCK_LATE_MS; /* armed again and again */
		if (state != CALL_ANSWERED)
			cr_expect_str_eq(why_after(STUCK_WAIT_MS + 1), "it is in this state for too long", "%s", call_state_name((enum call_state)state));
	}
	setup_in(CALL_RINGING);
	cr_expect_null(why_after(STUCK_WAIT_MS), "a person may take that long");
}

Test(stuck, nothing_moves_it_on)
{
	static const enum call_state timed[] = {CALL_OPENING, CALL_UPDATING, CALL_DIALLING, CALL_WAITING, CALL_OFFERED};

	for (size_t i = 0; i < sizeof timed / sizeof timed[0]; i++) {
		setup_in(timed[i]);
		c.deadline_ms = UINT64_MAX;
		cr_expect_null(why_after(STUCK_LATE_MS));
		cr_expect_str_eq(why_after(STUCK_LATE_MS + 1), "nothing moves it on", "%s", call_state_name(timed[i]));
	}
}

Test(stuck, a_leg_without_a_session_and_a_session_without_a_leg)
{
	setup_in(CALL_ANSWERED);
	c.has_session = false;
	cr_expect_str_eq(why_after(STUCK_LATE_MS + 1), "it has no session");
	setup_in(CALL_ANSWERED);
	c.leg_id = 0;
	cr_expect_str_eq(why_after(STUCK_LATE_MS + 1), "it has no leg");
	setup_in(CALL_DIALLING);
	c.leg_id = 0;
	c.deadline_ms = BEGAN_MS + 20000;
	cr_expect_null(why_after(STUCK_LATE_MS + 1), "it was asked for");
}

Test(stuck, ended_at_signaling_and_not_here)
{
	setup_in(CALL_ANSWERED);
	c.leg_over = true;
	cr_expect_str_eq(why_after(STUCK_LATE_MS + 1), "its leg is over");
	setup_in(CALL_CLOSING);
	c.leg_over = true;
	c.has_session = false;
	c.deadline_ms = BEGAN_MS + 20000;
	cr_expect_null(why_after(STUCK_LATE_MS + 1), "it is about to end");
}

/* ---- what workers have ---- */

static uint32_t astray_after(const struct stuck_count *s, uint64_t ms)
{
	return stuck_astray(s, BEGAN_MS + ms);
}

Test(stuck, what_stays_at_a_worker_without_a_call)
{
	struct stuck_count s = {.since_ms = 0};

	stuck_compare(&s, 12, 10, BEGAN_MS);
	cr_expect_eq(astray_after(&s, STUCK_ASTRAY_MS), 0u, "it may be under way");
	cr_expect_eq(astray_after(&s, STUCK_ASTRAY_MS + 1), 2u);
	stuck_compare(&s, 30, 29, BEGAN_MS + 5000);
	cr_expect_eq(astray_after(&s, STUCK_ASTRAY_MS + 1), 1u, "one came and went");
	stuck_compare(&s, 40, 30, BEGAN_MS + 8000);
	cr_expect_eq(astray_after(&s, STUCK_ASTRAY_MS + 1), 1u);
	stuck_compare(&s, 30, 30, BEGAN_MS + 9000);
	cr_expect_eq(astray_after(&s, 10 * STUCK_ASTRAY_MS), 0u);
}

Test(stuck, calls_whose_leg_is_gone)
{
	struct stuck_count s = {.since_ms = 0};

	stuck_compare(&s, 12, 10, BEGAN_MS);
	stuck_compare(&s, 10, 13, BEGAN_MS + 1000);
	stuck_compare(&s, 10, 12, BEGAN_MS + 2000);
	cr_expect_eq(astray_after(&s, 1000 + STUCK_ASTRAY_MS), 0u, "the other way round it began anew");
	cr_expect_eq(astray_after(&s, 1001 + STUCK_ASTRAY_MS), 2u);
}
