/* custody.c - see custody.h */
#include "common/actor/custody.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/shm/fdpass.h"
#include "tipring/v1/config.pb-c.h"

#define RETRY_MS 100u
#define BATCHES_PER_TURN 8 /* handing back must not hold up the audio */
#define START_WAIT_MS 10000
#define TOLD_PER_TURN 256

enum phase {
	SERVED,   /* the supervisor is there */
	ALONE,    /* it died; look for a successor */
	RETURNING /* handing descriptors to a successor */
};

/* Where the last custody_item() found what it was asked for: walking all items of a kind is linear. */
struct cursor {
	enum custody_kind kind;
	uint32_t i, at;
};

struct item {
	struct custody_item it;
	bool untold; /* the supervisor had no room for it yet */
};

/* Let go of, and the supervisor had no room to hear it yet. */
struct gone {
	enum custody_kind kind;
	uint64_t id;
};

struct custody {
	int sock; /* owned; -1 while alone */
	enum phase phase;
	struct item *items; /* owned */
	uint32_t count, cap;
	uint32_t returned; /* RETURNING: items handed back so far */
	uint32_t untold_n; /* items that are untold; what is found from untold_at on */
	uint32_t untold_at;
	struct gone *gone; /* owned */
	uint32_t gone_n, gone_cap;
	struct cursor *cursor; /* owned */
	uint64_t retry_ms;
	uint64_t alone_since_ms; /* 0 = not alone */
	uint64_t died_ns;
	uint32_t role, index;
	char path[128]; /* of the supervisor's socket */
	uint8_t *wire;  /* owned: one message */
	size_t config_n;
	uint8_t config[CUSTODY_PAYLOAD_MAX];
};

#define WIRE_MAX (sizeof(struct custody_header) + CUSTODY_PAYLOAD_MAX)

/* Room for one more in an array that doubles. */
static int grow(void **v, uint32_t *cap, uint32_t count, size_t each)
{
	uint32_t more = *cap == 0 ? 256 : 2 * *cap;
	void *p;

	if (count < *cap)
		return 0;
	if (count >= CUSTODY_ITEMS_MAX)
		return ERR_NOSPC;
	p = realloc(*v, more * each);
	if (p == NULL)
		return ERR_NOMEM;
	*v = p;
	*cap = more;
	return 0;
}

static int add(struct custody *c, const struct custody_item *item, bool untold)
{
	void *v = c->items;
	int err = grow(&v, &c->cap, c->count, sizeof c->items[0]);

	c->items = v;
	if (err != 0)
		return err;
	c->items[c->count++] = (struct item){*item, untold};
	c->untold_n += untold;
	return 0;
}

/* Header and ids of a GIVE agree with its size and its descriptors. */
static bool give_is_sound(const struct custody_header *h, const struct fdpass_in *in)
{
	return h->kind > CUSTODY_NONE && h->kind < CUSTODY_KINDS && h->fd_count == in->fd_count &&
	       h->payload_bytes == h->fd_count * sizeof(uint64_t) && in->n == sizeof *h + h->payload_bytes;
}

static int take_give(struct custody *c, const struct custody_header *h, struct fdpass_in *in)
{
	int err = give_is_sound(h, in) ? 0 : ERR_SYNTAX;

	for (size_t i = 0; i < in->fd_count; i++) {
		struct custody_item item = {(enum custody_kind)h->kind, h->index, 0, in->fds[i]};

		memcpy(&item.id, (const uint8_t *)in->p + sizeof *h + i * sizeof item.id, err == 0 ? sizeof item.id : 0);
		if (err == 0)
			err = add(c, &item, false);
		if (err != 0)
			close(in->fds[i]);
	}
	return err;
}

static int take_config(struct custody *c, const struct custody_header *h, const struct fdpass_in *in)
{
	const uint8_t *p = (const uint8_t *)in->p + sizeof *h;
	Tipring__V1__ProcessConfig *cfg;
	int err = 0;

	if (h->payload_bytes > sizeof c->config || in->n != sizeof *h + h->payload_bytes)
		return ERR_SYNTAX;
	cfg = tipring__v1__process_config__unpack(NULL, h->payload_bytes, p);
	if (cfg == NULL)
		return ERR_SYNTAX;
	c->config_n = h->payload_bytes;
	memcpy(c->config, p, c->config_n);
	c->role = (uint32_t)cfg->role;
	c->index = cfg->index;
	if (snprintf(c->path, sizeof c->path, "%s/%s", cfg->run_dir, cfg->supervisor_socket[0] != '\0' ? cfg->supervisor_socket : CUSTODY_SOCKET) >=
	    (int)sizeof c->path)
		err = ERR_RANGE;
	tipring__v1__process_config__free_unpacked(cfg, NULL);
	return err;
}

/* One message of the introduction; *ret_go when it was the last. */
static int introduction(struct custody *c, struct fdpass_in *in, bool *ret_go)
{
	struct custody_header h;

	if (in->n < sizeof h)
		return in->n == 0 ? ERR_IO : ERR_SYNTAX;
	memcpy(&h, in->p, sizeof h);
	if (h.magic != CUSTODY_MAGIC)
		return ERR_SYNTAX;
	if (h.op == CUSTODY_GIVE)
		return take_give(c, &h, in);
	if (h.op == CUSTODY_CONFIG && in->fd_count == 0)
		return take_config(c, &h, in);
	if (h.op == CUSTODY_GO && in->fd_count == 0 && c->config_n > 0) {
		c->died_ns = h.id;
		*ret_go = true;
		return 0;
	}
	return ERR_PROTO;
}

int custody_open(int sock, struct custody **ret)
{
	struct custody *c = calloc(1, sizeof *c);
	bool go = false, begun = false;
	int err = c != NULL ? 0 : ERR_NOMEM;

	if (err == 0) {
		c->sock = sock;
		c->cursor = calloc(1, sizeof *c->cursor);
		c->wire = malloc(WIRE_MAX);
		err = c->cursor != NULL && c->wire != NULL ? 0 : ERR_NOMEM;
	}
	while (err == 0 && !go) {
		struct fdpass_in in = {.p = c->wire, .cap = WIRE_MAX};

		if (poll(&(struct pollfd){.fd = sock, .events = POLLIN}, 1, begun ? START_WAIT_MS : -1) != 1)
			err = ERR_IO;
		else
			err = fdpass_recv(sock, &in);
		if (err == ERR_AGAIN)
			err = 0;
		else if (err == 0 && in.n == 0 && !begun)
			err = ERR_STALE;
		else if (err == 0)
			err = introduction(c, &in, &go);
		begun = true;
	}
	if (err != 0) {
		custody_close(c);
		return err;
	}
	*ret = c;
	return 0;
}

void custody_close(struct custody *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < c->count; i++)
		close(c->items[i].it.fd);
	if (c->sock >= 0)
		close(c->sock);
	free(c->items);
	free(c->gone);
	free(c->cursor);
	free(c->wire);
	free(c);
}

const uint8_t *custody_config(const struct custody *c, size_t *ret_n)
{
	*ret_n = c->config_n;
	return c->config;
}

uint64_t custody_predecessor_died_ns(const struct custody *c)
{
	return c->died_ns;
}

int custody_item(const struct custody *c, enum custody_kind kind, uint32_t i, struct custody_item *ret)
{
	struct cursor from = {kind, 0, 0};

	if (c->cursor->kind == kind && c->cursor->i <= i)
		from = *c->cursor;
	for (; from.at < c->count; from.at++) {
		if (c->items[from.at].it.kind != kind)
			continue;
		if (from.i == i) {
			*c->cursor = from;
			*ret = c->items[from.at].it;
			return 0;
		}
		from.i++;
	}
	return ERR_NOENT;
}

int custody_each(const struct custody *c, enum custody_kind kind, uint32_t *at, struct custody_item *ret)
{
	while (*at < c->count) {
		const struct custody_item *item = &c->items[(*at)++].it;

		if (item->kind != kind)
			continue;
		*ret = *item;
		return 0;
	}
	return ERR_NOENT;
}

int custody_find(const struct custody *c, enum custody_kind kind, uint64_t id, struct custody_item *ret)
{
	for (uint32_t k = 0; k < c->count; k++) {
		if (c->items[k].it.kind != kind || c->items[k].it.id != id)
			continue;
		*ret = c->items[k].it;
		return 0;
	}
	return ERR_NOENT;
}

/* ---- serving ---- */

static void lost(struct custody *c)
{
	if (c->sock >= 0)
		close(c->sock);
	c->sock = -1;
	c->phase = ALONE;
	for (uint32_t i = 0; i < c->count; i++)
		c->items[i].untold = false; /* a successor gets everything anew */
	c->untold_n = c->gone_n = 0;
	c->retry_ms = clock_ms() + RETRY_MS;
	if (c->alone_since_ms == 0)
		c->alone_since_ms = clock_ms();
	log_warn("custody.lost", "reason=\"the supervisor is gone\"");
}

static int say(struct custody *c, const struct custody_header *h, const int *fd)
{
	int err = fdpass_send(c->sock, h, sizeof *h, fd, fd != NULL ? 1 : 0);

	if (err != 0 && err != ERR_AGAIN)
		lost(c);
	return err;
}

static int tell_gone(struct custody *c)
{
	const struct gone *g = &c->gone[c->gone_n - 1];
	int err = say(c, &(struct custody_header){.magic = CUSTODY_MAGIC, .op = CUSTODY_DROP, .kind = g->kind, .id = g->id}, NULL);

	if (err == 0)
		c->gone_n--;
	return err;
}

static int tell_kept(struct custody *c, struct item *item)
{
	const struct custody_item *it = &item->it;
	int err = say(c, &(struct custody_header){.magic = CUSTODY_MAGIC, .op = CUSTODY_KEEP, .kind = it->kind, .id = it->id}, &it->fd);

	if (err == 0) {
		item->untold = false;
		c->untold_n--;
	}
	return err;
}

/* As long as the supervisor has room: it is never waited for. What is gone comes first, because its id may be in use again. */
static void tell_more(struct custody *c)
{
	int n = 0;

	for (; n < TOLD_PER_TURN && c->phase != ALONE && c->gone_n > 0; n++)
		if (tell_gone(c) != 0)
			return;
	for (uint32_t looked = 0; looked < c->count && n < TOLD_PER_TURN && c->untold_n > 0; looked++) {
		if (c->untold_at >= c->count)
			c->untold_at = 0;
		if (c->items[c->untold_at].untold) {
			if (tell_kept(c, &c->items[c->untold_at]) != 0)
				return;
			n++;
		}
		c->untold_at++;
	}
}

int custody_keep(struct custody *c, enum custody_kind kind, uint64_t id, int fd)
{
	struct custody_item item = {kind, 0, id, fcntl(fd, F_DUPFD_CLOEXEC, 0)};
	/* else it is handed back with everything else */
	int err = item.fd >= 0 ? add(c, &item, c->phase == SERVED) : -errno;

	if (err != 0 && item.fd >= 0)
		close(item.fd);
	if (err == 0) {
		if (c->untold_n == 1)
			c->untold_at = c->count - 1;
		tell_more(c);
	}
	return err;
}

static void take_out(struct custody *c, uint32_t i)
{
	close(c->items[i].it.fd);
	c->untold_n -= c->items[i].untold;
	/* keep the order: ports were given in theirs, and RETURNING counts from the start */
	memmove(&c->items[i], &c->items[i + 1], (c->count - i - 1) * sizeof c->items[0]);
	c->count--;
	*c->cursor = (struct cursor){.kind = CUSTODY_NONE};
	if (i < c->untold_at)
		c->untold_at--;
	if (i < c->returned)
		c->returned--;
}

/* Does the supervisor that we have know it? */
static bool is_told(const struct custody *c, uint32_t i)
{
	return c->phase == SERVED ? !c->items[i].untold : c->phase == RETURNING && i < c->returned;
}

void custody_drop(struct custody *c, enum custody_kind kind, uint64_t id)
{
	uint32_t i = c->count;
	void *v = c->gone;

	while (i > 0 && (c->items[i - 1].it.kind != kind || c->items[i - 1].it.id != id))
		i--;
	if (i == 0)
		return;
	i--;
	if (is_told(c, i)) {
		int err = grow(&v, &c->gone_cap, c->gone_n, sizeof c->gone[0]);

		c->gone = v;
		if (err == 0)
			c->gone[c->gone_n++] = (struct gone){kind, id};
		else
			log_error("custody.untold", "id=%llx reason=%s", (unsigned long long)id, err_name(err));
	}
	take_out(c, i);
	tell_more(c);
}

uint64_t custody_alone_ms(const struct custody *c, uint64_t now_ms)
{
	return c->alone_since_ms != 0 && now_ms > c->alone_since_ms ? now_ms - c->alone_since_ms : 0;
}

static int say_plain(struct custody *c, enum custody_op op, uint64_t id)
{
	struct custody_header h = {
		.magic = CUSTODY_MAGIC, .op = op, .kind = c->role, .index = c->index, .id = id,
	};

	return say(c, &h, NULL);
}

int custody_running(struct custody *c)
{
	return say_plain(c, CUSTODY_RUNNING, 0);
}

int custody_fd(const struct custody *c)
{
	return c->sock;
}

void custody_reason(struct custody *c, const char *why)
{
	struct custody_header h = {.magic = CUSTODY_MAGIC, .op = CUSTODY_REASON};

	h.payload_bytes = (uint32_t)strnlen(why, CUSTODY_REASON_MAX);
	memcpy(c->wire, &h, sizeof h);
	memcpy(c->wire + sizeof h, why, h.payload_bytes);
	(void)!fdpass_send(c->sock, c->wire, sizeof h + h.payload_bytes, NULL, 0); /* it only adds to our exit code */
}

static void forget(struct custody *c, enum custody_kind kind, uint64_t id)
{
	uint32_t i = 0;

	while (i < c->count && (c->items[i].it.kind != kind || c->items[i].it.id != id))
		i++;
	if (i < c->count)
		take_out(c, i);
}

/* Pages of others, each in the place of an older one. Everything in `in` is taken. */
static int take_pages(struct custody *c, const struct custody_header *h, struct fdpass_in *in)
{
	uint64_t id;

	for (size_t i = 0; give_is_sound(h, in) && i < in->fd_count; i++) {
		memcpy(&id, (const uint8_t *)in->p + sizeof *h + i * sizeof id, sizeof id);
		if (id != 0) /* else our own */
			forget(c, CUSTODY_STATPAGE, id);
	}
	return take_give(c, h, in);
}

static int take_news(struct custody *c, struct fdpass_in *in, struct custody_news *ret)
{
	struct custody_header h;

	if (in->n < sizeof h)
		return ERR_SYNTAX;
	memcpy(&h, in->p, sizeof h);
	if (h.magic == CUSTODY_MAGIC && h.op == CUSTODY_GIVE && h.kind == CUSTODY_STATPAGE) {
		int err = take_pages(c, &h, in);

		in->fd_count = 0;
		ret->pages = err == 0;
		return err;
	}
	if (h.magic != CUSTODY_MAGIC || in->fd_count > 0)
		return ERR_SYNTAX;
	if (h.op == CUSTODY_STOP && in->n == sizeof h) {
		ret->stop = true;
		ret->drain_ms = h.id;
		return 0;
	}
	if (h.op != CUSTODY_CONFIG)
		return ERR_PROTO;
	ret->config = true;
	return take_config(c, &h, in);
}

void custody_readable(struct custody *c, struct custody_news *ret)
{
	struct fdpass_in in = {.p = c->wire, .cap = WIRE_MAX};
	int err = c->sock >= 0 ? fdpass_recv(c->sock, &in) : ERR_AGAIN;

	*ret = (struct custody_news){.stop = false};
	if (err == ERR_AGAIN)
		return;
	if (err == ERR_IO || (err == 0 && in.n == 0)) {
		lost(c);
		return;
	}
	if (err == 0)
		err = take_news(c, &in, ret);
	for (size_t i = 0; i < in.fd_count; i++)
		close(in.fds[i]); /* nothing else is given to a running process */
	if (err != 0) {
		*ret = (struct custody_news){.stop = false};
		log_warn("custody.message", "reason=%s", err_name(err));
	}
}

/* Up to FDPASS_MAX items of one kind and index, from `returned` on. */
static int return_batch(struct custody *c)
{
	struct {
		struct custody_header h;
		uint64_t ids[FDPASS_MAX];
	} m = {.h = {.magic = CUSTODY_MAGIC, .op = CUSTODY_GIVE}};
	const struct item *first = &c->items[c->returned];
	int fds[FDPASS_MAX];
	uint32_t n = 0;
	int err;

	m.h.kind = first->it.kind;
	m.h.index = first->it.index;
	for (; n < FDPASS_MAX && c->returned + n < c->count; n++) {
		if (first[n].it.kind != first->it.kind || first[n].it.index != first->it.index)
			break;
		m.ids[n] = first[n].it.id;
		fds[n] = first[n].it.fd;
	}
	m.h.fd_count = n;
	m.h.payload_bytes = n * (uint32_t)sizeof m.ids[0];
	err = fdpass_send(c->sock, &m, sizeof m.h + m.h.payload_bytes, fds, n);
	if (err == 0)
		c->returned += n;
	return err;
}

static void give_back(struct custody *c)
{
	int err = 0;

	for (int i = 0; i < BATCHES_PER_TURN && c->returned < c->count && err == 0; i++)
		err = return_batch(c);
	if (err != 0 && err != ERR_AGAIN) {
		lost(c);
		return;
	}
	if (c->returned == c->count && say_plain(c, CUSTODY_ADOPTED, 0) == 0) {
		c->phase = SERVED;
		c->alone_since_ms = 0;
		log_info("custody.adopted", "descriptors=%u", c->count);
	}
}

static void introduce(struct custody *c)
{
	struct custody_header h = {
		.magic = CUSTODY_MAGIC, .op = CUSTODY_ADOPT, .kind = c->role, .index = c->index, .id = (uint64_t)getpid(),
		.payload_bytes = (uint32_t)c->config_n,
	};

	memcpy(c->wire, &h, sizeof h);
	memcpy(c->wire + sizeof h, c->config, c->config_n);
	if (fdpass_send(c->sock, c->wire, sizeof h + c->config_n, NULL, 0) != 0)
		lost(c);
}

void custody_tick(struct custody *c, uint64_t now_ms)
{
	if (c->phase == RETURNING)
		give_back(c);
	tell_more(c);
	if (c->phase != ALONE || now_ms < c->retry_ms)
		return;
	c->retry_ms = now_ms + RETRY_MS;
	if (fdpass_connect(c->path, &c->sock) != 0) {
		c->sock = -1;
		return;
	}
	(void)!fcntl(c->sock, F_SETFL, O_NONBLOCK);
	c->phase = RETURNING;
	c->returned = 0;
	introduce(c);
}

bool custody_busy(const struct custody *c)
{
	return c->phase == RETURNING;
}
