/* taps.c - see taps.h */
#include "media/files/taps.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/shm/doorbell.h"
#include "common/shm/fdpass.h"

void taps_hang_up(struct files *f, struct recording *r)
{
	if (r->sock < 0)
		return;
	loop_unwatch(f->actor->loop, r->sock);
	close(r->sock);
	r->sock = -1;
}

int taps_ask(struct files *f, struct recording *r, uint64_t token)
{
	const struct tape_attach_request req = {TAPE_ATTACH_MAGIC, TAPE_OBSERVE, r->tape_id};
	int err = fdpass_connect(r->attach_path, &r->sock);

	if (err != 0) {
		r->sock = -1;
		return err;
	}
	(void)fcntl(r->sock, F_SETFL, O_NONBLOCK);
	err = loop_watch(f->actor->loop, r->sock, token);
	if (err != 0) {
		close(r->sock);
		r->sock = -1;
		return err;
	}
	err = fdpass_send(r->sock, &req, sizeof req, NULL, 0);
	if (err != 0)
		taps_hang_up(f, r);
	return err;
}

static bool is_answer(const struct fdpass_in *in, const struct tape_attach_answer *a, uint64_t tape_id)
{
	return in->n == sizeof *a && a->magic == TAPE_ATTACH_MAGIC && a->tape_id == tape_id;
}

int taps_take(struct files *f, struct recording *r)
{
	struct tape_attach_answer a;
	struct fdpass_in in = {.p = &a, .cap = sizeof a};
	int err = fdpass_recv(r->sock, &in);

	if (err == ERR_AGAIN || (err == 0 && doorbell_is_ring(in.p, in.n)))
		return ERR_AGAIN;
	if (err == 0)
		err = !is_answer(&in, &a, r->tape_id) ? ERR_IO : a.err != 0 ? a.err : in.fd_count != 1 ? ERR_IO : 0;
	if (err == 0) {
		err = tape_client_open(in.fds[0], -1, TAPS_HISTORY, &r->tape);
		in.fd_count = err == 0 ? 0 : in.fd_count;
	}
	for (size_t i = 0; i < in.fd_count; i++)
		close(in.fds[i]);
	taps_hang_up(f, r);
	return err;
}
