/* latch.h - whose packets are believed.
 *
 * The address of the SDP is accepted at once. The same IP address with another port (a
 * NAT, or a phone that sends from elsewhere) is accepted after LATCH_IN_SEQUENCE packets
 * of one SSRC in sequence. Any other address is rejected, unless latch_learn() allowed
 * it: then it needs LATCH_IN_SEQUENCE_ELSEWHERE. Once something was accepted nothing else
 * is, until latch_init() by a new negotiation. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"

#define LATCH_IN_SEQUENCE           4u
#define LATCH_IN_SEQUENCE_ELSEWHERE 8u

struct latch {
	struct addr sdp;
	struct addr locked;    /* where packets come from and go to */
	struct addr candidate; /* who is being proven */
	uint32_t ssrc;         /* of the candidate */
	uint16_t next_seq;
	uint8_t run; /* packets in sequence from the candidate */
	bool is_locked;
	bool learns;
	uint8_t pad[3];
	uint32_t rejected;
};

_Static_assert(sizeof(struct latch) == 88, "stored in slabs");

/* A new negotiation: nothing is locked, learning is off, `rejected` starts at 0. */
void latch_init(struct latch *l, const struct addr *sdp);

/* Believe other IP addresses from now on (on), or no longer (off). The caller limits the
 * time, and allows it only for a trunk behind a NAT. A lock stays. */
void latch_learn(struct latch *l, bool on);

/* hot. Is this packet believed? */
bool latch_accepts(struct latch *l, const struct addr *from, uint32_t ssrc, uint16_t seq);

/* Where to send: what was locked, else the SDP's address. */
const struct addr *latch_remote(const struct latch *l);

/* May packets be sent to this address at all? Not to "any", multicast, broadcast, port 0,
 * nor loopback unless allowed. */
bool latch_sendable(const struct addr *a, bool allow_loopback);
