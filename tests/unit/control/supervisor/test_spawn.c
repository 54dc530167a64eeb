/* test_spawn.c - mirrors control/supervisor/spawn.c */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/supervisor/spawn.h"

static pid_t child;

static void teardown(void)
{
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

TestSuite(spawn, .fini = teardown);

static void start(bool computes)
{
	child = fork();
	cr_assert_geq(child, 0);
	if (child != 0)
		return;
	for (volatile unsigned n = 0;; n++)
		if (!computes)
			pause();
}

/* Until the kernel says so. */
static struct spawn_look wait_for(bool runnable, uint64_t cpu_ms)
{
	struct spawn_look look = {.runnable = false};

	do {
		(void)poll(NULL, 0, 1);
		cr_assert_eq(spawn_look(child, &look), 0);
	} while (look.runnable != runnable || look.cpu_ms < cpu_ms);
	return look;
}

Test(spawn, sees_who_waits)
{
	start(false);
	cr_expect_eq(spawn_start_time(child), wait_for(false, 0).start_ticks);
}

Test(spawn, sees_who_computes_and_how_much)
{
	start(true);
	(void)wait_for(true, 50);
	kill(child, SIGSTOP);
	(void)wait_for(false, 50);
}

Test(spawn, sees_nobody)
{
	struct spawn_look look;

	cr_expect_eq(spawn_look(0, &look), ERR_NOENT);
	cr_expect_eq(spawn_start_time(0), 0u);
}
