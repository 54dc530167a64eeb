/* values.h - what values of header fields are put together from: parameters, quoted text,
 * escapes, schemes of authentication, telephone numbers (RFC 3261 19.1, 20, 25.1; RFC 3966). */
#pragma once

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "signaling/sip/msg.h"
#include "signaling/sip/nameaddr.h"
#include "signaling/sip/uri.h"
#include "signaling/sip/via.h"

/* ---- telephone numbers (RFC 3966) ---- */

/* "tel:+1-555-0100;phone-context=x": `user` is the number as written, `params` what follows.
 * ERR_SYNTAX; ERR_UNSUPPORTED: another scheme. `*at` as sip_uri_parse_at(). */
MUST_USE int sip_tel_parse(struct str text, struct sip_uri *ret, size_t *at);

/* RFC 3966 section 4: visual separators and case do not count. */
bool sip_tel_eq(const struct sip_uri *a, const struct sip_uri *b);

/* ---- authentication (RFC 3261 20.7, 20.44; RFC 7616) ---- */

/* "Digest realm=...": the scheme; `*ret_params` is the list behind it. ERR_SYNTAX. */
MUST_USE int sip_scheme_cut(struct str value, struct str *ret_scheme, struct str *ret_params);

/* The next of the list, which shrinks; the value without its quotes, escapes not resolved.
 * False at the end; `*err` is ERR_SYNTAX when it is not the end, and the list begins with what
 * is wrong. */
bool sip_scheme_param_next(struct str *list, struct sip_param *ret, int *err);

/* Append `name=value`, with quotes where RFC 3261 25.1 has them: nearly everywhere, also
 * around numbers. ERR_SYNTAX: the name is no token, or a value without quotes would not be. */
MUST_USE int sip_put_scheme_param(struct buf *b, struct str name, struct str value,
				  bool of_credentials);

/* ---- parameters ---- */

/* Append ";name=value", quoted when the value is no token and no host; ";name" when it is
 * empty. ERR_SYNTAX. */
MUST_USE int sip_put_param(struct buf *b, struct str name, struct str value);

enum sip_uri_part {
	SIP_PART_USER,
	SIP_PART_PARAM,
	SIP_PART_HEADER,
	SIP_URI_PARTS
};

/* Append text with escapes for what can not stand in this part of a URI (RFC 3261 19.1.2). */
void sip_put_escaped(struct buf *b, struct str text, enum sip_uri_part part);
void sip_put_unescaped(struct buf *b, struct str text);

/* ---- whole values ---- */

/* Each appends its value and reads it again: ERR_SYNTAX or ERR_RANGE when it would not be one.
 * ERR_NOSPC. */
MUST_USE int sip_put_uri(struct buf *b, const struct sip_uri *u); /* sip, sips and tel */
MUST_USE int sip_put_nameaddr(struct buf *b, const struct sip_nameaddr *a);
MUST_USE int sip_put_via(struct buf *b, const struct sip_via *v); /* branch and so on: in params */
