/* test_lifeline.c - mirrors common/shm/lifeline.c. The holder is a process of its own. */
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/shm/lifeline.h"

#define ROUNDS 200

struct shared {
	lifeline_word word;
	_Atomic uint32_t written;
};

static struct shared *shared;
static int wire[2];

static void setup(void)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(shared, MAP_FAILED);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, wire), 0);
}

TestSuite(lifeline, .init = setup);

enum end { LETS_GO, EXITS, CRASHES, WORKS };

/* The work of a session: what is written is told, without an end. */
static void work(void)
{
	for (uint32_t n = 1;; n++) {
		atomic_store(&shared->written, n);
		(void)!send(wire[1], &n, sizeof n, 0);
	}
}

static pid_t holder(enum end end)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (lifeline_hold(&shared->word) != 0)
		_exit(1);
	if (end == LETS_GO)
		lifeline_let_go();
	if (end == CRASHES)
		abort();
	if (end == WORKS)
		work();
	_exit(0);
}

static uint32_t await_holder(void)
{
	while (lifeline_holder(&shared->word) == 0)
		sched_yield();
	return lifeline_holder(&shared->word);
}

static void await_break(uint32_t who)
{
	while (lifeline_holder(&shared->word) == who)
		lifeline_wait(&shared->word, who, 10000);
}

static void reap(pid_t pid)
{
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

Test(lifeline, every_death_breaks_it)
{
	for (enum end end = EXITS; end <= CRASHES; end++) {
		pid_t pid = holder(end);

		reap(pid);
		cr_assert_eq(lifeline_holder(&shared->word), 0);
		cr_assert(lifeline_is_broken(&shared->word, (uint32_t)pid));
		cr_assert_not(lifeline_is_broken(&shared->word, 0));
	}
}

Test(lifeline, who_lets_go_leaves_no_mark)
{
	pid_t pid = holder(LETS_GO);

	reap(pid);
	cr_assert_eq(shared->word, 0);
	cr_assert_not(lifeline_is_broken(&shared->word, (uint32_t)pid));
	lifeline_let_go(); /* nothing held */
}

/* What its successor relies on: when the word tells, the last store and the last packet have been. */
Test(lifeline, nothing_is_written_or_sent_when_it_is_broken)
{
	uint32_t got;

	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid = holder(WORKS);
		uint32_t who = await_holder(), written;

		while (atomic_load(&shared->written) < (uint32_t)(i % 7) * 10u)
			while (recv(wire[0], &got, sizeof got, 0) > 0)
				;
		kill(pid, SIGKILL);
		await_break(who);
		cr_assert(lifeline_is_broken(&shared->word, who));
		written = atomic_load(&shared->written);
		while (recv(wire[0], &got, sizeof got, 0) > 0)
			cr_assert_leq(got, written);
		reap(pid);
		cr_assert_eq(atomic_load(&shared->written), written);
		cr_assert_lt(recv(wire[0], &got, sizeof got, 0), 0);
		atomic_store(&shared->written, 0);
		atomic_store(&shared->word, 0);
	}
}

/* A container's worker and a supervisor outside have different ids for it. */
Test(lifeline, the_holder_may_have_a_pid_namespace_of_its_own)
{
	uint32_t who;
	pid_t pid, there = fork();

	if (there == 0) {
		if (unshare(CLONE_NEWPID) != 0)
			_exit(77);
		pid = holder(WORKS);
		who = await_holder();
		kill(pid, SIGKILL);
		await_break(who);
		_exit((who & 0xffff) == 1 && lifeline_is_broken(&shared->word, who) ? 0 : 1);
	}
	int status;
	cr_assert_eq(waitpid(there, &status, 0), there);
	cr_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		cr_skip_test("namespaces are not ours to make");
	cr_assert_eq(WEXITSTATUS(status), 0);
}
