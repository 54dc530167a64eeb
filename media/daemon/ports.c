/* ports.c - see ports.h */
#include "media/daemon/ports.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"

#define DRAIN_MAX 1024
#define LOOKS_MAX 64u /* pairs that may turn out to hear somebody before one of them is taken all the same */

static int local_of(int fd, struct addr *ret)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return -errno;
	return addr_from_sockaddr(&ss, ret);
}

/* Which of our addresses leads there, as the kernel knows; nothing is sent. */
static int route_source(const struct addr *towards, struct addr *ret)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(towards, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = connect(fd, (struct sockaddr *)&ss, len) == 0 ? local_of(fd, ret) : -errno;
	close(fd);
	return err;
}

int ports_init(struct ports *p, uint32_t cap)
{
	*p = (struct ports){.v = calloc(cap, sizeof *p->v), .cap = cap};
	list_init(&p->idle);
	list_init(&p->noisy);
	return p->v != NULL ? 0 : ERR_NOMEM;
}

void ports_fini(struct ports *p)
{
	free(p->v);
	p->v = NULL;
}

/* The filter of an idle port. The first two instructions have no effect: they keep, beyond the death of this process, since when the pair
 * rests and what it had dropped by then. A pair that was never used needs only the last. */
enum {
	NOTE_SINCE,
	NOTE_DROPS,
	NOTE_NOTHING,
	NOTE_INSTRUCTIONS
};

static void attach(const struct port_pair *pair, struct sock_filter *from, unsigned short n)
{
	const struct sock_fprog program = {n, from};

	if (setsockopt(pair->rtp, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0 ||
	    setsockopt(pair->rtcp, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
		log_warn("ports.shut", "port=%u reason=%s", pair->port, err_name(-errno));
}

/* Dropped before the kernel keeps it, and noted. */
static void shut(const struct port_pair *pair, uint64_t since_ms)
{
	struct sock_filter program[NOTE_INSTRUCTIONS] = {
		[NOTE_SINCE] = BPF_STMT(BPF_LD | BPF_IMM, (uint32_t)since_ms),
		[NOTE_DROPS] = BPF_STMT(BPF_LDX | BPF_IMM, pair->drops),
		[NOTE_NOTHING] = BPF_STMT(BPF_RET | BPF_K, 0),
	};

	attach(pair, program, NOTE_INSTRUCTIONS);
}

static void shut_new(const struct port_pair *pair)
{
	attach(pair, &(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0), 1);
}

static void unshut(const struct port_pair *pair)
{
	/* ENOENT: it was not */
	(void)setsockopt(pair->rtp, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int));
	(void)setsockopt(pair->rtcp, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int));
}

static uint32_t drops_of(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof info;

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 ? info[SK_MEMINFO_DROPS] : 0;
}

/* Packets that came while nobody owned the port are nobody's; errors of the last call's peer neither. */
static void drain(int fd)
{
	char junk[64];

	for (int i = 0; i < DRAIN_MAX && (recv(fd, junk, sizeof junk, MSG_DONTWAIT) >= 0 || errno != EAGAIN); i++)
		;
}

void ports_disconnect(const struct port_pair *pair)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	if (connect(pair->rtp, &none, sizeof none) != 0)
		log_debug("ports.disconnect", "port=%u reason=%s", pair->port, err_name(-errno));
}

static void empty(const struct port_pair *pair)
{
	ports_disconnect(pair);
	drain(pair->rtp);
	drain(pair->rtcp);
}

static void put(struct list *where, struct port_pair *pair)
{
	list_del(&pair->idle);
	list_push(where, &pair->idle);
}

static void look(struct port_pair *pair)
{
	pair->drops = drops_of(pair->rtp) + drops_of(pair->rtcp);
}

static void widen(struct ports *p, uint16_t port)
{
	p->lowest = p->count == 0 || port < p->lowest ? port : p->lowest;
	p->highest = port > p->highest ? port : p->highest;
}

int ports_add(struct ports *p, int rtp, int rtcp, uint32_t name)
{
	return ports_add_apart(p, rtp, rtcp, name, (uint16_t)(name + 1));
}

int ports_add_apart(struct ports *p, int rtp, int rtcp, uint32_t name, uint16_t rtcp_port)
{
	struct port_pair pair = {
		.rtp = rtp, .rtcp = rtcp, .port = (uint16_t)name, .rtcp_port = rtcp_port, .address = (uint16_t)(name >> 16),
	};
	const struct port_pair *last = p->count > 0 ? &p->v[p->count - 1] : NULL;
	int err = p->count < p->cap ? 0 : ERR_NOSPC;

	if (err == 0 && last != NULL && last->address == pair.address)
		pair.local = last->local;
	else if (err == 0)
		err = local_of(rtp, &pair.local);
	if (err != 0)
		return err;
	pair.family = pair.local.family;
	p->several |= addr_is_any(&pair.local) || (last != NULL && !addr_ip_eq(&pair.local, &p->v[0].local));
	widen(p, pair.port < rtcp_port ? pair.port : rtcp_port);
	widen(p, pair.port < rtcp_port ? rtcp_port : pair.port);
	p->v[p->count] = pair;
	put(&p->idle, &p->v[p->count++]);
	return 0;
}

void ports_shut_all(struct ports *p)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (!p->v[i].used)
			shut_new(&p->v[i]);
}

/* ---- a predecessor's notes ---- */

/* Without a filter: a peer tells that it was somebody's a moment ago; else it is new, or nobody was told of it yet. */
static void open_still(struct port_pair *pair, uint64_t now_ms)
{
	struct sockaddr_storage peer;
	socklen_t n = sizeof peer;

	if (getpeername(pair->rtp, (struct sockaddr *)&peer, &n) == 0) {
		pair->rested_ms = now_ms + PORTS_REST_MS;
		look(pair);
		shut(pair, now_ms);
	} else {
		shut_new(pair);
	}
	drain(pair->rtp);
	drain(pair->rtcp);
}

static void recall(struct port_pair *pair, uint64_t now_ms)
{
	struct sock_filter program[NOTE_INSTRUCTIONS] = {{0}};
	socklen_t n = NOTE_INSTRUCTIONS;
	uint32_t age_ms;

	if (getsockopt(pair->rtp, SOL_SOCKET, SO_GET_FILTER, program, &n) != 0)
		return;
	if (n == 0) {
		open_still(pair, now_ms);
	} else if (n == NOTE_INSTRUCTIONS && program[NOTE_DROPS].code == (BPF_LDX | BPF_IMM)) {
		age_ms = (uint32_t)now_ms - program[NOTE_SINCE].k;
		pair->rested_ms = now_ms + PORTS_REST_MS > age_ms ? now_ms + PORTS_REST_MS - age_ms : 0;
		pair->drops = program[NOTE_DROPS].k;
	}
}

static int by_rest(const void *a, const void *b)
{
	uint64_t x = (*(struct port_pair *const *)a)->rested_ms, y = (*(struct port_pair *const *)b)->rested_ms;

	return (x > y) - (x < y);
}

int ports_recall(struct ports *p, uint64_t now_ms)
{
	struct port_pair **idle = calloc(p->count + 1, sizeof *idle);
	uint32_t n = 0;

	if (idle == NULL)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < p->count; i++) {
		if (p->v[i].used)
			continue;
		recall(&p->v[i], now_ms);
		idle[n++] = &p->v[i];
	}
	qsort(idle, n, sizeof *idle, by_rest);
	for (uint32_t i = 0; i < n; i++)
		put(&p->idle, idle[i]);
	free(idle);
	return 0;
}

/* ---- one at a time ---- */

static struct port_pair *use(struct port_pair *pair)
{
	list_del(&pair->idle);
	pair->used = true;
	return pair;
}

static bool is_silent(const struct port_pair *pair)
{
	return drops_of(pair->rtp) + drops_of(pair->rtcp) == pair->drops;
}

static bool leads_to(const struct port_pair *pair, const struct addr *source)
{
	return addr_is_any(&pair->local) || addr_ip_eq(&pair->local, source);
}

struct wish {
	uint8_t family;
	const struct addr *source; /* borrowed: at this address; NULL: at any */
	uint64_t now_ms;
};

static bool fits(const struct port_pair *pair, const struct wish *w)
{
	return pair->family == w->family && (w->source == NULL || leads_to(pair, w->source));
}

/* The first of a list that hears nobody. Those that do go to the end of `noisy`; *ret_noisy is the first of them ever met. */
static struct port_pair *first_silent(struct ports *p, struct list *from, const struct wish *w, struct port_pair **ret_noisy)
{
	const struct list *last = from->prev;
	struct list *at = from->next, *next;
	bool more = last != from;

	for (uint32_t looks = 0; more && looks < LOOKS_MAX; at = next) {
		struct port_pair *pair = list_entry(at, struct port_pair, idle);

		next = at->next;
		more = at != last;
		if (pair->rested_ms > w->now_ms)
			break; /* the others came later */
		if (!fits(pair, w))
			continue;
		if (is_silent(pair))
			return pair;
		if (*ret_noisy == NULL)
			*ret_noisy = pair;
		look(pair);
		put(&p->noisy, pair);
		looks++;
	}
	return NULL;
}

static struct port_pair *longest_rested(struct ports *p, const struct wish *w)
{
	struct port_pair *noisy = NULL, *pair = first_silent(p, &p->idle, w, &noisy);

	if (pair == NULL)
		pair = first_silent(p, &p->noisy, w, &noisy);
	return pair != NULL ? pair : noisy;
}

/* All pairs at one address: the kernel need not be asked. */
static int source_towards(const struct ports *p, const struct addr *towards, struct addr *ret)
{
	if (p->several || p->count == 0 || p->v[0].family != towards->family)
		return route_source(towards, ret);
	*ret = p->v[0].local;
	return 0;
}

int ports_take(struct ports *p, const struct addr *towards, uint64_t now_ms, struct port_pair **ret, struct addr *ret_local)
{
	struct addr source;
	int err = source_towards(p, towards, &source);
	struct port_pair *pair = NULL;

	if (err == 0)
		pair = longest_rested(p, &(struct wish){towards->family, &source, now_ms});
	else if (err != -ENETUNREACH && err != -EHOSTUNREACH) /* a peer behind a NAT may name what nobody reaches */
		return err;
	if (pair == NULL)
		pair = longest_rested(p, &(struct wish){towards->family, NULL, now_ms});
	if (pair == NULL)
		return ERR_NOSPC;
	if (err != 0 && addr_is_any(&pair->local))
		return err;
	empty(pair); /* a predecessor may have died before it let go of its last peer */
	unshut(pair);
	*ret_local = addr_is_any(&pair->local) ? source : pair->local;
	ret_local->port = pair->port;
	*ret = use(pair);
	return 0;
}

uint32_t ports_name(const struct port_pair *pair)
{
	return (uint32_t)pair->address << 16 | pair->port;
}

struct port_pair *ports_take_named(struct ports *p, uint32_t name)
{
	for (uint32_t i = 0; i < p->count; i++) {
		if (ports_name(&p->v[i]) != name || p->v[i].used)
			continue;
		unshut(&p->v[i]);
		return use(&p->v[i]);
	}
	return NULL;
}

void ports_give(struct ports *p, struct port_pair *pair, uint64_t now_ms)
{
	pair->used = false;
	look(pair);
	shut(pair, now_ms);
	empty(pair);
	pair->rested_ms = now_ms + PORTS_REST_MS;
	put(&p->idle, pair);
}

uint32_t ports_free(const struct ports *p, uint64_t now_ms)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->count; i++)
		n += !p->v[i].used && p->v[i].rested_ms <= now_ms;
	return n;
}

int ports_connect(const struct port_pair *pair, const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, &ss);

	return connect(pair->rtp, (struct sockaddr *)&ss, len) == 0 ? 0 : -errno;
}

/* Towards one of our own addresses we send from that address. */
static bool leads_to_itself(const struct port_pair *pair, const struct addr *a)
{
	struct addr found;

	if (!addr_is_any(&pair->local))
		return addr_ip_eq(&pair->local, a);
	return route_source(a, &found) == 0 && addr_ip_eq(&found, a);
}

/* Few peers have a port of our range: the pairs are seldom walked. */
static bool in_range(const struct ports *p, uint16_t port)
{
	return p->count > 0 && port >= p->lowest && port <= p->highest;
}

static bool has(const struct port_pair *pair, uint16_t port)
{
	return pair->port == port || pair->rtcp_port == port;
}

bool ports_has(const struct ports *p, uint16_t port)
{
	for (uint32_t i = 0; in_range(p, port) && i < p->count; i++)
		if (has(&p->v[i], port))
			return true;
	return false;
}

bool ports_are_ours(const struct ports *p, const struct addr *a)
{
	for (uint32_t i = 0; in_range(p, a->port) && i < p->count; i++)
		if (p->v[i].family == a->family && has(&p->v[i], a->port) && leads_to_itself(&p->v[i], a))
			return true;
	return false;
}
