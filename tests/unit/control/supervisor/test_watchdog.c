/* test_watchdog.c - mirrors control/supervisor/watchdog.c */
#include <criterion/criterion.h>

#include "control/supervisor/watchdog.h"

#define HANG_MS 1000u
#define BEAT_MS 5000u

static struct watchdog dog;

/* What is decided `silent_ms` after the last heartbeat of a process that has computed `cpu_ms`. */
static bool bites(bool runnable, uint64_t cpu_ms, uint64_t silent_ms)
{
	const struct spawn_look look = {.runnable = runnable, .cpu_ms = cpu_ms};

	return watchdog_bites(&dog, &look, BEAT_MS, BEAT_MS + silent_ms, HANG_MS);
}

Test(watchdog, looks_only_at_who_is_silent)
{
	cr_expect_not(watchdog_wants(BEAT_MS, BEAT_MS + HANG_MS / 2, HANG_MS));
	cr_expect(watchdog_wants(BEAT_MS, BEAT_MS + HANG_MS / 2 + 1, HANG_MS));
}

Test(watchdog, who_waits_in_the_middle_of_a_turn_hangs)
{
	cr_expect_not(bites(false, 70, HANG_MS));
	cr_expect(bites(false, 70, HANG_MS + 1));
}

Test(watchdog, who_computes_without_an_end_hangs)
{
	cr_expect_not(bites(true, 70, 600));
	cr_expect_not(bites(true, 70 + HANG_MS / 4 - 1, HANG_MS + 1), "less than a processor's quarter");
	cr_expect(bites(true, 70 + HANG_MS / 4, HANG_MS + 100));
}

Test(watchdog, who_gets_no_processor_is_left_alone)
{
	cr_expect_not(bites(true, 70, 600));
	for (uint64_t silent_ms = 650; silent_ms <= WATCHDOG_PATIENCE * HANG_MS; silent_ms += 50)
		cr_expect_not(bites(true, 80, silent_ms));
	cr_expect(bites(true, 80, WATCHDOG_PATIENCE * HANG_MS + 1), "not for ever");
}

Test(watchdog, a_heartbeat_begins_it_anew)
{
	const struct spawn_look look = {.runnable = true, .cpu_ms = 400};

	cr_expect_not(bites(true, 70, 600));
	cr_expect_not(watchdog_bites(&dog, &look, BEAT_MS + 800, BEAT_MS + 1800, HANG_MS));
	cr_expect_not(watchdog_bites(&dog, &look, BEAT_MS + 800, BEAT_MS + 1801, HANG_MS), "computed for the heartbeat");
}

Test(watchdog, silence_alone_counts_where_the_kernel_says_nothing)
{
	cr_expect_not(watchdog_bites(&dog, NULL, BEAT_MS, BEAT_MS + HANG_MS, HANG_MS));
	cr_expect(watchdog_bites(&dog, NULL, BEAT_MS, BEAT_MS + HANG_MS + 1, HANG_MS));
}
