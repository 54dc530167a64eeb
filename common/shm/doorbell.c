/* doorbell.c - see doorbell.h */
#include "common/shm/doorbell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int doorbell_open(int *ret_fd)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		return -errno;

	*ret_fd = fd;
	return 0;
}

int doorbell_check(int fd)
{
	static const char eventfd_is[] = "anon_inode:[eventfd]";
	char path[32];
	char target[sizeof eventfd_is] = "";
	ssize_t n;
	int flags;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof target);
	if (n != (ssize_t)sizeof eventfd_is - 1 ||
	    memcmp(target, eventfd_is, (size_t)n) != 0)
		return ERR_INVAL;

	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return -errno;
	return 0;
}

void doorbell_ring(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	uint64_t one = 1;
	ssize_t n = 0;

	/* whether a write waits is a flag of the file, which the other side shares and may have changed */
	if (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0)
		n = write(fd, &one, sizeof one);
	(void)n;
}

void doorbell_hush(int fd)
{
	uint64_t rings;
	ssize_t n = read(fd, &rings, sizeof rings);

	(void)n;
}
