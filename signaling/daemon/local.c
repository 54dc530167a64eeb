/* local.c - see local.h */
#include "signaling/daemon/local.h"

#include <inttypes.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "signaling/daemon/signaling.h"

static int name_of(int fd, struct addr *ret)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return -errno;
	return addr_from_sockaddr(&ss, ret);
}

/* The kernel knows which of our addresses leads there; nothing is sent. */
static int ask_kernel(const struct addr *peer, struct addr *ret)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(peer, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	err = connect(fd, (struct sockaddr *)&ss, len) == 0 ? name_of(fd, ret) : -errno;
	close(fd);
	return err;
}

static int towards(struct locals *all, const struct addr *peer, uint64_t now_ms,
		   struct addr *ret)
{
	uint32_t i = 0;
	int err;

	while (i < LOCALS_MAX && !(all->v[i].peer.family != ADDR_NONE &&
				   addr_ip_eq(&all->v[i].peer, peer)))
		i++;
	if (i < LOCALS_MAX && now_ms - all->v[i].at_ms < LOCALS_AGE_MS) {
		*ret = all->v[i].local;
		return 0;
	}
	err = ask_kernel(peer, ret);
	if (err != 0)
		return err;
	if (i == LOCALS_MAX)
		i = all->next++ % LOCALS_MAX;
	all->v[i].peer = *peer;
	all->v[i].local = *ret;
	all->v[i].at_ms = now_ms;
	return 0;
}

int local_address(struct signaling *s, const struct sip_flow *flow,
		  const struct addr *peer, struct addr *ret)
{
	const struct addr *bound;
	struct addr found;
	int err;

	if (flow->listener >= s->listener_count)
		return ERR_NOENT;
	bound = &s->listeners[flow->listener].bound;
	if (!reach_find(&s->advertised, peer, &found))
		found = *bound;
	err = addr_is_any(&found) ? towards(&s->locals, peer, s->actor->now_ms, &found) : 0;
	if (err != 0)
		return err;
	found.port = bound->port;
	*ret = found;
	return 0;
}

void local_tell(const struct signaling *s, const struct leg *l, const struct addr *peer)
{
	struct addr_text at = addr_text(peer), ours = addr_text(&l->r.local);

	if (reach_misses(peer, &l->r.local))
		log_warn("leg.address", "leg=%" PRIx64 " peer=%s told=%s hint=\"it can not answer there: set sip.advertised_address or "
			 "sip.advertised\"", l->r.handle, at.z, ours.z);
	else if (reach_tells(&s->advertised, &l->r.local))
		log_info("leg.address", "leg=%" PRIx64 " peer=%s told=%s", l->r.handle, at.z, ours.z);
}

uint16_t local_rtcp_port(const struct signaling *s, uint16_t rtp)
{
	for (uint32_t i = 0; i < s->apart_count; i++)
		if (s->apart[i].rtp == rtp)
			return s->apart[i].rtcp;
	return 0;
}
