/* sink.c - see sink.h */
#include "common/base/sink.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_again(int fd)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

void sink_open(struct sink *s, int fd)
{
	struct stat st;

	*s = (struct sink){.fd = fd, .kind = SINK_FILE};
	if (fstat(fd, &st) != 0 || S_ISREG(st.st_mode))
		return;
	if (S_ISSOCK(st.st_mode)) {
		s->kind = SINK_SOCKET;
		return;
	}
	s->kind = SINK_SHARED;
	fd = open_again(fd);
	if (fd >= 0)
		*s = (struct sink){.fd = fd, .kind = SINK_OWN};
}

void sink_close(struct sink *s)
{
	if (s->kind == SINK_OWN)
		close(s->fd);
	*s = (struct sink){.fd = -1, .kind = SINK_FILE};
}

/* Half of a pipe is more than all our processes write between looking and writing. */
static bool has_room(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int size = fcntl(fd, F_GETPIPE_SZ), used = 0;

	if (poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0)
		return false;
	return size < 0 || (ioctl(fd, FIONREAD, &used) == 0 && used <= size / 2); /* a terminal has no size */
}

static ssize_t put(const struct sink *s, const char *p, size_t n)
{
	if (s->kind == SINK_SOCKET)
		return send(s->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (s->kind == SINK_SHARED && !has_room(s->fd))
		return -1;
	return write(s->fd, p, n);
}

bool sink_put(struct sink *s, const char *line, size_t n)
{
	ssize_t done;

	if (s->torn && put(s, "\n", 1) != 1)
		return false;
	done = put(s, line, n);
	s->torn = done > 0 && (size_t)done < n;
	return done == (ssize_t)n;
}
