/* local.h - which of our addresses a peer knows us by. */
#pragma once

#include <stdint.h>

#include "common/base/addr.h"
#include "signaling/sip/flow.h"

#define LOCALS_MAX    64u
#define LOCALS_AGE_MS 30000u /* routes and addresses change */

struct signaling;

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
