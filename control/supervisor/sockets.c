/* sockets.c - see sockets.h */
#include "control/supervisor/sockets.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

int sockets_bind_udp(const struct addr *at, int rcvbuf, int *ret_fd)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(at, &ss);
	const int one = 1;
	int fd, err;

	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;

	/* so that 0.0.0.0 and :: can be bound side by side */
	if (at->family == ADDR_V6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0)
		goto fail;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf); /* best effort: capped by rmem_max */
	if (bind(fd, (struct sockaddr *)&ss, len) != 0)
		goto fail;

	*ret_fd = fd;
	return 0;

fail:
	err = -errno;
	close(fd);
	return err;
}

int sockets_allow(uint64_t count, uint64_t *ret_limit)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return -errno;
	if (lim.rlim_cur >= count)
		return 0;

	*ret_limit = lim.rlim_max;
	if (lim.rlim_max < count)
		return ERR_NOSPC;
	lim.rlim_cur = count;
	return setrlimit(RLIMIT_NOFILE, &lim) == 0 ? 0 : -errno;
}
