/* ports.h - the pool of RTP port pairs that the supervisor holds open.
 *
 * An idle port takes nothing: a filter of its sockets drops what comes, before the kernel keeps it. A pair that was given back rests for
 * PORTS_REST_MS, and longer as long as others have rested longer or heard nothing meanwhile: with N pairs and calls of D seconds a pool
 * serves N / (D + 2) calls a second. Since when a pair rests stands in its filter, where a successor finds it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/err.h"
#include "common/base/list.h"

#define PORTS_REST_MS 2000u /* packets of the last call may be under way */

struct port_pair {
	int rtp, rtcp;    /* borrowed from custody */
	uint16_t port, rtcp_port;
	uint16_t address; /* number of its address in the configuration */
	uint8_t family;   /* enum addr_family */
	bool used;
	uint32_t drops;   /* what both sockets had dropped when it was looked at last; 0 = nothing yet */
	uint64_t rested_ms;  /* from then on it may be taken; 0 = never used */
	struct list idle;
	struct addr local;
};

struct ports {
	struct port_pair *v; /* owned */
	uint32_t count, cap;
	uint16_t lowest, highest; /* port of a pair, either one */
	bool several; /* addresses, or one that stands for any */
	struct list idle;  /* longest rested first */
	struct list noisy; /* those that heard somebody when they were looked at, longest ago first */
};

MUST_USE int ports_init(struct ports *p, uint32_t cap);
void ports_fini(struct ports *p);

/* A pair of bound sockets, which stay the caller's; `name` as in ports_name(). ERR_NOSPC. */
MUST_USE int ports_add(struct ports *p, int rtp, int rtcp, uint32_t name);

/* Likewise, of an RTCP socket that is not at the port behind. */
MUST_USE int ports_add_apart(struct ports *p, int rtp, int rtcp, uint32_t name, uint16_t rtcp_port);

/* Sockets that are new: from now on they take nothing. */
void ports_shut_all(struct ports *p);
/* Sockets of a predecessor, once its calls have theirs: who rests, since when, and has heard nobody. One that still has the
 * peer of a call that nobody remembers rests from now on; sockets may also be new. ERR_NOMEM. */
MUST_USE int ports_recall(struct ports *p, uint64_t now_ms);

/* One from whose address `towards` is reached, if there is, and its address as the peer sees it. It has taken nothing yet. When all that
 * rested enough hear somebody it is one of them, else a stranger could end the service: who is believed is the session's matter. ERR_NOSPC: none of the
 * family has rested enough; else the errno that keeps us from knowing our address. */
MUST_USE int ports_take(struct ports *p, const struct addr *towards, uint64_t now_ms, struct port_pair **ret, struct addr *ret_local);
/* A predecessor's, with what waits in it. NULL: not there, or taken. */
struct port_pair *ports_take_named(struct ports *p, uint32_t name);
void ports_give(struct ports *p, struct port_pair *pair, uint64_t now_ms);

uint32_t ports_name(const struct port_pair *pair); /* for a record */
uint32_t ports_free(const struct ports *p, uint64_t now_ms); /* those that can be taken now */
bool ports_has(const struct ports *p, uint16_t port);
bool ports_are_ours(const struct ports *p, const struct addr *a); /* a port of the pool at an address of this host */

/* The peer of the RTP socket. */
MUST_USE int ports_connect(const struct port_pair *pair, const struct addr *to);
void ports_disconnect(const struct port_pair *pair);
