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
			*pair = (struct port_pair){.rtp = last.fd, .rtcp = item.fd, .port = (uint16_t)last.id};
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

/* Packets that came while nobody owned the port are nobody's. */
static void drain(int fd)
{
	char junk[64];

	for (int i = 0; i < 1024 && recv(fd, junk, sizeof junk, MSG_DONTWAIT) >= 0; i++)
		;
}

static struct port_pair *use(struct port_pair *pair)
{
	pair->state = PORT_USED;
	drain(pair->rtp);
	drain(pair->rtcp);
	return pair;
}

struct port_pair *ports_take(struct ports *p, enum addr_family family, uint64_t now_ms)
{
	for (uint32_t k = 0; k < p->count; k++) {
		uint32_t i = (p->next + k) % p->count;

		if (p->v[i].family != family || !usable(&p->v[i], now_ms))
			continue;
		p->next = i + 1;
		return use(&p->v[i]);
	}
	return NULL;
}

/* A successor finds what its predecessor had; what is in the sockets belongs to the call. */
struct port_pair *ports_take_port(struct ports *p, uint16_t port, enum addr_family family)
{
	for (uint32_t i = 0; i < p->count; i++) {
		if (p->v[i].port != port || p->v[i].family != family || p->v[i].state != PORT_FREE)
			continue;
		p->v[i].state = PORT_USED;
		return &p->v[i];
	}
	return NULL;
}

void ports_give(struct ports *p, struct port_pair *pair, uint64_t now_ms)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	(void)p;
	if (connect(pair->rtp, &none, sizeof none) != 0)
		log_debug("ports.disconnect", "port=%u reason=%s", pair->port, err_name(-errno));
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
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(towards, &ss);
	int fd;

	if (!addr_is_any(&local))
		return local;
	/* the kernel knows which of our addresses leads there; nothing is sent */
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return local;
	if (connect(fd, (struct sockaddr *)&ss, len) == 0 && local_of(fd, &found) == 0) {
		found.port = local.port;
		local = found;
	}
	close(fd);
	return local;
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
