/* test_fdpass.c - mirrors common/shm/fdpass.c */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/shm/fdpass.h"

struct pair {
	int a;
	int b;
};

static struct pair pair_open(void)
{
	int s[2];

	cr_assert_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s),
		0);
	return (struct pair){s[0], s[1]};
}

static unsigned open_count(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	cr_assert_not_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

Test(shm_fdpass, carries_bytes_and_descriptors)
{
	struct pair p = pair_open();
	char text[16];
	struct fdpass_in in = {.p = text, .cap = sizeof text};
	int pipes[2];
	char c = 0;

	cr_assert_eq(pipe(pipes), 0);
	cr_assert_eq(fdpass_send(p.a, "hello", 5, &pipes[1], 1), 0);
	close(pipes[1]);
	cr_assert_eq(fdpass_recv(p.b, &in), 0);
	cr_expect_eq(in.n, 5u);
	cr_expect_eq(memcmp(text, "hello", 5), 0);
	cr_assert_eq(in.fd_count, 1u);
	cr_expect(fcntl(in.fds[0], F_GETFD) & FD_CLOEXEC);
	cr_expect_eq(write(in.fds[0], "x", 1), 1);
	cr_expect_eq(read(pipes[0], &c, 1), 1);
	cr_expect_eq(c, 'x');
}

Test(shm_fdpass, carries_the_most_descriptors_and_no_more)
{
	struct pair p = pair_open();
	char text[4];
	struct fdpass_in in = {.p = text, .cap = sizeof text};
	int fds[FDPASS_MAX + 1];

	for (unsigned i = 0; i <= FDPASS_MAX; i++)
		fds[i] = p.a;
	cr_expect_eq(fdpass_send(p.a, "x", 1, fds, FDPASS_MAX + 1), ERR_INVAL);
	cr_expect_eq(fdpass_recv(p.b, &in), ERR_AGAIN, "something was sent");

	cr_assert_eq(fdpass_send(p.a, "x", 1, fds, FDPASS_MAX), 0);
	cr_assert_eq(fdpass_recv(p.b, &in), 0);
	cr_assert_eq(in.fd_count, FDPASS_MAX);
	for (unsigned i = 0; i < FDPASS_MAX; i++)
		cr_expect_geq(fcntl(in.fds[i], F_GETFD), 0);
}

/* A peer that does not use fdpass_send() may pass up to 253. */
static void send_raw(int sock, size_t n, size_t fd_count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(253 * sizeof(int))];
	} control = {.bytes = {0}};
	char zeros[64] = {0};
	struct iovec iov = {zeros, n};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = CMSG_SPACE(fd_count * sizeof(int))};
	int fds[253];

	for (size_t i = 0; i < 253; i++)
		fds[i] = sock;
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
	memcpy(CMSG_DATA(&control.align), fds, fd_count * sizeof(int));
	cr_assert_eq(sendmsg(sock, &m, 0), (ssize_t)n);
}

Test(shm_fdpass, truncation_leaks_nothing)
{
	static const struct {
		const char *why;
		size_t n;
		size_t fd_count;
	} cases[] = {
		{"too many bytes", 9, 0},
		{"too many bytes, with descriptors", 9, 3},
		{"too many descriptors", 8, FDPASS_MAX + 1},
		{"the kernel's most descriptors", 8, 253},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pair p = pair_open();
		char text[8];
		struct fdpass_in in = {.p = text, .cap = sizeof text};
		unsigned before = open_count();

		if (cases[i].fd_count > 0)
			send_raw(p.a, cases[i].n, cases[i].fd_count);
		else
			cr_assert_eq(fdpass_send(p.a, "123456789", cases[i].n, NULL, 0),
				     0);
		cr_expect_eq(fdpass_recv(p.b, &in), ERR_SYNTAX, "%s", cases[i].why);
		cr_expect_eq(in.fd_count, 0u, "%s", cases[i].why);
		cr_expect_eq(open_count(), before, "%s: leaked", cases[i].why);
		close(p.a);
		close(p.b);
	}
}

Test(shm_fdpass, no_descriptor_left_is_a_truncation)
{
	struct pair p = pair_open();
	char text[8];
	struct fdpass_in in = {.p = text, .cap = sizeof text};
	int fds[3] = {p.a, p.a, p.a};
	unsigned before = open_count();
	int lowest = fcntl(p.b, F_DUPFD, 0); /* of those that are free, whatever we inherited */
	struct rlimit limit = {(rlim_t)lowest + 1, (rlim_t)lowest + 1}; /* it alone is left */

	close(lowest);
	cr_assert_eq(fdpass_send(p.a, "x", 1, fds, 3), 0);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(fdpass_recv(p.b, &in), ERR_SYNTAX);
	cr_expect_eq(open_count(), before);
}

Test(shm_fdpass, empty_message_leaks_nothing)
{
	struct pair p = pair_open();
	char text[8];
	struct fdpass_in in = {.p = text, .cap = sizeof text};
	unsigned before = open_count();

	cr_expect_eq(fdpass_send(p.a, "", 0, NULL, 0), ERR_INVAL);
	send_raw(p.a, 0, 2);
	cr_assert_eq(fdpass_recv(p.b, &in), 0);
	cr_expect_eq(in.n, 0u);
	cr_expect_eq(in.fd_count, 0u);
	cr_expect_eq(open_count(), before);
}

Test(shm_fdpass, closed_peer)
{
	struct pair p = pair_open();
	char text[8];
	struct fdpass_in in = {.p = text, .cap = sizeof text, .n = 5};

	cr_expect_eq(fdpass_recv(p.b, &in), ERR_AGAIN);
	close(p.a);
	cr_expect_eq(fdpass_recv(p.b, &in), 0);
	cr_expect_eq(in.n, 0u);
	cr_expect_eq(fdpass_send(p.b, "x", 1, NULL, 0), ERR_IO, "and no SIGPIPE");
	cr_expect_eq(fdpass_recv(-1, &in), ERR_IO);
}

Test(shm_fdpass, full_queue_is_again, .timeout = 120)
{
	struct pair p = pair_open();
	char bytes[1024] = {0};
	int err = 0;

	cr_assert_eq(fcntl(p.a, F_SETFL, 0), 0); /* a blocking socket does not block */
	for (int i = 0; i < 100000 && err == 0; i++)
		err = fdpass_send(p.a, bytes, sizeof bytes, NULL, 0);
	cr_expect_eq(err, ERR_AGAIN);
}

Test(shm_fdpass, oversized_message_is_invalid)
{
	struct pair p = pair_open();
	size_t n = 16u << 20;
	char *bytes = calloc(1, n);

	cr_assert_not_null(bytes);
	cr_expect_eq(fdpass_send(p.a, bytes, n, NULL, 0), ERR_INVAL);
	free(bytes);
}

static char dir[] = "/tmp/fdpass-XXXXXX";

static void path_in(char *out, size_t cap, const char *name)
{
	snprintf(out, cap, "%s/%s", dir, name);
}

static void dir_make(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void dir_remove(void)
{
	char path[64];

	path_in(path, sizeof path, "s");
	unlink(path);
	rmdir(dir);
}

TestSuite(shm_fdpass_path, .init = dir_make, .fini = dir_remove);

Test(shm_fdpass_path, connects_and_talks)
{
	char path[64], text[8];
	struct fdpass_in in = {.p = text, .cap = sizeof text};
	struct stat st;
	int listener, client, server;

	path_in(path, sizeof path, "s");
	cr_expect_eq(fdpass_connect(path, &client), ERR_NOENT);
	cr_assert_eq(fdpass_listen(path, 0620, &listener), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0620u);
	cr_assert_eq(fdpass_connect(path, &client), 0);
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	cr_assert_geq(server, 0);
	cr_assert_eq(fdpass_send(client, "hi", 2, NULL, 0), 0);
	cr_assert_eq(fdpass_recv(server, &in), 0);
	cr_expect_eq(in.n, 2u);
	cr_expect_lt(accept4(listener, NULL, NULL, 0), 0, "listener blocks");
}

Test(shm_fdpass_path, replaces_a_dead_listener_only)
{
	char path[64];
	int first, second, untouched = 42;

	path_in(path, sizeof path, "s");
	cr_assert_eq(fdpass_listen(path, 0600, &first), 0);
	cr_expect_eq(fdpass_listen(path, 0600, &untouched), ERR_EXIST, "it is alive");
	cr_expect_eq(untouched, 42);
	close(first);
	cr_assert_eq(fdpass_listen(path, 0600, &second), 0);
	cr_expect_eq(fdpass_connect(path, &first), 0);
}

Test(shm_fdpass_path, leaves_a_file_alone)
{
	char path[64];
	int fd;

	path_in(path, sizeof path, "s");
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	cr_expect_eq(fdpass_listen(path, 0600, &fd), ERR_EXIST);
	cr_expect_eq(access(path, F_OK), 0);
}

Test(shm_fdpass_path, path_lengths)
{
	char path[200];
	int fd;

	memset(path, 'x', sizeof path);
	path[108] = '\0';
	cr_expect_eq(fdpass_listen(path, 0600, &fd), ERR_RANGE);
	cr_expect_eq(fdpass_connect(path, &fd), ERR_RANGE);
	cr_expect_eq(fdpass_connect("", &fd), ERR_RANGE);
	path[107] = '\0';
	cr_expect_eq(fdpass_connect(path, &fd), ERR_NOENT);
}
