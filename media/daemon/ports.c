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

/* Dropped before the kernel keeps it. */
static void shut(const struct port_pair *pair)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = {1, &nothing};

	if (setsockopt(pair->rtp, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0 ||
	    setsockopt(pair->rtcp, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
		log_warn("ports.shut", "port=%u reason=%s", pair->port, err_name(-errno));
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

static void put(struct list *where, struct port_pair *pair)
{
	pair->drops = drops_of(pair->rtp) + drops_of(pair->rtcp);
	list_del(&pair->idle);
	list_push(where, &pair->idle);
}

int ports_add(struct ports *p, int rtp, int rtcp, uint32_t name)
{
	struct port_pair pair = {.rtp = rtp, .rtcp = rtcp, .port = (uint16_t)name, .address = (uint16_t)(name >> 16)};
	int err = p->count < p->cap ? local_of(rtp, &pair.local) : ERR_NOSPC;

	if (err != 0)
		return err;
	pair.family = pair.local.family;
	p->v[p->count] = pair;
	put(&p->idle, &p->v[p->count++]);
	return 0;
}

void ports_shut_some(struct ports *p, uint32_t most)
{
	for (; most > 0 && p->shut < p->count; most--, p->shut++)
		if (!p->v[p->shut].used)
			shut(&p->v[p->shut]);
}

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

int ports_take(struct ports *p, const struct addr *towards, uint64_t now_ms, struct port_pair **ret, struct addr *ret_local)
{
	struct addr source;
	int err = route_source(towards, &source);
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
	ports_disconnect(pair); /* a predecessor may have died before it let go of its last peer */
	drain(pair->rtp);
	drain(pair->rtcp);
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
	shut(pair);
	ports_disconnect(pair);
	drain(pair->rtp);
	drain(pair->rtcp);
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

bool ports_has(const struct ports *p, uint16_t port)
{
	for (uint32_t i = 0; i < p->count; i++)
		if ((p->v[i].port | 1) == (port | 1))
			return true;
	return false;
}

bool ports_are_ours(const struct ports *p, const struct addr *a)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (p->v[i].family == a->family && (p->v[i].port | 1) == (a->port | 1) && leads_to_itself(&p->v[i], a))
			return true;
	return false;
}
