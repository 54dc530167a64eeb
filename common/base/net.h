/* net.h - networks, and which address of ours a peer of each is told. */
#pragma once

#include "common/base/addr.h"

/* The first `bits` of `ip`. */
struct net {
	struct addr ip;
	uint32_t bits;
};

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. ERR_SYNTAX. */
MUST_USE int net_parse(struct str text, struct net *ret);
bool net_has(const struct net *n, const struct addr *a);

#define REACH_MAX 32u

/* What we announce; the first row that has the peer counts. */
struct reach {
	struct {
		struct net to;
		struct addr address; /* family NONE: the one that it is reached from */
	} v[REACH_MAX];
	uint32_t count;
	struct addr rest; /* for all others; likewise */
};

/* `to`: a network, or "*" for all of `address`'s family (of both without one). Empty `address`: none. ERR_SYNTAX,
 * ERR_NOSPC, ERR_RANGE: the two are of different families. */
MUST_USE int reach_add(struct reach *r, struct str to, struct str address);

/* What a peer there is told; false: the address it is reached from. Of another family than the peer's nothing is told. */
bool reach_find(const struct reach *r, const struct addr *peer, struct addr *ret);

bool reach_tells(const struct reach *r, const struct addr *a); /* some peer is told this address */

/* `told` is no address that this peer could send to: nobody's, or of a host or network that it can not be in. */
bool reach_misses(const struct addr *peer, const struct addr *told);
