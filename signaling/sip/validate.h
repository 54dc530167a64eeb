/* validate.h - is this request one that can be served? (RFC 3261 section 8.2, and the
 * answers RFC 4475 asks for) */
#pragma once

#include <stdint.h>

#include "common/base/buf.h"
#include "signaling/sip/cseq.h"
#include "signaling/sip/msg.h"
#include "signaling/sip/nameaddr.h"
#include "signaling/sip/via.h"

#define SIP_ALLOW        "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, MESSAGE, REFER, NOTIFY"
#define SIP_SUPPORTED_TAGS "100rel, timer, replaces" /* RFC 3262, 4028, 3891 */
#define SIP_ACCEPT_TYPES "application/sdp, multipart/mixed"
/* of the 200 to OPTIONS, RFC 3261 11.2 */
#define SIP_OPTIONS_HEADERS                                                               \
	"Allow: " SIP_ALLOW "\r\nSupported: " SIP_SUPPORTED_TAGS "\r\nAccept: " SIP_ACCEPT_TYPES "\r\n"

struct sip_verdict {
	uint16_t status;    /* 0 = serve it; 1 = drop it silently */
	const char *reason; /* NULL: the standard phrase */
};

#define SIP_DROP 1u

/* What the checks parsed on the way; after a refusal, as far as they came. */
struct sip_core {
	struct sip_via via; /* topmost */
	struct sip_nameaddr from, to;
	struct sip_cseq cseq;
	struct str call_id;
	bool has_via;
};

/* By what the request is read for (uses.h). It may be an ACK: that is served or dropped. */
struct sip_verdict sip_validate(const struct sip_msg *m, struct sip_core *ret);

/* Header lines that belong to a refusal: Allow with 405 and 501, Accept with 415 and 488,
 * Unsupported with 420. */
void sip_refusal_headers(struct buf *b, const struct sip_msg *m, unsigned status);
