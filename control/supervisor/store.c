/* store.c - see store.h */
#include "control/supervisor/store.h"

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/shm/fdpass.h"

/* a process that reads nothing for this long while starting is broken */
#define GIVE_TRIES 20
#define GIVE_WAIT_MS 50

void store_init(struct store *s)
{
	*s = (struct store){.v = NULL};
}

void store_fini(struct store *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		close(s->v[i].fd);
	free(s->v);
	*s = (struct store){.v = NULL};
}

static int grow(struct store *s)
{
	uint32_t cap = s->cap == 0 ? 256 : s->cap * 2;
	struct store_item *v;

	if (s->count >= CUSTODY_ITEMS_MAX)
		return ERR_NOSPC;
	v = realloc(s->v, cap * sizeof *v);
	if (v == NULL)
		return ERR_NOMEM;
	s->v = v;
	s->cap = cap;
	return 0;
}

int store_put(struct store *s, const struct store_item *item)
{
	/* ids of ports come in ascending order, so nothing is searched for them at start */
	for (uint32_t i = s->count; i-- > 0;) {
		struct store_item *old = &s->v[i];

		if (old->owner != item->owner || old->kind != item->kind)
			continue;
		if (old->id == item->id && old->index == item->index) {
			close(old->fd);
			*old = *item;
			return 0;
		}
		if (item->kind == CUSTODY_RTP_PORT && old->index == item->index && old->id < item->id)
			break;
	}
	if (s->count == s->cap) {
		int err = grow(s);

		if (err != 0)
			return err;
	}
	s->v[s->count++] = *item;
	return 0;
}

void store_drop(struct store *s, uint32_t owner, enum custody_kind kind, uint64_t id)
{
	for (uint32_t i = 0; i < s->count; i++) {
		struct store_item *it = &s->v[i];

		if (it->owner != owner || it->kind != kind || it->id != id)
			continue;
		close(it->fd);
		memmove(it, it + 1, (s->count - i - 1) * sizeof *it); /* keeps ports in order */
		s->count--;
		return;
	}
}

const struct store_item *store_find(const struct store *s, uint32_t owner, enum custody_kind kind)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->v[i].owner == owner && s->v[i].kind == kind)
			return &s->v[i];
	return NULL;
}

const struct store_item *store_each(const struct store *s, uint32_t owner, enum custody_kind kind, uint32_t *at)
{
	while (*at < s->count) {
		const struct store_item *it = &s->v[(*at)++];

		if (it->owner == owner && it->kind == kind)
			return it;
	}
	return NULL;
}

bool store_has(const struct store *s, const struct store_item *like)
{
	for (uint32_t i = 0; i < s->count; i++) {
		const struct store_item *it = &s->v[i];

		if (it->owner == like->owner && it->kind == like->kind && it->index == like->index && it->id == like->id)
			return true;
	}
	return false;
}

int store_send(int sock, const struct store_message *m)
{
	int err = ERR_AGAIN;

	for (int tries = 0; tries < GIVE_TRIES && err == ERR_AGAIN; tries++) {
		if (tries > 0)
			(void)poll(&(struct pollfd){.fd = sock, .events = POLLOUT}, 1, GIVE_WAIT_MS);
		err = fdpass_send(sock, m->p, m->n, m->fds, m->fd_count);
	}
	return err;
}

struct batch {
	struct custody_header h;
	uint64_t ids[FDPASS_MAX];
	int fds[FDPASS_MAX];
};

static int flush(struct batch *b, int sock)
{
	uint8_t wire[sizeof b->h + sizeof b->ids];
	uint32_t n = b->h.fd_count;
	int err;

	if (n == 0)
		return 0;
	b->h.payload_bytes = n * (uint32_t)sizeof b->ids[0];
	memcpy(wire, &b->h, sizeof b->h);
	memcpy(wire + sizeof b->h, b->ids, b->h.payload_bytes);
	err = store_send(sock, &(struct store_message){wire, sizeof b->h + b->h.payload_bytes, b->fds, n});
	b->h.fd_count = 0;
	return err;
}

static int add(struct batch *b, const struct store_item *it, int sock)
{
	bool fits = b->h.index == it->index && b->h.fd_count < FDPASS_MAX;
	int err = fits ? 0 : flush(b, sock);

	if (err != 0)
		return err;
	b->h.index = it->index;
	b->ids[b->h.fd_count] = it->id;
	b->fds[b->h.fd_count++] = it->fd;
	return 0;
}

/* What a kind has a lot of comes mixed with another kind (two memfds per tape), so each fills a message of its own. */
int store_give(const struct store *s, uint32_t owner, int sock)
{
	struct batch open[CUSTODY_KINDS];
	int err = 0;

	for (uint32_t kind = 0; kind < CUSTODY_KINDS; kind++)
		open[kind].h = (struct custody_header){.magic = CUSTODY_MAGIC, .op = CUSTODY_GIVE, .kind = kind};
	for (uint32_t i = 0; i < s->count && err == 0; i++)
		if (s->v[i].owner == owner)
			err = add(&open[s->v[i].kind], &s->v[i], sock);
	for (uint32_t kind = 0; kind < CUSTODY_KINDS && err == 0; kind++)
		err = flush(&open[kind], sock);
	return err;
}
