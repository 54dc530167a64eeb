/* test_sockets.c - mirrors control/supervisor/sockets.c */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/supervisor/sockets.h"

static char dir[] = "/tmp/test-sockets-XXXXXX";
static char path[64];

static void begin(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/one", dir);
}

static void end(void)
{
	(void)unlink(path);
	(void)rmdir(dir);
}

TestSuite(sockets_unix, .init = begin, .fini = end);

Test(sockets_unix, is_of_this_user_alone_and_takes_the_place_of_another)
{
	struct stat st;
	int one, two;

	cr_assert_eq(sockets_bind_unix(path, &one), 0);
	cr_assert_eq(lstat(path, &st), 0);
	cr_expect(S_ISSOCK(st.st_mode));
	cr_expect_eq(st.st_mode & 0777, 0600u);
	cr_assert_eq(sockets_bind_unix(path, &two), 0, "of a predecessor");
	cr_expect_eq(fcntl(two, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	close(one);
	close(two);
}

Test(sockets_unix, what_is_no_socket_stays)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600), none;

	cr_assert_geq(fd, 0);
	close(fd);
	cr_expect_eq(sockets_bind_unix(path, &none), ERR_EXIST);
	cr_expect_eq(access(path, F_OK), 0);
}

Test(sockets_unix, a_path_that_is_too_long)
{
	char text[200];
	int none;

	memset(text, 'x', sizeof text);
	text[108] = '\0';
	cr_expect_eq(sockets_bind_unix(text, &none), ERR_RANGE);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	struct addr a;

	cr_assert_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	cr_assert_eq(addr_from_sockaddr(&ss, &a), 0);
	return a.port;
}

Test(sockets_udp, shared_with_those_who_share)
{
	struct addr at;
	int one, two, none;

	cr_assert_eq(addr_parse_ip(STR("127.0.0.1"), &at), 0);
	cr_assert_eq(sockets_bind_udp(&at, 4096, true, &one), 0);
	at.port = port_of(one);
	cr_assert_eq(sockets_bind_udp(&at, 4096, true, &two), 0);
	cr_expect_eq(sockets_bind_udp(&at, 4096, false, &none), -EADDRINUSE);
	close(two);
	close(one);
	cr_assert_eq(sockets_bind_udp(&at, 4096, false, &one), 0);
	cr_expect_eq(sockets_bind_udp(&at, 4096, true, &none), -EADDRINUSE);
	close(one);
}
