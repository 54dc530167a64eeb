/* test_store.c - mirrors control/supervisor/store.c */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/shm/fdpass.h"
#include "control/supervisor/store.h"

static int ours, theirs;

static void open_pair(void)
{
	int s[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s), 0);
	ours = s[0];
	theirs = s[1];
}

static void close_pair(void)
{
	close(ours);
	close(theirs);
}

TestSuite(supervisor_store, .init = open_pair, .fini = close_pair);

static const char go[] = "go";
static const struct store_message message = {go, sizeof go, NULL, 0};

static void fill(void)
{
	char bytes[512] = {0};

	while (fdpass_send(ours, bytes, sizeof bytes, NULL, 0) == 0)
		;
	while (fdpass_send(ours, go, 1, NULL, 0) == 0)
		;
}

/* A process that starts reads what it is given, until the message. */
static void *starts(void *self)
{
	char bytes[512] = {0};

	(void)self;
	while (strcmp(bytes, go) != 0)
		if (recv(theirs, bytes, sizeof bytes, 0) < 0)
			usleep(1000);
	return NULL;
}

Test(supervisor_store, a_full_socket_is_waited_for, .timeout = 20)
{
	pthread_t process;

	fill();
	cr_assert_eq(pthread_create(&process, NULL, starts, NULL), 0);
	cr_expect_eq(store_send(ours, &message), 0);
	cr_assert_eq(pthread_join(process, NULL), 0);
}

Test(supervisor_store, who_never_reads_is_given_up, .timeout = 20)
{
	fill();
	cr_expect_eq(store_send(ours, &message), ERR_AGAIN);
}

Test(supervisor_store, who_is_dead_is_not_waited_for, .timeout = 20)
{
	close(theirs);
	theirs = -1;
	cr_expect_eq(store_send(ours, &message), ERR_IO);
}
