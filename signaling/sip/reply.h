/* reply.h - responses from a template: what every response to one request repeats is
 * copied once, when it arrives (RFC 3261 8.2.6). */
#pragma once

#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/buf.h"
#include "signaling/sip/validate.h"

#define SIP_SKELETON_BYTES 6144u
#define SIP_RESPONSE_BYTES 8192u
#define SIP_TAG_BYTES      32u

/* Via lines (the top one stamped), From, To, Call-ID, CSeq, Timestamp; Record-Route
 * apart, because only responses that make a dialog carry it. Fixed size, no pointers: it
 * lives in slabs too. */
struct sip_skeleton {
	uint16_t bytes;       /* of text */
	uint16_t to_end;      /* where the To tag goes; 0 = there is no To */
	uint16_t route_bytes; /* Record-Route lines, at the end of text */
	uint8_t has_to_tag;   /* or a To that can not take one */
	uint8_t cut;          /* Record-Route did not fit: good for refusals only */
	char text[SIP_SKELETON_BYTES];
};

struct sip_reply {
	unsigned code;
	struct str reason;  /* empty: the standard phrase */
	struct str to_tag;  /* added when the request's To has none and code is not 100 */
	bool make_dialog;   /* Record-Route */
	struct str headers; /* complete lines, each with CRLF */
	struct str type, body; /* empty: no body */
	struct str server;     /* empty: no Server header */
};

/* ERR_NOSPC: too long to be answered from here; with `cut` it can still be refused.
 * Header lines that are there are copied even when they are malformed. */
MUST_USE int sip_skeleton_make(const struct sip_msg *m, const struct sip_core *c,
			       const struct addr *source, bool force_rport,
			       struct sip_skeleton *ret);

/* Appends. ERR_NOSPC; ERR_SYNTAX: text that would break the message, a body without type.
 */
MUST_USE int sip_reply_print(struct buf *b, const struct sip_skeleton *k,
			     const struct sip_reply *r);

/* Append "Name: value\r\n". ERR_SYNTAX and nothing appended when the name is no token or
 * the value holds CR, LF or NUL. */
MUST_USE int sip_line(struct buf *b, struct str name, struct str value);

/* Append the Retry-After line of a refusal: a few seconds, which ones `chance` says. */
void sip_put_retry_after(struct buf *b, uint64_t chance);

/* Append `text` as a quoted-string: quotes and backslashes escaped, octets that may not
 * stand there left out (RFC 3261 25.1). */
void sip_put_quoted(struct buf *b, struct str text);
