/* ports.c - the pool of RTP port pairs that the supervisor holds open. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "media/daemon/media.h"

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

/* An even port followed by the odd one above it, on the same address. */
static bool is_pair(const struct custody_item *even, const struct custody_item *odd)
{
	return even->id % 2 == 0 && odd->id == even->id + 1 && odd->index == even->index;
}

int ports_init(struct ports *p, const struct custody *c)
{
	struct custody_item last = {.kind = CUSTODY_NONE}, item;
	uint32_t n = 0, at = 0;

	while (custody_each(c, CUSTODY_RTP_PORT, &at, &item) == 0)
		n++;
	p->v = calloc(n / 2 + 1, sizeof *p->v);
	if (p->v == NULL)
		return ERR_NOMEM;
	at = 0;
	while (custody_each(c, CUSTODY_RTP_PORT, &at, &item) == 0) {
		struct port_pair *pair = &p->v[p->count];

		if (last.kind != CUSTODY_NONE && is_pair(&last, &item)) {
			*pair = (struct port_pair){.rtp = last.fd, .rtcp = item.fd, .port = (uint16_t)last.id, .address = (uint16_t)last.index};
			if (local_of(pair->rtp, &pair->local) == 0) {
				pair->family = pair->local.family;
				p->count++;
			}
		}
		last = item;
	}
	return p->count > 0 ? 0 : ERR_NOENT;
}

void ports_fini(struct ports *p)
{
	free(p->v);
	p->v = NULL;
}

static bool usable(struct port_pair *pair, uint64_t now_ms)
{
	if (pair->state == PORT_RESTING && now_ms >= pair->rest_until_ms)
		pair->state = PORT_FREE;
	return pair->state == PORT_FREE;
}

/* Packets that came while nobody owned the port are nobody's; errors of the last call's peer neither. */
static void drain(int fd)
{
	char junk[64];

	for (int i = 0; i < 1024 && (recv(fd, junk, sizeof junk, MSG_DONTWAIT) >= 0 || errno != EAGAIN); i++)
		;
}

void ports_disconnect(const struct port_pair *pair)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	if (connect(pair->rtp, &none, sizeof none) != 0)
		log_debug("ports.disconnect", "port=%u reason=%s", pair->port, err_name(-errno));
}

static struct port_pair *use(struct port_pair *pair)
{
	pair->state = PORT_USED;
	ports_disconnect(pair); /* a predecessor may have died before it let go of its last peer */
	drain(pair->rtp);
	drain(pair->rtcp);
	return pair;
}

static bool leads_to(const struct port_pair *pair, const struct addr *source)
{
	return addr_is_any(&pair->local) || addr_ip_eq(&pair->local, source);
}

struct port_pair *ports_take(struct ports *p, const struct addr *towards, uint64_t now_ms)
{
	struct addr source = {.family = ADDR_NONE};
	struct port_pair *other = NULL;

	(void)!route_source(towards, &source);
	for (uint32_t k = 0; k < p->count; k++) {
		uint32_t i = (p->next + k) % p->count;
		struct port_pair *pair = &p->v[i];

		if (pair->family != towards->family || !usable(pair, now_ms))
			continue;
		if (leads_to(pair, &source)) {
			p->next = i + 1;
			return use(pair);
		}
		other = other == NULL ? pair : other;
	}
	return other != NULL ? use(other) : NULL;
}

uint32_t ports_name(const struct port_pair *pair)
{
	return (uint32_t)pair->address << 16 | pair->port;
}

/* A successor finds what its predecessor had; what is in the sockets belongs to the call. */
struct port_pair *ports_take_named(struct ports *p, uint32_t name)
{
	for (uint32_t i = 0; i < p->count; i++) {
		if (ports_name(&p->v[i]) != name || p->v[i].state != PORT_FREE)
			continue;
		p->v[i].state = PORT_USED;
		return &p->v[i];
	}
	return NULL;
}

void ports_give(struct ports *p, struct port_pair *pair, uint64_t now_ms)
{
	(void)p;
	ports_disconnect(pair);
	pair->state = PORT_RESTING;
	pair->rest_until_ms = now_ms + MEDIA_QUARANTINE_MS;
}

uint32_t ports_free(const struct ports *p, uint64_t now_ms)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->count; i++)
		n += p->v[i].state == PORT_FREE || (p->v[i].state == PORT_RESTING && now_ms >= p->v[i].rest_until_ms);
	return n;
}

int ports_connect(const struct port_pair *pair, const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, &ss);

	return connect(pair->rtp, (struct sockaddr *)&ss, len) == 0 ? 0 : -errno;
}

struct addr ports_local(const struct port_pair *pair, const struct addr *towards)
{
	struct addr local = pair->local, found;

	if (!addr_is_any(&local) || route_source(towards, &found) != 0)
		return local;
	found.port = local.port;
	return found;
}

static bool leads_to_itself(const struct port_pair *pair, const struct addr *a)
{
	struct addr local = ports_local(pair, a); /* towards one of our own addresses it is that address */

	return addr_ip_eq(&local, a);
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
