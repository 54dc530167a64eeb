/* taps.c - see taps.h */
#include "media/files/taps.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/shm/doorbell.h"
#include "common/shm/fdpass.h"

void taps_hang_up(struct files *f, struct tap *t)
{
	if (t->sock < 0)
		return;
	loop_unwatch(f->actor->loop, t->sock);
	close(t->sock);
	t->sock = -1;
}

int taps_ask(struct files *f, struct tap *t, uint32_t op, uint64_t token)
{
	const struct tape_attach_request req = {TAPE_ATTACH_MAGIC, op, t->tape_id};
	int err = fdpass_connect(t->attach_path, &t->sock);

	if (err != 0) {
		t->sock = -1;
		return err;
	}
	(void)fcntl(t->sock, F_SETFL, O_NONBLOCK);
	err = loop_watch(f->actor->loop, t->sock, token);
	if (err != 0) {
		close(t->sock);
		t->sock = -1;
		return err;
	}
	err = fdpass_send(t->sock, &req, sizeof req, NULL, 0);
	if (err != 0)
		taps_hang_up(f, t);
	return err;
}

static bool is_answer(const struct fdpass_in *in, const struct tape_attach_answer *a, uint64_t tape_id)
{
	return in->n == sizeof *a && a->magic == TAPE_ATTACH_MAGIC && a->tape_id == tape_id;
}

int taps_take(struct files *f, struct tap *t, int *ret_fds, size_t n)
{
	struct tape_attach_answer a;
	struct fdpass_in in = {.p = &a, .cap = sizeof a};
	int err = fdpass_recv(t->sock, &in);

	if (err == ERR_AGAIN || (err == 0 && doorbell_is_ring(in.p, in.n)))
		return ERR_AGAIN;
	if (err == 0)
		err = !is_answer(&in, &a, t->tape_id) ? ERR_IO : a.err != 0 ? a.err : in.fd_count != n ? ERR_IO : 0;
	for (size_t i = 0; i < in.fd_count; i++) {
		if (err == 0)
			ret_fds[i] = in.fds[i];
		else
			close(in.fds[i]);
	}
	taps_hang_up(f, t);
	return err;
}
