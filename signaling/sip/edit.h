/* edit.h - a message that is made or changed: its start line and header fields as text in an
 * area of the caller's, in the order they will be sent (RFC 3261 section 7).
 *
 * Names of header.def are written as the RFCs write them, others as they were given (RFC 3261
 * 7.3.1: they mean the same). Content-Length is no field here: it is what the body is long, and
 * is written when the message is printed. After an error nothing has changed; ERR_NOSPC: the
 * area is too small, sip_edit_move() gives a larger one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "signaling/sip/msg.h"

/* One less than a message may have: the last is Content-Length. */
#define SIP_EDIT_FIELDS_MAX (SIP_HEADERS_MAX - 1)

struct sip_edit {
	struct buf text; /* complete lines */
	size_t fields;   /* where the header fields begin */
	uint32_t count;  /* of fields */
};

struct sip_start {
	bool is_request;
	uint16_t status; /* of a response */
	struct str method, uri; /* of a request */
	struct str reason;
};

/* Begin with a start line. ERR_SYNTAX: a method that is no token, a URI with white space or
 * control octets, a reason phrase of more than one line; ERR_RANGE: the status code. */
MUST_USE int sip_edit_start(struct sip_edit *e, void *area, size_t cap,
			    const struct sip_start *s);

/* Begin with what was parsed: every header field but Content-Length, each value on one line.
 * ERR_RANGE: more than SIP_EDIT_FIELDS_MAX. */
MUST_USE int sip_edit_load(struct sip_edit *e, void *area, size_t cap,
			   const struct sip_msg *m);

/* Begin with the response to a request: its Via and Record-Route lines, From, To with
 * `to_tag` when it has none, Call-ID, CSeq, and Timestamp of a 100 (RFC 3261 8.2.6, 12.1.1).
 * ERR_INVAL: no request. */
struct sip_edit_reply {
	uint16_t status;
	struct str reason; /* empty: the standard phrase */
	struct str to_tag; /* empty, or with 100: none is added */
};
MUST_USE int sip_edit_reply(struct sip_edit *e, void *area, size_t cap,
			    const struct sip_edit *request,
			    const struct sip_edit_reply *r);

/* The same text in another area. */
MUST_USE int sip_edit_move(struct sip_edit *e, void *area, size_t cap);

/* The start line, borrowed. */
struct sip_start sip_edit_started(const struct sip_edit *e);
MUST_USE int sip_edit_restart(struct sip_edit *e, const struct sip_start *s);

/* The next header field; *at is 0 before the first. Borrowed; false at the end. */
bool sip_edit_next(const struct sip_edit *e, size_t *at, struct sip_field *ret);

/* The next field called `name`, full or compact, in any case. */
bool sip_edit_find(const struct sip_edit *e, struct str name, size_t *at, struct str *ret);

/* Add a field behind all others, or before the first (a Via, a Record-Route: RFC 3261 16.6).
 * Names and values must not lie in the text of `e`. ERR_SYNTAX: the name is no token, or CR, LF
 * or NUL is in the value; ERR_INVAL: Content-Length; ERR_RANGE: one field too many. */
MUST_USE int sip_edit_add(struct sip_edit *e, struct str name, struct str value);
MUST_USE int sip_edit_add_first(struct sip_edit *e, struct str name, struct str value);

/* In place of the first field of this name, and none other of it stays; added when there was
 * none. Errors as above. */
MUST_USE int sip_edit_set(struct sip_edit *e, struct str name, struct str value);

/* How many there were. */
uint32_t sip_edit_remove(struct sip_edit *e, struct str name);

/* Append the whole message with its Content-Length (RFC 3261 20.14). ERR_NOSPC. */
MUST_USE int sip_edit_print(const struct sip_edit *e, struct str body, struct buf *to);

/* How long that will be. */
size_t sip_edit_size(const struct sip_edit *e, struct str body);

/* Append a name as it is written: of header.def as there, of others every word begins with a
 * capital. ERR_SYNTAX: no token. */
MUST_USE int sip_put_name(struct buf *b, struct str name);
