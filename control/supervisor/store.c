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

static void note_gone(struct store_reader *r, const struct store_item *it)
{
	uint32_t cap = r->gone_cap == 0 ? 64 : 2 * r->gone_cap;
	struct store_gone *v = r->gone;

	if (r->gone_count == r->gone_cap) {
		v = realloc(r->gone, cap * sizeof *v);
		if (v == NULL)
			return; /* it keeps one descriptor too many */
		r->gone = v;
		r->gone_cap = cap;
	}
	v[r->gone_count++] = (struct store_gone){it->owner, it->kind, it->id};
}

static void take_out(struct store *s, uint32_t i)
{
	struct store_item *it = &s->v[i];

	for (uint32_t k = 0; k < STORE_READERS_MAX; k++) {
		struct store_reader *r = s->readers[k];

		if (r == NULL || i >= r->told)
			continue;
		note_gone(r, it);
		r->told--;
	}
	close(it->fd);
	memmove(it, it + 1, (s->count - i - 1) * sizeof *it); /* keeps ports in order */
	s->count--;
}

void store_forget(struct store *s, uint32_t owner)
{
	for (uint32_t i = s->count; i-- > 0;)
		if (s->v[i].owner == owner)
			take_out(s, i);
}

int store_watch(struct store *s, struct store_reader *r)
{
	for (uint32_t k = 0; k < STORE_READERS_MAX; k++) {
		if (s->readers[k] != NULL)
			continue;
		*r = (struct store_reader){.told = 0};
		s->readers[k] = r;
		return 0;
	}
	return ERR_NOSPC;
}

void store_unwatch(struct store *s, struct store_reader *r)
{
	for (uint32_t k = 0; k < STORE_READERS_MAX; k++)
		if (s->readers[k] == r)
			s->readers[k] = NULL;
	free(r->gone);
	r->gone = NULL;
}

void store_drop(struct store *s, uint32_t owner, enum custody_kind kind, uint64_t id)
{
	for (uint32_t i = 0; i < s->count; i++) {
		const struct store_item *it = &s->v[i];

		if (it->owner != owner || it->kind != kind || it->id != id)
			continue;
		take_out(s, i);
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

/* ---- readers ---- */

struct telling {
	struct custody_header h;
	uint64_t ids[FDPASS_MAX];
};

static int send_telling(struct telling *m, const int *fds, uint32_t n, int sock)
{
	m->h.magic = CUSTODY_MAGIC;
	m->h.payload_bytes = n * (uint32_t)sizeof m->ids[0];
	m->h.fd_count = fds != NULL ? n : 0;
	return fdpass_send(sock, m, sizeof m->h + m->h.payload_bytes, fds, m->h.fd_count);
}

static int tell_gone(struct store_reader *r, int sock)
{
	struct telling m;
	uint32_t n = 0;
	int err;

	while (n < FDPASS_MAX && n < r->gone_count && r->gone[n].owner == r->gone[0].owner && r->gone[n].kind == r->gone[0].kind) {
		m.ids[n] = r->gone[n].id;
		n++;
	}
	m.h = (struct custody_header){.op = CUSTODY_DROP, .kind = r->gone[0].kind, .id = r->gone[0].owner};
	err = send_telling(&m, NULL, n, sock);
	if (err != 0)
		return err;
	memmove(r->gone, r->gone + n, (r->gone_count - n) * sizeof r->gone[0]);
	r->gone_count -= n;
	return 0;
}

int store_tell(const struct store *s, struct store_reader *r, bool (*tells)(const void *ctx, const struct store_item *it), const void *ctx, int sock)
{
	const struct store_item *first;
	struct telling m;
	int fds[FDPASS_MAX];
	uint32_t n = 0;
	int err;

	if (r->gone_count > 0)
		return tell_gone(r, sock); /* first: an id may be in use again */
	while (r->told < s->count && !tells(ctx, &s->v[r->told]))
		r->told++;
	if (r->told == s->count)
		return ERR_NOENT;
	first = &s->v[r->told];
	for (; n < FDPASS_MAX && r->told + n < s->count; n++) {
		const struct store_item *it = &first[n];

		if (it->owner != first->owner || it->kind != first->kind || it->index != first->index || !tells(ctx, it))
			break;
		m.ids[n] = it->id;
		fds[n] = it->fd;
	}
	m.h = (struct custody_header){.op = CUSTODY_GIVE, .kind = first->kind, .index = first->index, .id = first->owner};
	err = send_telling(&m, fds, n, sock);
	if (err == 0)
		r->told += n;
	return err;
}
