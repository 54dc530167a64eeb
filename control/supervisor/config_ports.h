/* config_ports.h - rtp.ports: which ports of a host are for audio, and which two of them are a pair. Pure.
 *
 * An even port and the odd one behind it are a pair (RFC 3550 11). The others are paired two by two in ascending order,
 * the even one of two for RTP when there is one; peers are told where their RTCP goes (a=rtcp, RFC 3605). One that is left
 * over is not used. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define CONFIG_PORT_RANGES_MAX 64u
#define CONFIG_PORT_LEAST      1024u

/* Sorted, disjoint, not touching; what is unused is zero. */
struct config_ports {
	struct config_port_range {
		uint16_t first, last;
	} v[CONFIG_PORT_RANGES_MAX];
	uint32_t count;
};

struct port_names {
	uint16_t rtp, rtcp;
};

/* "20000-21999", "30000". ERR_SYNTAX; ERR_RANGE: below CONFIG_PORT_LEAST, above 65535, or the first is above the last;
 * ERR_EXIST: some of it is there already; ERR_NOSPC. */
MUST_USE int config_ports_add(struct config_ports *p, struct str text);
/* Likewise, of a port that is known to be one; twice is once. */
MUST_USE int config_ports_put(struct config_ports *p, uint16_t port);

bool config_ports_has(const struct config_ports *p, uint16_t port);
uint32_t config_ports_count(const struct config_ports *p);
uint32_t config_ports_pairs(const struct config_ports *p);

/* The pairs in the order of their ports, those of neighbours before the others: number *at, which moves on; start at zero.
 * False at the end. */
struct port_walk {
	uint32_t range;   /* where we are */
	uint32_t port;    /* 0: at the beginning of the range */
	bool others;      /* the neighbours are through */
};
bool config_ports_next(const struct config_ports *p, struct port_walk *at, struct port_names *ret);
