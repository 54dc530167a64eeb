/* attach.c - backends come for the descriptors of their tapes (protocol: end of common/shm/layout.h). */
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/shm/doorbell.h"
#include "common/shm/fdpass.h"
#include "media/daemon/media.h"

#define REQUESTS_PER_TURN 16

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

void attach_accept(struct media *m)
{
	for (int i = 0; i < REQUESTS_PER_TURN; i++) {
		int fd = accept4(m->attach_listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		uint32_t c;

		if (fd < 0)
			return;
		c = take_row(m);
		if (c == MEDIA_CONNECTIONS_MAX || loop_watch(m->actor->loop, fd, MEDIA_TOKEN_CONNECTION | c) != 0) {
			count(m, STAT_media_attach_refused, 1);
			close(fd);
			continue;
		}
		m->connections[c] = (struct connection){.fd = fd, .doorbell = -1};
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
	if (c->doorbell >= 0)
		close(c->doorbell);
	*c = (struct connection){.fd = -1, .doorbell = -1};
}

void attach_close_all(struct media *m)
{
	for (uint32_t i = 0; i < MEDIA_CONNECTIONS_MAX; i++)
		if (m->connections[i].fd >= 0)
			hang_up(m, i);
}

/* An eventfd or nothing: a pipe would be somebody else's to fill, and ours to wait for. */
static int set_doorbell(struct connection *c, struct fdpass_in *in)
{
	int err = in->fd_count > 0 ? doorbell_check(in->fds[0]) : 0;

	for (size_t i = err == 0 ? 1 : 0; i < in->fd_count; i++)
		close(in->fds[i]);
	if (err != 0 || in->fd_count == 0)
		return err;
	if (c->doorbell >= 0)
		close(c->doorbell);
	c->doorbell = in->fds[0];
	return 0;
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

/* One request; false when there are no more. */
static bool serve(struct media *m, uint32_t i)
{
	struct connection *c = &m->connections[i];
	struct tape_attach_request req;
	struct fdpass_in in = {.p = &req, .cap = sizeof req};
	int err = fdpass_recv(c->fd, &in);
	struct media_session *ms;
	bool sound;

	if (err == ERR_AGAIN)
		return false;
	sound = err == 0 && in.n == sizeof req && req.magic == TAPE_ATTACH_MAGIC &&
		(req.op == TAPE_ATTACH || req.op == TAPE_OBSERVE);
	if (!sound) {
		for (size_t k = 0; err == 0 && k < in.fd_count; k++)
			close(in.fds[k]);
		count(m, STAT_media_attach_refused, err != 0 || in.n > 0); /* 0 octets: it closed */
		hang_up(m, i);
		return false;
	}
	if (set_doorbell(c, &in) != 0) {
		count(m, STAT_media_attach_refused, 1);
		hang_up(m, i);
		return false;
	}
	ms = sessions_by_tape(m, req.tape_id);
	count(m, STAT_media_attach_refused, ms == NULL);
	if (answer(c, ms, &req) != 0) {
		hang_up(m, i);
		return false;
	}
	if (ms != NULL && req.op == TAPE_ATTACH) {
		ms->connection = (int32_t)i;
		c->ring = true; /* what came before is waiting */
	}
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
		c->ring = false;
		if (c->fd < 0 || c->doorbell < 0)
			continue;
		doorbell_ring(c->doorbell);
		count(m, STAT_media_doorbells, 1);
	}
}
