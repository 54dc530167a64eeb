/* sockets.c - see sockets.h */
#include "control/supervisor/sockets.h"

#include <sys/resource.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int sockets_bind_udp(const struct addr *at, int rcvbuf, bool shared, int *ret_fd)
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
	if (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0)
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

int sockets_bind_unix(const char *path, int *ret_fd)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	struct stat st;
	mode_t mask;
	int fd, err;

	if (n >= sizeof at.sun_path)
		return ERR_RANGE;
	memcpy(at.sun_path, path, n);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177); /* never open to others, not for a moment */
	err = bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 ? 0 : -errno;
	(void)umask(mask);
	if (err != 0) {
		close(fd);
		return err == -EADDRINUSE ? -EEXIST : err;
	}
	*ret_fd = fd;
	return 0;
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
