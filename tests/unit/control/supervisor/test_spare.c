/* test_spare.c - mirrors control/supervisor/spare.c. The program is one that waits: cat, with its standard input never ending. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/log.h"
#include "control/supervisor/spare.h"

static char program[64];
static struct spare spare;
static int input[2];

/* A copy of our own, so that it can be replaced. */
static void install(void)
{
	char fresh[80];
	struct stat st;
	int from = open("/bin/cat", O_RDONLY), to;

	snprintf(fresh, sizeof fresh, "%s.new", program);
	to = open(fresh, O_CREAT | O_WRONLY | O_TRUNC, 0700);
	cr_assert(from >= 0 && to >= 0 && fstat(from, &st) == 0);
	cr_assert_eq(sendfile(to, from, NULL, (size_t)st.st_size), st.st_size);
	close(from);
	close(to);
	cr_assert_eq(rename(fresh, program), 0);
}

static void setup(void)
{
	int fd;

	log_open("test", LOG_ERROR);
	snprintf(program, sizeof program, "/tmp/test_spare.XXXXXX");
	fd = mkstemp(program);
	cr_assert_geq(fd, 0);
	close(fd);
	install();
	cr_assert_eq(pipe2(input, O_CLOEXEC), 0);
	cr_assert_eq(dup2(input[0], STDIN_FILENO), STDIN_FILENO);
	spare = (struct spare){.start_at_ms = 0};
}

static void teardown(void)
{
	spare_end(&spare);
	unlink(program);
}

TestSuite(spare, .init = setup, .fini = teardown);

static void wait_for_death(void)
{
	struct pollfd p = {.fd = spare.child.pidfd, .events = POLLIN};

	cr_assert_eq(poll(&p, 1, 10000), 1);
}

static void expect_no_children(void)
{
	cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1);
}

Test(spare, is_given_away_once_and_the_next_one_lets_its_worker_settle)
{
	struct spawned got;
	pid_t pid;

	spare_tick(&spare, program, 1000);
	pid = spare.child.pid;
	cr_assert_gt(pid, 0);
	spare_tick(&spare, program, 2000);
	cr_expect_eq(spare.child.pid, pid, "one is enough");

	cr_assert_eq(spare_take(&spare, program, 5000, &got), 0);
	cr_expect_eq(got.pid, pid);
	cr_expect_eq(kill(got.pid, 0), 0);
	cr_expect_eq(spare_take(&spare, program, 5000, &got), ERR_NOENT);

	spare_tick(&spare, program, 5000 + SPARE_SETTLE_MS - 1);
	cr_expect_eq(spare.child.pid, 0);
	spare_tick(&spare, program, 5000 + SPARE_SETTLE_MS);
	cr_expect_gt(spare.child.pid, 0);
	spawn_end(&got);
}

Test(spare, of_another_release_is_ended)
{
	struct spawned got;

	spare_tick(&spare, program, 1);
	install();
	cr_expect_eq(spare_take(&spare, program, 2, &got), ERR_NOENT);
	cr_expect_eq(spare.child.pid, 0);
	expect_no_children();
}

Test(spare, that_died_is_not_given_away)
{
	struct spawned got;

	spare_tick(&spare, program, 1);
	kill(spare.child.pid, SIGKILL);
	wait_for_death();
	cr_expect_eq(spare_take(&spare, program, 2, &got), ERR_NOENT);
	expect_no_children();
}

Test(spare, that_died_comes_again_and_not_at_once)
{
	spare_tick(&spare, program, 1);
	kill(spare.child.pid, SIGKILL);
	wait_for_death();
	spare_tick(&spare, program, 10);
	cr_expect_eq(spare.child.pid, 0);
	expect_no_children();
	spare_tick(&spare, program, 10 + SPARE_AGAIN_MS - 1);
	cr_expect_eq(spare.child.pid, 0);
	spare_tick(&spare, program, 10 + SPARE_AGAIN_MS);
	cr_expect_gt(spare.child.pid, 0);
}

Test(spare, without_a_program_is_tried_again_and_not_at_once)
{
	unlink(program);
	spare_tick(&spare, program, 1);
	cr_expect_eq(spare.child.pid, 0);
	install();
	spare_tick(&spare, program, SPARE_AGAIN_MS);
	cr_expect_eq(spare.child.pid, 0);
	spare_tick(&spare, program, 1 + SPARE_AGAIN_MS);
	cr_expect_gt(spare.child.pid, 0);
}

Test(spare, that_is_not_there_ends_without_harm)
{
	spare_end(&spare);
	spare_tick(&spare, program, 1);
	spare_end(&spare);
	spare_end(&spare);
	expect_no_children();
}
