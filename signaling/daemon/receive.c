/* receive.c - see receive.h */
#include "signaling/daemon/receive.h"

#include "common/base/digest.h"
#include "common/base/log.h"
#include "signaling/daemon/from_peer.h"

#define STRAYS_PER_TURN 64u /* others want something, too */

static void serve(struct signaling *s, const struct sip_packet *in)
{
	struct sip_effects fx;

	s->stack.full = s->legs.used == s->legs.cap && s->legs_spare == 0;
	sip_stack_input(&s->stack, in, s->actor->now_ms, &fx);
	from_peer(s, &fx);
}

/* What another worker has passed on is served here, whoever it belongs to: nothing goes in circles. */
static void take(struct signaling *s, const struct sip_packet *in, bool passed_on)
{
	uint64_t hash = (uint64_t)in->n << 32 | digest_crc32c(0, in->p, in->n);

	if (slab_is_poison(&s->slab, SIGNALING_DATAGRAM, hash)) {
		count(s, STAT_signaling_poison, 1);
		return;
	}
	slab_touch(&s->slab, SIGNALING_DATAGRAM, hash);
	if (passed_on || !strays_pass_on(s, in))
		serve(s, in);
	slab_touch(&s->slab, 0, 0);
}

void receive_datagram(struct signaling *s, const struct loop_event *e)
{
	struct sip_packet in = {.p = (const char *)e->p,
				.n = e->n,
				.source = e->from,
				.flow = {.transport = SIP_UDP,
					 .listener = (uint16_t)e->token}};

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
	take(s, &in, false);
}

void receive_strays(struct signaling *s)
{
	struct sip_packet in;

	for (uint32_t i = 0; i < STRAYS_PER_TURN && strays_next(s, &in); i++) {
		count(s, STAT_signaling_strays_taken, 1);
		take(s, &in, true);
	}
}
