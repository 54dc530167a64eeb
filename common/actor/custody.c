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

#define ITEMS_MAX 65536u
#define RETRY_MS 100u
#define BATCHES_PER_TURN 8 /* handing back must not hold up the audio */
#define START_WAIT_MS 10000
#define UNTOLD_MAX 4096u     /* keeps and drops the supervisor had no room for yet; power of two */
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

struct untold {
	enum custody_op op; /* CUSTODY_KEEP or CUSTODY_DROP */
	enum custody_kind kind;
	uint64_t id;
};

struct custody {
	int sock; /* owned; -1 while alone */
	enum phase phase;
	struct custody_item *items; /* owned */
	uint32_t count, cap;
	uint32_t returned; /* RETURNING: items handed back so far */
	struct cursor *cursor; /* owned */
	struct untold untold[UNTOLD_MAX];
	uint32_t untold_first, untold_n;
	uint64_t retry_ms;
	uint64_t alone_since_ms; /* 0 = not alone */
	uint64_t died_ns;
	uint32_t role, index;
	char path[128]; /* of the supervisor's socket */
	size_t config_n;
	uint8_t config[CUSTODY_PAYLOAD_MAX];
};

static int add(struct custody *c, const struct custody_item *item)
{
	if (c->count == c->cap) {
		uint32_t cap = c->cap == 0 ? 256 : 2 * c->cap;
		struct custody_item *more;

		if (c->count >= ITEMS_MAX)
			return ERR_NOSPC;
		more = realloc(c->items, cap * sizeof *more);
		if (more == NULL)
			return ERR_NOMEM;
		c->items = more;
		c->cap = cap;
	}
	c->items[c->count++] = *item;
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
			err = add(c, &item);
		if (err != 0)
			close(in->fds[i]);
	}
	return err;
}

static int take_config(struct custody *c, const struct custody_header *h, const struct fdpass_in *in)
{
	Tipring__V1__ProcessConfig *cfg;
	int err = 0;

	if (h->payload_bytes > sizeof c->config || in->n != sizeof *h + h->payload_bytes)
		return ERR_SYNTAX;
	c->config_n = h->payload_bytes;
	memcpy(c->config, (const uint8_t *)in->p + sizeof *h, c->config_n);

	cfg = tipring__v1__process_config__unpack(NULL, c->config_n, c->config);
	if (cfg == NULL)
		return ERR_SYNTAX;
	c->role = (uint32_t)cfg->role;
	c->index = cfg->index;
	if (snprintf(c->path, sizeof c->path, "%s/" CUSTODY_SOCKET, cfg->run_dir) >= (int)sizeof c->path)
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
	uint8_t *wire = malloc(sizeof(struct custody_header) + CUSTODY_PAYLOAD_MAX);
	struct custody *c = calloc(1, sizeof *c);
	bool go = false;
	int err = c != NULL && wire != NULL ? 0 : ERR_NOMEM;

	if (err == 0) {
		c->sock = sock;
		c->cursor = calloc(1, sizeof *c->cursor);
		err = c->cursor != NULL ? 0 : ERR_NOMEM;
	}
	while (err == 0 && !go) {
		struct fdpass_in in = {.p = wire, .cap = sizeof(struct custody_header) + CUSTODY_PAYLOAD_MAX};

		if (poll(&(struct pollfd){.fd = sock, .events = POLLIN}, 1, START_WAIT_MS) != 1)
			err = ERR_IO;
		else
			err = fdpass_recv(sock, &in);
		if (err == ERR_AGAIN)
			err = 0;
		else if (err == 0)
			err = introduction(c, &in, &go);
	}
	free(wire);
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
		close(c->items[i].fd);
	if (c->sock >= 0)
		close(c->sock);
	free(c->items);
	free(c->cursor);
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
		if (c->items[from.at].kind != kind)
			continue;
		if (from.i == i) {
			*c->cursor = from;
			*ret = c->items[from.at];
			return 0;
		}
		from.i++;
	}
	return ERR_NOENT;
}

int custody_each(const struct custody *c, enum custody_kind kind, uint32_t *at, struct custody_item *ret)
{
	while (*at < c->count) {
		const struct custody_item *item = &c->items[(*at)++];

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
		if (c->items[k].kind != kind || c->items[k].id != id)
			continue;
		*ret = c->items[k];
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
	c->untold_n = 0; /* a successor gets everything anew */
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

static const struct custody_item *find(const struct custody *c, enum custody_kind kind, uint64_t id)
{
	for (uint32_t i = c->count; i-- > 0;)
		if (c->items[i].kind == kind && c->items[i].id == id)
			return &c->items[i];
	return NULL;
}

static int tell(struct custody *c, const struct untold *u)
{
	struct custody_header h = {.magic = CUSTODY_MAGIC, .op = u->op, .kind = u->kind, .id = u->id};
	const struct custody_item *item = u->op == CUSTODY_KEEP ? find(c, u->kind, u->id) : NULL;

	if (u->op == CUSTODY_KEEP && item == NULL)
		return 0; /* dropped meanwhile; that is told next */
	return say(c, &h, item != NULL ? &item->fd : NULL);
}

/* In order, as long as the supervisor has room: it is never waited for. */
static void tell_more(struct custody *c)
{
	for (int n = 0; n < TOLD_PER_TURN && c->phase != ALONE && c->untold_n > 0; n++) {
		if (tell(c, &c->untold[c->untold_first % UNTOLD_MAX]) != 0)
			return;
		c->untold_first++;
		c->untold_n--;
	}
}

static void tell_later(struct custody *c, enum custody_op op, enum custody_kind kind, uint64_t id)
{
	if (c->untold_n == UNTOLD_MAX) {
		log_error("custody.untold", "op=%u id=%llx reason=\"the supervisor does not read\"", (unsigned)op,
			  (unsigned long long)id);
		return;
	}
	c->untold[(c->untold_first + c->untold_n++) % UNTOLD_MAX] = (struct untold){op, kind, id};
	tell_more(c);
}

int custody_keep(struct custody *c, enum custody_kind kind, uint64_t id, int fd)
{
	struct custody_item item = {kind, 0, id, fcntl(fd, F_DUPFD_CLOEXEC, 0)};
	int err = item.fd >= 0 ? add(c, &item) : -errno;

	if (err != 0 && item.fd >= 0)
		close(item.fd);
	if (err == 0 && c->phase != ALONE) /* else a successor gets it with everything else */
		tell_later(c, CUSTODY_KEEP, kind, id);
	return err;
}

void custody_drop(struct custody *c, enum custody_kind kind, uint64_t id)
{
	for (uint32_t i = 0; i < c->count; i++) {
		if (c->items[i].kind != kind || c->items[i].id != id)
			continue;
		close(c->items[i].fd);
		/* keep the order: ports were given in theirs, and RETURNING counts from the start */
		memmove(&c->items[i], &c->items[i + 1], (c->count - i - 1) * sizeof c->items[0]);
		c->count--;
		*c->cursor = (struct cursor){.kind = CUSTODY_NONE};
		if (i < c->returned)
			c->returned--;
		break;
	}
	if (c->phase != ALONE)
		tell_later(c, CUSTODY_DROP, kind, id);
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

void custody_readable(struct custody *c, bool *ret_stop, uint64_t *ret_drain_ms)
{
	struct custody_header h;
	struct fdpass_in in = {.p = &h, .cap = sizeof h};
	int err = c->sock >= 0 ? fdpass_recv(c->sock, &in) : ERR_AGAIN;

	if (err == ERR_AGAIN)
		return;
	for (size_t i = 0; err == 0 && i < in.fd_count; i++)
		close(in.fds[i]); /* nothing is given to a running process */
	if (err == ERR_IO || (err == 0 && in.n == 0)) {
		lost(c);
	} else if (err == 0 && in.n == sizeof h && h.magic == CUSTODY_MAGIC && h.op == CUSTODY_STOP) {
		*ret_stop = true;
		*ret_drain_ms = h.id;
	} else {
		log_warn("custody.message", "reason=unexpected op=%u", err == 0 ? h.op : 0);
	}
}

/* Up to FDPASS_MAX items of one kind and index, from `returned` on. */
static int return_batch(struct custody *c)
{
	struct {
		struct custody_header h;
		uint64_t ids[FDPASS_MAX];
	} m = {.h = {.magic = CUSTODY_MAGIC, .op = CUSTODY_GIVE}};
	const struct custody_item *first = &c->items[c->returned];
	int fds[FDPASS_MAX];
	uint32_t n = 0;
	int err;

	m.h.kind = first->kind;
	m.h.index = first->index;
	for (; n < FDPASS_MAX && c->returned + n < c->count; n++) {
		if (first[n].kind != first->kind || first[n].index != first->index)
			break;
		m.ids[n] = first[n].id;
		fds[n] = first[n].fd;
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
	(void)!say_plain(c, CUSTODY_ADOPT, (uint64_t)getpid());
}
