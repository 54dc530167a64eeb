/* test_lookout.c - mirrors control/supervisor/lookout.c */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/supervisor/lookout.h"

static struct statpage page;
static int bell;

static void setup(void)
{
	cr_assert_eq(statpage_create("test", &page), 0);
	bell = lookout_bell();
	cr_assert_geq(bell, 0);
}

static void teardown(void)
{
	statpage_close(&page);
	close(bell);
}

TestSuite(lookout, .init = setup, .fini = teardown);

static bool rings(int ms)
{
	return poll(&(struct pollfd){.fd = bell, .events = POLLIN}, 1, ms) == 1;
}

/* A worker that ends when its standard input tells so, in good order, or waits to be killed. */
static pid_t worker(int go)
{
	pid_t pid = fork();
	char c;

	if (pid != 0) {
		while (lifeline_holder(page.lifeline) == 0)
			(void)poll(NULL, 0, 1);
		return pid;
	}
	if (lifeline_hold(page.lifeline) == 0 && read(go, &c, 1) >= 0)
		lifeline_let_go();
	_exit(0);
}

Test(lookout, rings_when_the_worker_is_killed_and_once)
{
	uint32_t holder;
	int go[2];
	pid_t pid;

	cr_assert_eq(pipe(go), 0);
	pid = worker(go[0]);
	cr_assert_eq(lookout_start(&page, bell, &holder), 0);
	cr_assert_neq(holder, 0);
	cr_assert_not(rings(0));
	kill(pid, SIGKILL);
	cr_assert(rings(10000));
	cr_assert(lifeline_is_broken(page.lifeline, holder));
	lookout_heard(bell);
	cr_assert_not(rings(0));
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_assert_eq(lookout_start(&page, bell, &holder), 0);
	cr_assert_eq(holder, 0, "nobody holds it now");
}

Test(lookout, a_worker_that_ends_in_good_order_is_not_broken)
{
	uint32_t holder;
	int go[2];
	pid_t pid;

	cr_assert_eq(pipe(go), 0);
	pid = worker(go[0]);
	cr_assert_eq(lookout_start(&page, bell, &holder), 0);
	cr_assert_eq(write(go[1], "x", 1), 1);
	cr_assert(rings(10000));
	cr_assert_not(lifeline_is_broken(page.lifeline, holder));
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

Test(lookout, nobody_looks_where_nobody_holds)
{
	uint32_t holder = 1;

	cr_assert_eq(lookout_start(&page, bell, &holder), 0);
	cr_assert_eq(holder, 0);
	cr_assert_not(rings(0));
}
