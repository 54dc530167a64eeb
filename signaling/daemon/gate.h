/* gate.h - how many new requests a source network may send: a token bucket for each /24 of
 * IPv4 and /48 of IPv6, in a table that does not grow. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/map.h"
#include "common/base/str.h"

#define GATE_WAYS    4u
#define GATE_SETS    256u
#define GATE_BURST_S 2u /* of the rate, at once */

struct gate_row {
	uint64_t network; /* hashed; 0 = free */
	uint64_t at_ms;   /* of `level` */
	uint64_t level;   /* thousandths of a request */
};

struct gate {
	uint32_t per_s; /* 0: everything passes */
	struct map_key key;
	struct gate_row rows[GATE_SETS][GATE_WAYS];
};

void gate_init(struct gate *g, uint32_t per_s, const struct map_key *key);

/* One request more of this source. In a full set of the table the network that has used
 * least makes room, so that those who are limited stay so. */
bool gate_admits(struct gate *g, const struct addr *source, uint64_t now_ms);

/* Would it be admitted? Nothing is counted. */
bool gate_has_room(struct gate *g, const struct addr *source, uint64_t now_ms);

/* Before parsing: may it want something new of us? Not responses, what has a To tag, and
 * what only ends something: ACK and CANCEL. */
bool gate_is_new(struct str datagram);
