/* zmtp.h - a hostile peer on an ipc endpoint: frames no library would send (ZMTP 3.0, RFC
 * 23 of rfc.zeromq.org, NULL mechanism). For tests of common/bus. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ZMTP_MORE    1
#define ZMTP_LONG    2
#define ZMTP_COMMAND 4

/* A plain connection, or -1. */
static inline int zmtp_dial(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(a.sun_path, path, sizeof a.sun_path - 1);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline bool zmtp_write(int fd, const void *p, size_t n)
{
	return send(fd, p, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static inline bool zmtp_frame(int fd, uint8_t flags, const void *p, uint8_t n)
{
	uint8_t wire[2 + 255] = {flags, n};

	memcpy(wire + 2, p, n);
	return zmtp_write(fd, wire, 2u + n);
}

/* Greeting and READY with one property; the answers stay unread. */
static inline bool zmtp_hello(int fd, const char *type)
{
	static const uint8_t greeting[64] = {0xff, [9] = 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
	uint8_t ready[64] = "\5READY\13Socket-Type\0\0\0";
	size_t n = 6 + 12 + 3;

	ready[n++] = (uint8_t)strlen(type);
	memcpy(ready + n, type, strlen(type));
	n += strlen(type);
	if (!zmtp_write(fd, greeting, sizeof greeting) ||
	    !zmtp_frame(fd, ZMTP_COMMAND, ready, (uint8_t)n))
		return false;
	usleep(50000); /* libzmq 4.3.4 may hang up on frames that come along with READY */
	return true;
}
