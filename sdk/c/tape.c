/* tape.c - links and tapes of tipring.h, over common/shm. Also compiled into the Python package. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "common/shm/doorbell.h"
#include "common/shm/fdpass.h"
#include "common/shm/tape.h"
#include "sdk/c/tipring.h"

#define TAPES_MAX 4096
#define ATTACH_WAIT_MS 1000
#define ANSWER_TRIES 64
#define REST_MS 20 /* samples that do not fill a slot wait so long for others */

struct tipring_tape {
	struct tipring_link *link; /* borrowed */
	struct tape_client client; /* owned */
	uint64_t id;
	void *user;
	uint32_t pending_n; /* samples that do not fill a slot yet */
	uint32_t pending_utterance;
	uint32_t pending_epoch; /* flush epoch in which they were written */
	uint64_t pending_ms;    /* when the last of them came */
	bool wants_room;
	bool owes_slot; /* the pending samples are counted as written: the next room is theirs */
	int16_t pending[TAPE_SAMPLES_MAX];
};

struct tipring_link {
	int sock; /* owned; -1 while the media worker is away */
	int poll; /* owned: an epoll of the socket, so that users watch one descriptor however often we connect again */
	char path[108];
	struct tipring_tape **tapes; /* owned */
	int count;
	int next; /* where the last look ended: no tape is preferred */
};

/* Whatever may still come on this connection is not for the next question. */
static void drop(struct tipring_link *l)
{
	close(l->sock);
	l->sock = -1;
}

static int connect_link(struct tipring_link *l)
{
	struct epoll_event e = {.events = EPOLLIN};
	int err = fdpass_connect(l->path, &l->sock);

	if (err != 0) {
		l->sock = -1;
		return err;
	}
	if (epoll_ctl(l->poll, EPOLL_CTL_ADD, l->sock, &e) == 0)
		return 0;
	err = -errno;
	drop(l);
	return err;
}

/* Rings for other tapes may come before the answer; another one follows it (layout.h). */
static int exchange(struct tipring_link *l, uint64_t tape_id, struct fdpass_in *in)
{
	const struct tape_attach_request req = {TAPE_ATTACH_MAGIC, TAPE_ATTACH, tape_id};
	struct pollfd p = {.fd = l->sock, .events = POLLIN};
	int err = fdpass_send(l->sock, &req, sizeof req, NULL, 0);

	for (int i = 0; i < ANSWER_TRIES && err == 0; i++) {
		int ready = poll(&p, 1, ATTACH_WAIT_MS);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready != 1)
			return -ETIMEDOUT;
		err = fdpass_recv(l->sock, in);
		if (err != 0 || !doorbell_is_ring(in->p, in->n))
			return err;
	}
	return err != 0 ? err : -ETIMEDOUT;
}

/* ERR_STALE: no such tape, or (with l->sock < 0) the worker went away. */
static int ask(struct tipring_link *l, uint64_t tape_id, struct fdpass_in *in)
{
	struct tape_attach_answer *ans = in->p;
	int err = l->sock >= 0 ? exchange(l, tape_id, in) : ERR_STALE;
	bool sound = err == 0 && in->n == sizeof *ans && ans->magic == TAPE_ATTACH_MAGIC && ans->tape_id == tape_id;

	if (sound && ans->err == 0 && in->fd_count == 2)
		return 0;
	for (size_t i = 0; err == 0 && i < in->fd_count; i++)
		close(in->fds[i]);
	if (sound && ans->err != 0)
		return ans->err == ERR_NOENT ? ERR_STALE : ans->err;
	if (l->sock >= 0)
		drop(l);
	return err == -ETIMEDOUT ? err : ERR_STALE;
}

int tipring_link_open(const char *attach_path, struct tipring_link **ret)
{
	struct tipring_link *l = calloc(1, sizeof *l);
	int err;

	if (l == NULL)
		return -ENOMEM;
	l->sock = -1;
	l->poll = epoll_create1(EPOLL_CLOEXEC);
	if (l->poll < 0) {
		err = -errno;
		goto fail_poll;
	}
	if (strlen(attach_path) >= sizeof l->path) {
		err = -ENAMETOOLONG;
		goto fail_connect;
	}
	memcpy(l->path, attach_path, strlen(attach_path) + 1);
	err = connect_link(l);
	if (err != 0)
		goto fail_connect;
	*ret = l;
	return 0;

fail_connect:
	close(l->poll);
fail_poll:
	free(l);
	return err;
}

void tipring_link_close(struct tipring_link *l)
{
	if (l == NULL)
		return;
	while (l->count > 0)
		tipring_tape_detach(l->tapes[l->count - 1]);
	if (l->sock >= 0)
		close(l->sock);
	close(l->poll);
	free(l->tapes);
	free(l);
}

int tipring_link_fd(const struct tipring_link *l)
{
	return l->poll;
}

/* The memory stays mapped over a restart of media; only whom to ring for it has to be said again. */
static void reconnect(struct tipring_link *l)
{
	if (connect_link(l) != 0)
		return;
	for (int i = 0; i < l->count && l->sock >= 0; i++) {
		struct tape_attach_answer ans;
		struct fdpass_in in = {.p = &ans, .cap = sizeof ans};

		if (ask(l, l->tapes[i]->id, &in) == 0) {
			close(in.fds[0]);
			close(in.fds[1]);
		}
	}
}

static int put_slot(struct tipring_tape *t, bool end)
{
	struct tape_frame f = {
		.samples = t->pending_n, .utterance = t->pending_utterance, .epoch = t->pending_epoch, .end = end,
	};
	int err = tape_client_write(&t->client, &f, t->pending);

	if (err == 0)
		t->pending_n = 0;
	return err;
}

static int64_t full(struct tipring_tape *t, size_t taken)
{
	t->wants_room = true;
	atomic_store(&t->client.bh->wants_room, 1);
	return (int64_t)taken;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* Nothing followed, and everything before is being played: the rest is heard too. */
static void put_rest(struct tipring_tape *t)
{
	if (t->pending_n > 0 && tape_client_room(&t->client) + 1 >= t->client.tx_slots && now_ms() - t->pending_ms >= REST_MS)
		(void)tipring_tape_written(t);
}

static bool has_work(struct tipring_tape *t)
{
	put_rest(t);
	if (t->wants_room && tape_client_room(&t->client) > 0) {
		t->wants_room = false;
		atomic_store_explicit(&t->client.bh->wants_room, 0, memory_order_relaxed);
		if (t->owes_slot)
			(void)tipring_tape_written(t);
		return true;
	}
	return !tape_client_sleep(&t->client); /* false: a frame is there, or came in while arming */
}

int tipring_link_ready(struct tipring_link *l, struct tipring_tape **ret, int max)
{
	int n = 0, looked, rung = l->sock >= 0 ? doorbell_hush(l->sock) : ERR_AGAIN;

	if (rung != 0 && rung != ERR_AGAIN)
		drop(l);
	for (looked = 0; looked < l->count && n < max; looked++) {
		struct tipring_tape *t = l->tapes[(l->next + looked) % l->count];

		if (has_work(t))
			ret[n++] = t;
	}
	if (l->count > 0)
		l->next = (l->next + looked) % l->count;
	if (n == 0 && l->sock < 0)
		reconnect(l);
	return n;
}

static int grow(struct tipring_link *l)
{
	struct tipring_tape **more;

	if (l->count == TAPES_MAX)
		return -ENOSPC;
	more = realloc(l->tapes, (size_t)(l->count + 1) * sizeof(struct tipring_tape *));
	if (more == NULL)
		return -ENOMEM;
	l->tapes = more;
	return 0;
}

int tipring_tape_attach(struct tipring_link *l, uint64_t tape_id, uint32_t history, struct tipring_tape **ret)
{
	struct tape_attach_answer ans;
	struct fdpass_in in = {.p = &ans, .cap = sizeof ans};
	struct tipring_tape *t = calloc(1, sizeof *t);
	int err = t != NULL ? grow(l) : -ENOMEM;

	if (err != 0)
		goto fail;
	err = ask(l, tape_id, &in);
	if (err == ERR_STALE && l->sock < 0) { /* perhaps only the worker is new */
		reconnect(l);
		err = ask(l, tape_id, &in);
	}
	if (err != 0)
		goto fail;
	err = tape_client_open(in.fds[0], in.fds[1], history, &t->client);
	if (err != 0) {
		close(in.fds[0]);
		close(in.fds[1]);
		goto fail;
	}
	t->link = l;
	t->id = tape_id;
	l->tapes[l->count++] = t;
	*ret = t;
	return 0;

fail:
	free(t);
	return err;
}

void tipring_tape_detach(struct tipring_tape *t)
{
	struct tipring_link *l = t->link;

	for (int i = 0; i < l->count; i++) {
		if (l->tapes[i] == t) {
			l->tapes[i] = l->tapes[--l->count];
			break;
		}
	}
	tape_client_close(&t->client);
	free(t);
}

uint64_t tipring_tape_id(const struct tipring_tape *t)
{
	return t->id;
}

uint32_t tipring_tape_rate(const struct tipring_tape *t)
{
	return t->client.rate_hz;
}

uint32_t tipring_tape_frame_samples(const struct tipring_tape *t)
{
	return t->client.frame_samples;
}

uint64_t tipring_tape_lost(const struct tipring_tape *t)
{
	return t->client.lapped;
}

bool tipring_tape_closed(const struct tipring_tape *t)
{
	return tape_client_closed(&t->client);
}

void tipring_tape_set_user(struct tipring_tape *t, void *user)
{
	t->user = user;
}

void *tipring_tape_user(const struct tipring_tape *t)
{
	return t->user;
}

static int give_frame(int err, const struct tape_frame *f, struct tipring_frame *ret)
{
	if (err != 0)
		return err;
	*ret = (struct tipring_frame){
		.pos = f->pos, .mono_ns = f->mono_ns, .samples = f->samples, .kind = (uint32_t)f->kind,
		.utterance = f->utterance, .epoch = f->epoch, .due_ns = f->due_ns,
	};
	return 0;
}

int tipring_tape_read(struct tipring_tape *t, struct tipring_frame *ret, int16_t *pcm)
{
	struct tape_frame f;

	return give_frame(tape_client_read(&t->client, &f, pcm), &f, ret);
}

int tipring_tape_read_sent(struct tipring_tape *t, struct tipring_frame *ret, int16_t *pcm)
{
	struct tape_frame f;

	return give_frame(tape_client_read_sent(&t->client, &f, pcm), &f, ret);
}

int64_t tipring_tape_write(struct tipring_tape *t, const int16_t *pcm, size_t n, uint32_t utterance, bool end)
{
	uint32_t frame = t->client.frame_samples;
	size_t taken = 0;

	if (utterance == 0)
		return -EINVAL;
	if (t->pending_epoch != tape_client_epoch(&t->client)) { /* flushed meanwhile: what waited here is discarded too */
		t->pending_epoch = tape_client_epoch(&t->client);
		t->pending_n = 0;
	}
	/* samples of another utterance do not share a slot; an empty last slot is one silent sample */
	if (t->pending_n > 0 && t->pending_utterance != utterance && put_slot(t, true) != 0) {
		int64_t taken_none = full(t, 0);

		return n == 0 ? -EAGAIN : taken_none;
	}
	t->pending_utterance = utterance;

	while (taken < n) {
		size_t part = frame - t->pending_n < n - taken ? frame - t->pending_n : n - taken;
		bool last = end && taken + part == n;

		memcpy(t->pending + t->pending_n, pcm + taken, part * sizeof *pcm);
		t->pending_n += (uint32_t)part;
		if (t->pending_n < frame && !last) {
			t->pending_ms = now_ms();
			return (int64_t)n;
		}
		if (put_slot(t, last) != 0) {
			t->pending_n -= (uint32_t)part;
			return full(t, taken);
		}
		taken += part;
	}
	if (end && n == 0) {
		if (t->pending_n == 0)
			t->pending[t->pending_n++] = 0;
		if (put_slot(t, true) != 0) {
			(void)full(t, 0);
			return -EAGAIN;
		}
	}
	return (int64_t)n;
}

uint64_t tipring_tape_written(struct tipring_tape *t)
{
	if (t->pending_epoch != tape_client_epoch(&t->client))
		t->pending_n = 0; /* flushed meanwhile */
	t->owes_slot = t->pending_n > 0 && put_slot(t, false) != 0;
	if (t->owes_slot)
		(void)full(t, 0);
	return t->client.tx_head + t->owes_slot;
}

uint32_t tipring_tape_drop(struct tipring_tape *t, uint32_t *ret_utterance)
{
	uint32_t n = t->pending_epoch == tape_client_epoch(&t->client) ? t->pending_n : 0;

	*ret_utterance = t->pending_utterance;
	t->pending_n = 0;
	t->owes_slot = false;
	return n;
}

uint64_t tipring_tape_played(const struct tipring_tape *t)
{
	return t->client.tx_head - (t->client.tx_slots - tape_client_room(&t->client));
}

const char *tipring_outcome_name(uint32_t outcome)
{
	static const char *const names[] = {
		[TIPRING_NO_OUTCOME] = "no outcome", [TIPRING_ANSWERED] = "answered", [TIPRING_BUSY] = "busy",
		[TIPRING_NO_ANSWER] = "no answer", [TIPRING_REJECTED] = "rejected", [TIPRING_NOT_FOUND] = "not found",
		[TIPRING_UNREACHABLE] = "unreachable", [TIPRING_FORBIDDEN] = "forbidden", [TIPRING_CANCELLED] = "cancelled",
		[TIPRING_AUTH_FAILED] = "authentication failed", [TIPRING_MEDIA_REFUSED] = "media refused", [TIPRING_TIMEOUT] = "timeout",
		[TIPRING_TRUNK_DOWN] = "trunk down", [TIPRING_ERROR] = "error",
	};

	return outcome < sizeof names / sizeof names[0] ? names[outcome] : "error";
}

const char *tipring_strerror(int err)
{
	switch (err) {
	case TIPRING_ESYNTAX:
		return "a message that is none";
	case TIPRING_EUNSUPPORTED:
		return "not implemented by this server";
	case TIPRING_ESTALE:
		return "call, tape or connection is gone";
	case TIPRING_ECORRUPT:
		return "shared memory is no tape";
	default:
		return strerror(-err);
	}
}
