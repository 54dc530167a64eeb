/* fdpass.c - see fdpass.h */
#include "common/shm/fdpass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

/* room for the control message of FDPASS_MAX descriptors, aligned as one */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
};

static int send_err(int err)
{
	switch (err) {
	case EAGAIN:
	case ENOBUFS:
	case ETOOMANYREFS: /* too many descriptors on their way; they will arrive */
		return ERR_AGAIN;
	case EMSGSIZE:
	case EBADF:
		return ERR_INVAL;
	default:
		return ERR_IO;
	}
}

int fdpass_send(int sock, const void *p, size_t n, const int *fds, size_t fd_count)
{
	char bytes[1];
	struct iovec iov = {bytes, n};
	union control control = {.bytes = {0}};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t sent;

	if (n == 0 || fd_count > FDPASS_MAX)
		return ERR_INVAL;
	memcpy(&iov.iov_base, &p, sizeof p); /* iovec knows no const */

	if (fd_count > 0) {
		struct cmsghdr *c = &control.align;

		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(fd_count * sizeof *fds);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fd_count * sizeof *fds);
		memcpy(CMSG_DATA(c), fds, fd_count * sizeof *fds);
	}

	do {
		sent = sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);

	return sent < 0 ? send_err(errno) : 0;
}

/* Collect the descriptors the kernel already installed. */
static void fds_take(struct msghdr *m, struct fdpass_in *in)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof in->fds[0];

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n && in->fd_count < FDPASS_MAX; i++)
			memcpy(&in->fds[in->fd_count++], CMSG_DATA(c) + i * sizeof(int),
			       sizeof(int));
	}
}

static void fds_drop(struct fdpass_in *in)
{
	while (in->fd_count > 0)
		close(in->fds[--in->fd_count]);
}

int fdpass_recv(int sock, struct fdpass_in *in)
{
	struct iovec iov = {in->p, in->cap};
	union control control;
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof control};
	ssize_t n;

	in->n = 0;
	in->fd_count = 0;

	do {
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? ERR_AGAIN : ERR_IO;

	fds_take(&m, in);
	if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		fds_drop(in);
		return ERR_SYNTAX;
	}
	if (n == 0) /* the end; an empty message can not be told from it */
		fds_drop(in);

	in->n = (size_t)n;
	return 0;
}

static int address_of(const char *path, struct sockaddr_un *ret)
{
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof ret->sun_path)
		return ERR_RANGE;

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, path, n);
	return 0;
}

static int socket_open(int flags)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);

	return fd < 0 ? -errno : fd;
}

/* Remove a socket path nobody listens on any more. */
static int stale_remove(const struct sockaddr_un *a)
{
	struct stat st;
	int refused;
	int fd;

	if (lstat(a->sun_path, &st) != 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return ERR_EXIST;

	fd = socket_open(SOCK_NONBLOCK);
	if (fd < 0)
		return fd;
	refused = connect(fd, (const struct sockaddr *)a, sizeof *a) != 0 &&
		  errno == ECONNREFUSED;
	close(fd);

	if (!refused)
		return ERR_EXIST;
	return unlink(a->sun_path) == 0 ? 0 : -errno;
}

int fdpass_listen(const char *path, int mode, int *ret_fd)
{
	struct sockaddr_un a;
	int err;
	int fd;

	err = address_of(path, &a);
	if (err != 0)
		return err;

	fd = socket_open(SOCK_NONBLOCK);
	if (fd < 0)
		return fd;

	err = bind(fd, (const struct sockaddr *)&a, sizeof a) == 0 ? 0 : -errno;
	if (err == -EADDRINUSE) {
		err = stale_remove(&a);
		if (err == 0 && bind(fd, (const struct sockaddr *)&a, sizeof a) != 0)
			err = -errno;
	}
	if (err != 0)
		goto fail;

	/* nobody can connect before listen(), so the mode is never too wide */
	if (chmod(path, (mode_t)mode) != 0 || listen(fd, BACKLOG) != 0) {
		err = -errno;
		goto fail;
	}

	*ret_fd = fd;
	return 0;

fail:
	close(fd);
	return err;
}

int fdpass_connect(const char *path, int *ret_fd)
{
	struct sockaddr_un a;
	int err;
	int fd;

	err = address_of(path, &a);
	if (err != 0)
		return err;

	fd = socket_open(0);
	if (fd < 0)
		return fd;

	if (connect(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
		err = -errno;
		close(fd);
		return err;
	}

	*ret_fd = fd;
	return 0;
}
