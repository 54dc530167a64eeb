/* via.h - one Via value (RFC 3261 20.42, RFC 3581). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

struct sip_via {
	struct str transport;
	struct str host; /* with brackets when it is an IPv6 address */
	uint16_t port;   /* 0 = not given */
	struct str branch;
	struct str received;
	bool rport;        /* present, with or without value */
	struct str params; /* from ';' on */
};

MUST_USE int sip_via_parse(struct str value,
			   struct sip_via *ret); /* ERR_SYNTAX, ERR_RANGE */

/* The same; `*at` is where it stopped: after an error, at what is wrong or behind the
 * part that is. */
MUST_USE int sip_via_parse_at(struct str value, struct sip_via *ret, size_t *at);

/* The value as it goes into a response: `received` when the source is not what the sender
 * claimed, `rport` filled in when asked for or forced (RFC 3261 18.2.1, RFC 3581 4). */
void sip_via_stamp(struct buf *b, const struct sip_via *v, const struct addr *source,
		   bool force_rport);

/* Where the response goes (RFC 3261 18.2.2, RFC 3581 4): the source address; its port
 * when rport was asked for or forced, else that of sent-by. `maddr` is not followed:
 * nobody chooses where our packets go but by sending from there. */
struct addr sip_via_reply_to(const struct sip_via *v, const struct addr *source,
			     bool force_rport);
