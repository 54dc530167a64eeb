/* bus.c - bus.h of the simulated world, with the losses of the real one: what is on its way to a process that dies is gone, what a
 * connecting side sends while nobody is bound waits, and it takes a moment until somebody notices a death. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

#define BUSES_MAX 512u
#define PREFIXES_MAX 16u
#define RECONNECT_NS (20 * MS)

struct message {
	struct message *next;
	struct bus *to;
	char peer[64];
	char topic[256];
	bool subscription, subscribed;
	size_t n;
	uint8_t p[];
};

struct bus {
	enum bus_kind kind;
	bool binds, open;
	char endpoint[128], identity[64];
	struct process *owner; /* NULL: the world itself */
	event_fn *on_message;
	void *self;
	struct bus *peer;      /* of a connecting side; NULL = not connected */
	uint64_t died_ns;
	uint64_t last_in_ns;   /* nothing overtakes on the way to one socket */
	struct message *first, **last; /* arrived */
	struct message *waiting, **waiting_last; /* to be sent once connected */
	struct message *held;  /* handed out */
	char prefixes[PREFIXES_MAX][128];
	uint32_t prefix_n;
};

static struct bus *buses[BUSES_MAX];
static uint32_t bus_n;

static void deliver(void *self)
{
	struct message *m = self;
	struct bus *b = m->to;

	if (!b->open) {
		free(m);
		return;
	}
	m->next = NULL;
	if (b->first == NULL)
		b->last = &b->first;
	*b->last = m;
	b->last = &m->next;
	world.messages++;
	if (b->owner != NULL)
		process_wake(b->owner);
	else if (b->on_message != NULL)
		b->on_message(b->self);
}

static void post(struct bus *to, struct message *m)
{
	uint64_t at_ns = world.now_ns + 20 * US + world_below(150 * US);

	m->to = to;
	if (at_ns < to->last_in_ns)
		at_ns = to->last_in_ns;
	to->last_in_ns = at_ns;
	world_at(at_ns, deliver, m);
}

static struct message *message_of(struct str peer, const void *p, size_t n)
{
	struct message *m = calloc(1, sizeof *m + n);

	(void)!str_copy(m->peer, sizeof m->peer, peer);
	m->n = n;
	if (n > 0)
		memcpy(m->p, p, n);
	return m;
}

static void tell_subscription(struct bus *b, const char *prefix)
{
	struct message *m = message_of((struct str){"", 0}, NULL, 0);

	m->subscription = m->subscribed = true;
	(void)!str_copy(m->topic, sizeof m->topic, str_of(prefix));
	post(b->peer, m);
}

/* ---- connections ---- */

static struct bus *bound_at(const char *endpoint)
{
	for (uint32_t i = 0; i < bus_n; i++)
		if (buses[i]->open && buses[i]->binds && strcmp(buses[i]->endpoint, endpoint) == 0)
			return buses[i];
	return NULL;
}

static void try_connect(void *self)
{
	struct bus *b = self;
	struct message *m;

	if (!b->open || b->peer != NULL)
		return;
	b->peer = bound_at(b->endpoint);
	if (b->peer == NULL) {
		world_at(world.now_ns + RECONNECT_NS + world_below(RECONNECT_NS), try_connect, b);
		return;
	}
	for (uint32_t i = 0; i < b->prefix_n; i++)
		tell_subscription(b, b->prefixes[i]);
	while ((m = b->waiting) != NULL) {
		b->waiting = m->next;
		post(b->peer, m);
	}
	b->waiting_last = &b->waiting;
}

static void notice(void *self)
{
	struct bus *b = self;

	if (!b->open || b->peer == NULL || b->peer->open)
		return;
	b->peer = NULL;
	world_at(world.now_ns + RECONNECT_NS, try_connect, b);
}

static void drop_all(struct message *m)
{
	while (m != NULL) {
		struct message *next = m->next;

		free(m);
		m = next;
	}
}

static void shut(struct bus *b)
{
	b->open = false;
	b->died_ns = world.now_ns;
	drop_all(b->first);
	drop_all(b->waiting);
	free(b->held);
	b->first = b->waiting = b->held = NULL;
	for (uint32_t i = 0; i < bus_n; i++)
		if (buses[i]->open && buses[i]->peer == b)
			world_at(world.now_ns + world_below(2 * MS), notice, buses[i]);
}

void bus_process_died(struct process *p)
{
	for (uint32_t i = 0; i < bus_n; i++)
		if (buses[i]->open && buses[i]->owner == p)
			shut(buses[i]);
}

void bus_on_message(struct bus *b, event_fn *fn, void *self)
{
	b->on_message = fn;
	b->self = self;
}

/* ---- bus.h ---- */

int bus_open(const struct bus_config *cfg, struct bus **ret)
{
	struct bus *b = calloc(1, sizeof *b);

	if (bus_n == BUSES_MAX) {
		fprintf(stderr, "sim: more than %u sockets\n", BUSES_MAX);
		exit(2);
	}
	b->kind = cfg->kind;
	b->binds = cfg->bind;
	b->open = true;
	b->owner = process_current();
	b->last = &b->first;
	b->waiting_last = &b->waiting;
	(void)!str_copy(b->endpoint, sizeof b->endpoint, str_of(cfg->endpoint));
	(void)!str_copy(b->identity, sizeof b->identity, str_of(cfg->identity != NULL ? cfg->identity : "nobody"));
	buses[bus_n++] = b;
	if (!cfg->bind)
		world_at(world.now_ns + world_below(2 * MS), try_connect, b);
	*ret = b;
	return 0;
}

void bus_close(struct bus *b)
{
	if (b != NULL && b->open)
		shut(b);
}

int bus_fd(const struct bus *b)
{
	(void)b;
	return -1;
}

uint64_t bus_malformed(const struct bus *b)
{
	(void)b;
	return 0;
}

bool bus_readable(struct bus *b)
{
	return b->first != NULL;
}

bool bus_unsure(const struct bus *b)
{
	return b->first != NULL; /* there is no descriptor to go by */
}

int bus_recv(struct bus *b, struct bus_message *ret)
{
	struct message *m = b->first;

	process_may_die();
	if (m == NULL)
		return ERR_AGAIN;
	b->first = m->next;
	free(b->held);
	b->held = m;
	*ret = (struct bus_message){
		.peer = str_of(m->peer), .topic = str_of(m->topic), .subscribed = m->subscribed,
		.p = m->subscription ? NULL : m->p, .n = m->n,
	};
	return 0;
}

static int to_identity(struct bus *b, struct str to, const void *p, size_t n)
{
	for (uint32_t i = bus_n; i-- > 0;) {
		struct bus *d = buses[i];

		if (d->kind != BUS_DEALER || !str_eq(str_of(d->identity), to))
			continue;
		if (d->open && d->peer == b) {
			post(d, message_of((struct str){"", 0}, p, n));
			return 0;
		}
		/* dead, and not noticed yet: into the void */
		return !d->open && world.now_ns < d->died_ns + MS ? 0 : ERR_NOENT;
	}
	return ERR_NOENT;
}

static int to_subscribers(struct bus *b, struct str topic, const void *p, size_t n)
{
	for (uint32_t i = 0; i < bus_n; i++) {
		struct bus *d = buses[i];

		for (uint32_t k = 0; d->open && d->peer == b && k < d->prefix_n; k++) {
			struct message *m;

			if (!str_has_prefix(topic, str_of(d->prefixes[k])))
				continue;
			m = message_of((struct str){"", 0}, p, n);
			(void)!str_copy(m->topic, sizeof m->topic, topic);
			post(d, m);
			break;
		}
	}
	return 0;
}

int bus_send(struct bus *b, struct str to, const void *p, size_t n)
{
	struct message *m;

	process_may_die();
	if (n > BUS_MESSAGE_BYTES_MAX)
		return ERR_RANGE;
	if (b->kind == BUS_ROUTER)
		return to_identity(b, to, p, n);
	if (b->kind == BUS_XPUB)
		return to_subscribers(b, to, p, n);
	m = message_of(str_of(b->identity), p, n);
	if (b->peer != NULL) {
		post(b->peer, m);
		return 0;
	}
	*b->waiting_last = m;
	b->waiting_last = &m->next;
	return 0;
}

int bus_subscribe(struct bus *b, struct str prefix)
{
	if (b->prefix_n == PREFIXES_MAX || str_copy(b->prefixes[b->prefix_n], sizeof b->prefixes[0], prefix) != 0)
		return ERR_NOSPC;
	b->prefix_n++;
	if (b->peer != NULL)
		tell_subscription(b, b->prefixes[b->prefix_n - 1]);
	return 0;
}
