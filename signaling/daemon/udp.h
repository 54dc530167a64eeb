/* udp.h - the listeners, and datagrams that leave by them. */
#pragma once

#include "common/base/must.h"
#include "signaling/daemon/signaling.h"

MUST_USE int udp_open(struct signaling *s);
void udp_send(struct signaling *s, const struct sip_effect *e);

/* What the stack wants sent at once. That nothing else follows from an answer or a request
 * of ours keeps this file below all decisions. */
static inline void udp_send_all(struct signaling *s, const struct sip_effects *out)
{
	for (uint32_t i = 0; i < out->n; i++) {
		must(out->v[i].kind == SIP_SEND);
		udp_send(s, &out->v[i]);
	}
}
