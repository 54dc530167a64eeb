/* attach.c - backends come for the descriptors of their tapes (protocol: end of common/shm/layout.h). */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/shm/doorbell.h"
#include "common/shm/fdpass.h"
#include "media/daemon/media.h"

#define REQUESTS_PER_TURN 16
#define RINGS_BYTES 8192 /* of the kernel's memory for a connection whose reader does not read */

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

static void hang_up(struct media *m, uint32_t i);

static bool is_needed(struct media *m, uint32_t connection)
{
	struct media_session *ms;
	uint32_t at = 0;

	while ((ms = pool_each(&m->sessions, &at)) != NULL)
		if (ms->connection == (int32_t)connection)
			return true;
	return false;
}

/* A free row; when there is none, that of a connection no tape is attached over: who needs it connects again. */
static uint32_t take_row(struct media *m)
{
	for (uint32_t c = 0; c < MEDIA_CONNECTIONS_MAX; c++)
		if (m->connections[c].fd < 0)
			return c;
	for (uint32_t k = 0; k < MEDIA_CONNECTIONS_MAX; k++) {
		uint32_t c = m->connection_next++ % MEDIA_CONNECTIONS_MAX;

		if (is_needed(m, c))
			continue;
		hang_up(m, c);
		return c;
	}
	return MEDIA_CONNECTIONS_MAX;
}

/* Closing a descriptor that came along may wait as long as whoever sent it likes (SO_LINGER). Kernels before 6.16 take them, and
 * close them in our name. */
static void refuse_descriptors(int listener)
{
	if (setsockopt(listener, SOL_SOCKET, SO_PASSRIGHTS, &(int){0}, sizeof(int)) != 0)
		log_info("attach.descriptors", "reason=%s hint=\"Linux 6.16 or newer lets media refuse them\"", err_name(-errno));
}

int attach_open(struct media *m)
{
	struct custody_item item;

	for (uint32_t i = 0; i < MEDIA_CONNECTIONS_MAX; i++)
		m->connections[i] = (struct connection){.fd = -1};
	m->attach_listener = -1;
	if (custody_item(m->actor->custody, CUSTODY_ATTACH_LISTENER, 0, &item) != 0)
		return ERR_NOENT;
	m->attach_listener = item.fd;
	refuse_descriptors(item.fd);
	return loop_watch(m->actor->loop, item.fd, MEDIA_TOKEN_LISTENER);
}

void attach_accept(struct media *m)
{
	for (int i = 0; i < REQUESTS_PER_TURN; i++) {
		int fd = accept4(m->attach_listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		uint32_t c;

		if (fd < 0)
			return;
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){RINGS_BYTES}, sizeof(int));
		c = take_row(m);
		if (c == MEDIA_CONNECTIONS_MAX || loop_watch(m->actor->loop, fd, MEDIA_TOKEN_CONNECTION | c) != 0) {
			count(m, STAT_media_attach_refused, 1);
			close(fd);
			continue;
		}
		m->connections[c] = (struct connection){.fd = fd};
	}
}

static void hang_up(struct media *m, uint32_t i)
{
	struct connection *c = &m->connections[i];
	struct media_session *ms;
	uint32_t at = 0;

	while ((ms = pool_each(&m->sessions, &at)) != NULL)
		if (ms->connection == (int32_t)i)
			ms->connection = -1;
	loop_unwatch(m->actor->loop, c->fd);
	close(c->fd);
	*c = (struct connection){.fd = -1};
}

void attach_close_all(struct media *m)
{
	for (uint32_t i = 0; i < MEDIA_CONNECTIONS_MAX; i++)
		if (m->connections[i].fd >= 0)
			hang_up(m, i);
}

static int answer(struct connection *c, struct media_session *ms, const struct tape_attach_request *req)
{
	struct tape_attach_answer a = {TAPE_ATTACH_MAGIC, 0, req->tape_id};
	bool owner = req->op == TAPE_ATTACH;
	int fds[2], err;

	if (ms == NULL) {
		a.err = ERR_NOENT;
		return fdpass_send(c->fd, &a, sizeof a, NULL, 0);
	}
	fds[0] = region_reopen_readonly(&ms->tape.media);
	if (fds[0] < 0) {
		a.err = ERR_NOSPC;
		return fdpass_send(c->fd, &a, sizeof a, NULL, 0);
	}
	fds[1] = ms->tape.backend.fd;
	err = fdpass_send(c->fd, &a, sizeof a, fds, owner ? 2 : 1);
	close(fds[0]);
	return err;
}

static bool is_sound(const struct tape_attach_request *req, ssize_t n)
{
	return n == sizeof *req && req->magic == TAPE_ATTACH_MAGIC && (req->op == TAPE_ATTACH || req->op == TAPE_OBSERVE);
}

/* One request; false when there are no more. */
static bool serve(struct media *m, uint32_t i)
{
	struct connection *c = &m->connections[i];
	struct tape_attach_request req;
	ssize_t n = recv(c->fd, &req, sizeof req, MSG_DONTWAIT | MSG_TRUNC);
	struct media_session *ms;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (!is_sound(&req, n)) {
		count(m, STAT_media_attach_refused, n > 0); /* 0 octets: it closed */
		hang_up(m, i);
		return false;
	}
	ms = sessions_by_tape(m, req.tape_id);
	count(m, STAT_media_attach_refused, ms == NULL);
	if (answer(c, ms, &req) != 0) {
		hang_up(m, i);
		return false;
	}
	c->ring = true; /* what came before is waiting */
	if (ms != NULL && req.op == TAPE_ATTACH)
		ms->connection = (int32_t)i;
	return true;
}

void attach_request(struct media *m, uint32_t connection)
{
	for (int i = 0; i < REQUESTS_PER_TURN && m->connections[connection].fd >= 0; i++)
		if (!serve(m, connection))
			return;
}

/* hot */
void attach_ring(struct media *m)
{
	for (uint32_t i = 0; i < MEDIA_CONNECTIONS_MAX; i++) {
		struct connection *c = &m->connections[i];

		if (!c->ring)
			continue;
		c->ring = c->fd >= 0 && doorbell_ring(c->fd) == ERR_AGAIN; /* again next turn: a reader may forget rings before an answer */
		count(m, STAT_media_doorbells, !c->ring);
	}
}
