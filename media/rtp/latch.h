/* latch.h - whose packets are believed.
 *
 * The address of the SDP outranks one that is guessed: it is believed whenever it speaks.
 * Another port of the same IP address (a NAT, or a phone that sends from elsewhere) is a
 * candidate: it is believed after LATCH_IN_SEQUENCE packets of one SSRC in sequence, while
 * the named one has been silent for LATCH_NAMED_SILENT_MS. Any other address is refused,
 * unless latch_learn() allowed it: then it needs LATCH_IN_SEQUENCE_ELSEWHERE.
 *
 * Once a source is believed nobody else is, but for two: the address of the SDP, and
 * another port of the same IP address that goes on with the same stream when the old
 * source has been silent for LATCH_SOURCE_SILENT_MS. latch_init() by a new negotiation
 * forgets everything. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"

#define LATCH_IN_SEQUENCE           4u
#define LATCH_IN_SEQUENCE_ELSEWHERE 8u
#define LATCH_NAMED_SILENT_MS       500u
#define LATCH_SOURCE_SILENT_MS      1000u
#define LATCH_TOLD_MAX              4u /* refused addresses that are remembered */

struct latch {
	struct addr sdp;
	struct addr locked;    /* where packets come from and go to */
	struct addr candidate; /* who is being proven */
	uint32_t ssrc;         /* of the candidate */
	uint16_t next_seq;
	uint8_t run; /* packets in sequence from the candidate */
	bool is_locked;
	bool learns;
	uint8_t shown; /* packets of the source that is believed, at most LATCH_IN_SEQUENCE */
	uint8_t pad[6];
	uint64_t heard_ns; /* its last one; before the lock: when it was first missed, 0 = not yet */
};

_Static_assert(sizeof(struct latch) == 96, "stored in slabs");

struct latch_packet {
	const struct addr *from; /* borrowed */
	uint32_t ssrc;
	uint16_t seq;
	bool goes_on; /* with the stream that is heard: seq_goes_on() */
	uint64_t now_ns;
};

enum latch_verdict {
	LATCH_BELIEVED,
	LATCH_FOUND,   /* believed from now on; nobody was before */
	LATCH_MOVED,   /* believed from now on, in place of another source */
	LATCH_WAITING, /* not believed yet */
	LATCH_REFUSED, /* not to be believed as things are */
	LATCH_VERDICTS
};

/* A new negotiation: nothing is locked, learning is off. */
void latch_init(struct latch *l, const struct addr *sdp);

/* Believe other IP addresses from now on (on), or no longer (off). The caller limits the
 * time, and allows it only for a trunk behind a NAT. A lock stays. */
void latch_learn(struct latch *l, bool on);

/* hot. Is this packet believed? */
enum latch_verdict latch_take(struct latch *l, const struct latch_packet *p);

/* hot. A packet of the source that is believed, as the kernel checked. */
static inline void latch_heard(struct latch *l, uint64_t now_ns)
{
	l->heard_ns = now_ns;
	if (l->shown < LATCH_IN_SEQUENCE)
		l->shown++;
}

/* Is the source the one the SDP names? Only then may the kernel refuse all others. */
bool latch_is_certain(const struct latch *l);

/* The believed source has been silent so long that another one may take its place. */
bool latch_is_silent(const struct latch *l, uint64_t now_ns);

/* Where to send: what was locked, else the SDP's address. */
const struct addr *latch_remote(const struct latch *l);

/* May packets be sent to this address at all? Not to "any", multicast, broadcast, port 0,
 * nor loopback unless allowed. */
bool latch_sendable(const struct addr *a, bool allow_loopback);

/* Refused addresses that were told of. All zero is the start. */
struct latch_told {
	struct addr v[LATCH_TOLD_MAX];
	uint32_t n;
};

/* Once for each address, and for no more than LATCH_TOLD_MAX of them: is it news? */
bool latch_is_news(struct latch_told *t, const struct addr *from);
