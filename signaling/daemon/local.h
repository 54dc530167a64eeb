/* local.h - which of our addresses a peer knows us by. */
#pragma once

#include <stdint.h>

#include "common/base/addr.h"
#include "signaling/sip/flow.h"

#define LOCALS_MAX    64u
#define LOCALS_AGE_MS 30000u /* routes and addresses change */

struct signaling;
struct leg;

/* What the kernel said, for listeners that are bound to all addresses. */
struct locals {
	struct {
		struct addr peer, local;
		uint64_t at_ms;
	} v[LOCALS_MAX];
	uint32_t next;
};

/* With the port of the flow's listener. An errno of the kernel, ERR_NOENT or ERR_UNSUPPORTED:
 * there is none now, and nothing is remembered of it. */
MUST_USE int local_address(struct signaling *s, const struct sip_flow *flow,
			   const struct addr *peer, struct addr *ret);

/* Once per call, with what was chosen. */
void local_tell(const struct signaling *s, const struct leg *l, const struct addr *peer);

/* Where the RTCP of a port of media goes; 0: to the one behind it. */
uint16_t local_rtcp_port(const struct signaling *s, uint16_t rtp);
