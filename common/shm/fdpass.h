/* fdpass.h - messages with descriptors on SOCK_SEQPACKET unix sockets. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "common/base/err.h"

#define FDPASS_MAX 200u /* descriptors per message; the kernel's own limit is 253 */

/* One message of 1 or more bytes, whole or not at all, never blocking. ERR_AGAIN when the
 * peer's queue is full, ERR_IO when it is gone, ERR_INVAL for an empty message or one
 * over FDPASS_MAX descriptors or the socket's size. The descriptors stay the caller's. */
MUST_USE int fdpass_send(int sock, const void *p, size_t n, const int *fds,
			 size_t fd_count);

struct fdpass_in {
	void *p; /* borrowed: where the message goes */
	size_t cap;
	size_t n;            /* out: bytes received, 0 = the peer closed */
	int fds[FDPASS_MAX]; /* out: close-on-exec, owned by the caller */
	size_t fd_count;
};

/* One message into in->p; waits when the socket is a blocking one. A truncated message is
 * ERR_SYNTAX with nothing left open. ERR_AGAIN, ERR_IO. */
MUST_USE int fdpass_recv(int sock, struct fdpass_in *in);

/* Listening (non-blocking) and connected (blocking) sockets by path. A path longer than
 * sun_path is ERR_RANGE. Listening replaces a path nobody listens on and answers
 * ERR_EXIST when someone does or when it is not a socket. Other failures are errnos. */
MUST_USE int fdpass_listen(const char *path, int mode, int *ret_fd);
MUST_USE int fdpass_connect(const char *path, int *ret_fd);
