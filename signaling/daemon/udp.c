/* udp.c - datagrams in and out, and which of our addresses a peer sees. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/log.h"
#include "signaling/daemon/signaling.h"

static int bound_of(int fd, struct addr *ret)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return -errno;
	return addr_from_sockaddr(&ss, ret);
}

int udp_open(struct signaling *s)
{
	struct custody_item item;

	for (uint32_t i = 0;
	     custody_item(s->actor->custody, CUSTODY_LISTENER, i, &item) == 0; i++) {
		struct listener *l = &s->listeners[s->listener_count];
		int err;

		if (s->listener_count == SIGNALING_LISTENERS_MAX)
			return ERR_RANGE;
		err = bound_of(item.fd, &l->bound);
		if (err == 0)
			err = loop_udp_add(s->actor->loop, item.fd, s->listener_count,
					   false, &l->slot);
		if (err != 0)
			return err;
		log_info("sip.listening", "transport=udp address=%s",
			 addr_text(&l->bound).z);
		s->listener_count++;
	}
	return s->listener_count > 0 ? 0 : ERR_NOENT;
}

void udp_receive(struct signaling *s, const struct loop_event *e)
{
	struct sip_packet in = {.p = (const char *)e->p,
				.n = e->n,
				.source = e->from,
				.flow = {.transport = SIP_UDP,
					 .listener = (uint16_t)e->token}};
	struct sip_effects fx;
	uint64_t hash;

	if (e->truncated) {
		count(s, STAT_sip_truncated, 1);
		return;
	}
	hash = (uint64_t)e->n << 32 | digest_crc32c(0, e->p, e->n);
	if (slab_is_poison(&s->slab, SIGNALING_DATAGRAM, hash)) {
		count(s, STAT_signaling_poison, 1);
		return;
	}
	slab_touch(&s->slab, SIGNALING_DATAGRAM, hash);
	s->stack.full = s->legs.used == s->legs.cap && s->legs_spare == 0;
	sip_stack_input(&s->stack, &in, s->actor->now_ms, &fx);
	effects_of_stack(s, &fx);
	slab_touch(&s->slab, 0, 0);
}

/* The bytes have to stay until the loop has submitted them: everything of a turn goes
 * into one area. */
static char *keep(struct signaling *s, const char *p, size_t n)
{
	char *at;

	if (s->out_turn_ns != s->actor->now_ns) {
		s->out_turn_ns = s->actor->now_ns;
		s->out_used = 0;
	}
	if (n > SIGNALING_OUT_BYTES - s->out_used) {
		loop_flush(s->actor->loop);
		s->out_used = 0;
	}
	at = s->out + s->out_used;
	memcpy(at, p, n);
	s->out_used += n;
	return at;
}

void udp_send(struct signaling *s, const struct sip_effect *e)
{
	const struct listener *l;

	if (e->flow.listener >= s->listener_count || e->n > SIGNALING_OUT_BYTES)
		return;
	l = &s->listeners[e->flow.listener];
	if (l->bound.family != e->to.family ||
	    loop_send(s->actor->loop, l->slot, &e->to, keep(s, e->p, e->n), e->n) != 0)
		count(s, STAT_sip_send_failed, 1);
}

/* The kernel knows which of our addresses leads there; nothing is sent. */
static struct addr ask_kernel(const struct addr *peer)
{
	struct addr found = {.family = ADDR_NONE};
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(peer, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return found;
	if (connect(fd, (struct sockaddr *)&ss, len) != 0 || bound_of(fd, &found) != 0)
		found.family = ADDR_NONE;
	close(fd);
	return found;
}

static struct addr route_to(struct signaling *s, const struct addr *peer)
{
	struct local_route *r;

	for (uint32_t i = 0; i < SIGNALING_LOCALS_MAX; i++)
		if (s->locals[i].peer.family != ADDR_NONE &&
		    addr_ip_eq(&s->locals[i].peer, peer))
			return s->locals[i].local;
	r = &s->locals[s->local_next++ % SIGNALING_LOCALS_MAX];
	*r = (struct local_route){*peer, ask_kernel(peer)};
	return r->local;
}

struct addr udp_local(struct signaling *s, const struct sip_flow *flow,
		      const struct addr *peer)
{
	struct addr local = s->listeners[flow->listener].bound;
	uint16_t port = local.port;

	if (s->advertised.family != ADDR_NONE)
		local = s->advertised;
	else if (addr_is_any(&local))
		local = route_to(s, peer);
	local.port = port;
	return local;
}
