/* net.c - datagrams with loss, repetition and delay, and the event loop of the daemons on top. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/sim/sim.h"

#define SOCKETS_MAX 8192u
#define ENDPOINTS_MAX 1024u
#define SKIP_MAX 8u
#define QUEUE_MAX 256u /* of a socket whose owner is dead, as the kernel's */

struct datagram {
	struct datagram *next;
	struct addr from, to;
	uint64_t token; /* once it is in a loop */
	bool connected;
	size_t n;
	uint8_t p[];
};

struct queue {
	struct datagram *first, **last;
	uint32_t n;
};

/* A name the supervisor holds open; it outlives who reads from it. */
struct named {
	struct addr at, peer;
	struct process *owner; /* whose loop has it; NULL = nobody's */
	uint64_t token;
	uint32_t slot;
	int fd; /* borrowed from the loop's caller */
	bool connected;
	struct queue queue;
	/* RTP that left here */
	bool spoke;
	uint32_t ssrc;
	uint16_t seq;
	uint64_t life;
};

struct loop {
	struct process *process;
	struct queue inbox;
	struct queue held; /* handed out, until the next wait */
	struct queue out;  /* queued by loop_send(): leaves at the end of the turn, or never */
	struct named *slots[SOCKETS_MAX];
	struct loop_stats stats;
	bool gather;
};

static struct named names[SOCKETS_MAX];
static uint32_t name_n;
static struct endpoint *endpoints[ENDPOINTS_MAX];
static uint32_t endpoint_n;

/* ---- queues ---- */

static void push(struct queue *q, struct datagram *d)
{
	d->next = NULL;
	if (q->first == NULL)
		q->last = &q->first;
	*q->last = d;
	q->last = &d->next;
	q->n++;
}

static struct datagram *pop(struct queue *q)
{
	struct datagram *d = q->first;

	if (d == NULL)
		return NULL;
	q->first = d->next;
	q->n--;
	return d;
}

static void empty(struct queue *q)
{
	struct datagram *d;

	while ((d = pop(q)) != NULL)
		free(d);
}

/* ---- the wire ---- */

void net_open(struct endpoint *e)
{
	if (endpoint_n == ENDPOINTS_MAX)
		exit(2);
	endpoints[endpoint_n++] = e;
}

int net_bind(const struct addr *at)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(at, &ss);
	const int one = 1;
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0 ||
	    bind(fd, (struct sockaddr *)&ss, len) != 0 || name_n == SOCKETS_MAX) {
		perror("sim: bind");
		exit(2);
	}
	names[name_n++] = (struct named){.at = *at};
	return fd;
}

static struct named *name_of(const struct addr *at)
{
	for (uint32_t i = 0; i < name_n; i++)
		if (addr_eq(&names[i].at, at))
			return &names[i];
	return NULL;
}

static void to_loop(struct named *s, struct datagram *d)
{
	d->token = s->token;
	d->connected = s->connected;
	push(&net_loop_of(s->owner)->inbox, d);
	if (!net_loop_of(s->owner)->gather)
		process_wake(s->owner);
}

static void arrive(void *self)
{
	struct datagram *d = self;
	struct named *s = name_of(&d->to);

	for (uint32_t i = 0; i < endpoint_n; i++) {
		if (addr_eq(&endpoints[i]->at, &d->to)) {
			endpoints[i]->take(endpoints[i]->self, &d->from, d->p, d->n);
			free(d);
			return;
		}
	}
	if (s == NULL || (s->connected && !addr_eq(&s->peer, &d->from))) {
		free(d);
		return;
	}
	if (s->owner != NULL && process_alive(s->owner))
		to_loop(s, d);
	else if (s->queue.n < QUEUE_MAX)
		push(&s->queue, d);
	else
		free(d);
}

static struct datagram *datagram_of(const struct addr *from, const struct addr *to, const void *p, size_t n)
{
	struct datagram *d = malloc(sizeof *d + n);

	*d = (struct datagram){.from = *from, .to = *to, .n = n};
	memcpy(d->p, p, n);
	return d;
}

static void send_once(const struct addr *from, const struct addr *to, const void *p, size_t n)
{
	world_at(world.now_ns + 50 * US + world_below(world.faults.delay_ns + 1), arrive, datagram_of(from, to, p, n));
}

void net_send(const struct addr *from, const struct addr *to, const void *p, size_t n)
{
	world.datagrams++;
	if (world_chance(world.faults.loss))
		world.lost++;
	else
		send_once(from, to, p, n);
	if (world_chance(world.faults.duplicate))
		send_once(from, to, p, n);
}

/* ---- what leaves a daemon ---- */

static void check_rtp(struct named *s, const uint8_t *p, size_t n)
{
	uint16_t seq, ahead;
	uint32_t ssrc;

	if (n < 12 || p[0] >> 6 != 2 || s->at.port % 2 != 0 || s->at.port < 20000)
		return;
	seq = (uint16_t)(p[2] << 8 | p[3]);
	ssrc = (uint32_t)p[8] << 24 | (uint32_t)p[9] << 16 | (uint32_t)p[10] << 8 | p[11];
	ahead = (uint16_t)(seq - s->seq);
	/* a successor may skip what its predecessor had reserved and not sent, and repeats nothing */
	if (s->spoke && s->ssrc == ssrc && (process_life(s->owner) == s->life ? ahead != 1 : ahead == 0 || ahead > SKIP_MAX))
		world_wrong("port %u: sequence %u after %u", s->at.port, seq, s->seq);
	s->spoke = true;
	s->life = process_life(s->owner);
	s->ssrc = ssrc;
	s->seq = seq;
}

void net_process_died(struct process *p)
{
	struct loop *l = net_loop_of(p);

	for (uint32_t i = 0; i < name_n; i++)
		if (names[i].owner == p)
			names[i].owner = NULL;
	if (l == NULL)
		return;
	empty(&l->inbox);
	empty(&l->held);
	empty(&l->out);
	free(l);
}

/* ---- loop.h ---- */

int loop_open(const struct loop_config *cfg, struct loop **ret)
{
	struct loop *l = calloc(1, sizeof *l);

	(void)cfg;
	l->process = process_current();
	process_set_loop(l);
	*ret = l;
	return 0;
}

void loop_close(struct loop *l)
{
	(void)l; /* a daemon of the simulation never ends in good order */
}

const char *loop_name(const struct loop *l)
{
	(void)l;
	return "sim";
}

static int connect_name(struct named *s)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;

	if (getpeername(s->fd, (struct sockaddr *)&ss, &len) != 0 || addr_from_sockaddr(&ss, &s->peer) != 0)
		return ERR_IO;
	s->connected = true;
	return 0;
}

int loop_udp_add(struct loop *l, int fd, uint64_t token, bool connected, uint32_t *ret_slot)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	struct addr at;
	struct datagram *d;
	struct named *s;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0 || addr_from_sockaddr(&ss, &at) != 0)
		return ERR_IO;
	s = name_of(&at);
	if (s == NULL)
		return ERR_NOENT;
	s->owner = l->process;
	s->token = token;
	s->connected = false;
	s->fd = fd;
	if (connected && connect_name(s) != 0)
		return ERR_IO;
	s->slot = (uint32_t)(s - names);
	l->slots[s->slot] = s;
	while ((d = pop(&s->queue)) != NULL)
		to_loop(s, d);
	*ret_slot = s->slot;
	return 0;
}

void loop_udp_connected(struct loop *l, uint32_t slot)
{
	if (l->slots[slot] == NULL || connect_name(l->slots[slot]) != 0)
		world_wrong("a socket was said to be connected and is not");
}

void loop_udp_disconnect(struct loop *l, uint32_t slot)
{
	if (l->slots[slot] != NULL)
		l->slots[slot]->connected = false;
}

/* What comes to a port that nobody reads is drained when the port is taken again. */
void loop_udp_del(struct loop *l, uint32_t slot)
{
	struct named *s = l->slots[slot];

	if (s == NULL)
		return;
	l->slots[slot] = NULL;
	s->owner = NULL;
	s->connected = false;
	for (struct datagram *d = l->inbox.first; d != NULL; d = d->next)
		if (addr_eq(&d->to, &s->at))
			d->n = 0; /* passed over */
	empty(&s->queue);
}

int loop_watch(struct loop *l, int fd, uint64_t token)
{
	(void)l, (void)fd, (void)token; /* buses are drained every turn; nothing else becomes readable here */
	return 0;
}

void loop_unwatch(struct loop *l, int fd)
{
	(void)l, (void)fd;
}

void loop_flush(struct loop *l)
{
	struct datagram *d;

	process_may_die();
	while ((d = pop(&l->out)) != NULL) {
		check_rtp(name_of(&d->from), d->p, d->n);
		net_send(&d->from, &d->to, d->p, d->n);
		free(d);
	}
}

void loop_wait(struct loop *l, uint64_t until_ns)
{
	loop_flush(l);
	empty(&l->held);
	l->stats.enters++;
	if (l->inbox.n > 0 && !l->gather)
		until_ns = 0;
	process_sleep(until_ns);
}

void loop_deaf(struct loop *l, bool on)
{
	(void)l, (void)on; /* nothing arrives within a turn */
}

void loop_gather(struct loop *l, bool on)
{
	l->gather = on;
}

bool loop_next(struct loop *l, struct loop_event *ret)
{
	struct datagram *d;

	while ((d = pop(&l->inbox)) != NULL) {
		if (d->n == 0) {
			free(d);
			continue;
		}
		push(&l->held, d);
		*ret = (struct loop_event){
			.kind = LOOP_DATAGRAM, .token = d->token, .p = d->p, .n = d->n, .has_from = !d->connected, .from = d->from,
		};
		l->stats.received++;
		return true;
	}
	return false;
}

int loop_send(struct loop *l, uint32_t slot, const struct addr *to, const void *p, size_t n)
{
	struct named *s = slot < SOCKETS_MAX ? l->slots[slot] : NULL;
	struct datagram *d;

	if (s == NULL)
		return ERR_STALE;
	process_may_die();
	d = datagram_of(&s->at, to != NULL ? to : &s->peer, p, n);
	push(&l->out, d);
	l->stats.sent++;
	return 0;
}

void loop_stats(const struct loop *l, struct loop_stats *ret)
{
	*ret = l->stats;
}
