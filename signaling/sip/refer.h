/* refer.h - what transfers are written with: Refer-To (RFC 3515 2.1), Replaces (RFC 3891 6.1),
 * bodies of message/sipfrag (RFC 3420), Subscription-State and Event (RFC 6665 8.4). Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

/* A dialog as its peer sees it, of whom the tags are: to_tag is the reader's own. */
struct sip_replaces {
	struct str call_id, to_tag, from_tag;
	bool early_only;
};

/* ERR_SYNTAX: no Call-ID, not one of each tag. Unknown parameters are passed over. */
MUST_USE int sip_replaces_parse(struct str value, struct sip_replaces *ret);

/* Append the value. ERR_SYNTAX: what can not stand there. ERR_NOSPC. */
MUST_USE int sip_put_replaces(struct buf *b, const struct sip_replaces *r);

/* Where a REFER leads: a sip: or sips: URI without its header fields; of them Replaces alone is
 * looked at, and appended to `replaces` as a value that parses: nothing when there is none.
 * ERR_SYNTAX: also two of them; ERR_UNSUPPORTED: another scheme, or another method than INVITE;
 * ERR_NOSPC: Replaces is too long. */
MUST_USE int sip_refer_to_parse(struct str value, struct str *ret_uri, struct buf *replaces);

/* Append "<URI>", or "<URI?Replaces=...>" when it is not NULL. ERR_SYNTAX, ERR_NOSPC. */
MUST_USE int sip_put_refer_to(struct buf *b, struct str uri, const struct sip_replaces *replaces);

/* The status line of a body; 0: it has none. `*ret_reason` is borrowed. */
uint32_t sip_frag_status(struct str body, struct str *ret_reason);

struct sip_sub_state {
	bool over;          /* terminated */
	uint32_t expires_s; /* 0: not said */
	struct str reason;  /* of the end; or empty */
};

MUST_USE int sip_sub_state_parse(struct str value, struct sip_sub_state *ret); /* ERR_SYNTAX */

/* Is it the package `refer`? `*ret_id` is its id, 0: none. False also when the id is no number. */
bool sip_event_is_refer(struct str value, uint32_t *ret_id);
