/* attach.c - see attach.h */
#include "media/daemon/attach.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/shm/fdpass.h"
#include "media/daemon/bells.h"
#include "media/daemon/sessions.h"

#define REQUESTS_PER_TURN 16
#define RINGS_BYTES 8192 /* of the kernel's memory for a connection whose reader does not read */

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* Closing a descriptor that came along may wait as long as whoever sent it likes (SO_LINGER). Kernels before 6.16 take them, and
 * close them in our name. */
static void refuse_descriptors(int listener)
{
	if (setsockopt(listener, SOL_SOCKET, SO_PASSRIGHTS, &(int){0}, sizeof(int)) != 0)
		log_info("attach.descriptors", "refused=no hint=\"Linux 6.16 or newer lets media refuse what others pass to it\"");
}

int attach_open(struct media *m)
{
	struct custody_item item;

	bells_init(m);
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
		struct connection *c;

		if (fd < 0)
			return;
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){RINGS_BYTES}, sizeof(int));
		c = bells_take(m);
		if (c == NULL || loop_watch(m->actor->loop, fd, MEDIA_TOKEN_CONNECTION | (uint64_t)(c - m->connections)) != 0) {
			count(m, STAT_media_attach_refused, 1);
			close(fd);
			continue;
		}
		*c = (struct connection){.fd = fd};
	}
}

static int answer(struct media *m, struct connection *c, struct media_session *ms, const struct tape_attach_request *req)
{
	struct tape_attach_answer a = {TAPE_ATTACH_MAGIC, 0, req->tape_id};
	int fds[2], err;

	if (ms == NULL) {
		a.err = ERR_NOENT;
		return fdpass_send(c->fd, &a, sizeof a, NULL, 0);
	}
	fds[0] = region_reopen_readonly(&ms->tape.media);
	if (fds[0] < 0 || (req->op == TAPE_PLAY && sessions_play(m, ms) != 0)) {
		if (fds[0] >= 0)
			close(fds[0]);
		a.err = ERR_NOSPC;
		return fdpass_send(c->fd, &a, sizeof a, NULL, 0);
	}
	fds[1] = req->op == TAPE_PLAY ? ms->play.region.fd : ms->tape.backend.fd;
	err = fdpass_send(c->fd, &a, sizeof a, fds, req->op == TAPE_OBSERVE ? 1 : 2);
	close(fds[0]);
	return err;
}

static bool is_sound(const struct tape_attach_request *req, ssize_t n)
{
	return n == sizeof *req && req->magic == TAPE_ATTACH_MAGIC && req->op >= TAPE_ATTACH && req->op <= TAPE_PLAY;
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
		bells_hang_up(m, c);
		return false;
	}
	ms = sessions_by_tape(m, req.tape_id);
	count(m, STAT_media_attach_refused, ms == NULL);
	if (answer(m, c, ms, &req) != 0) {
		bells_hang_up(m, c);
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
