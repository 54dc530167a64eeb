/* udp.c - see udp.h */
#include "signaling/daemon/udp.h"

#include <string.h>
#include <sys/socket.h>

#include "common/base/log.h"

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
