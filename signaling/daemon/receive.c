/* receive.c - see receive.h */
#include "signaling/daemon/receive.h"

#include "common/base/digest.h"
#include "common/base/log.h"
#include "signaling/daemon/from_peer.h"

void receive_datagram(struct signaling *s, const struct loop_event *e)
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
	if (gate_is_new((struct str){in.p, in.n}) &&
	    !gate_admits(&s->gate, &in.source, s->actor->now_ms)) {
		count(s, STAT_sip_source_limited, 1);
		log_warn("sip.source_limited",
			 "source=%s hint=\"sip.new_per_source_per_s\"",
			 addr_text(&in.source).z);
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
	from_peer(s, &fx);
	slab_touch(&s->slab, 0, 0);
}
