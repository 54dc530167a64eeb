/* uri.h - SIP and SIPS URIs (RFC 3261 section 19.1). */
#pragma once

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define SIP_URI_PARAMS_MAX 32u /* more are compared as different */

struct sip_uri {
	struct str scheme;
	struct str user; /* with its password, escapes not resolved; n == 0: none */
	struct str host; /* without brackets */
	bool host_is_v6;
	uint16_t port;      /* 0 = not given */
	struct str params;  /* from the first ';' on, or empty */
	struct str headers; /* behind '?', or empty */
};

/* ERR_SYNTAX; ERR_UNSUPPORTED: another scheme than sip or sips (`ret->scheme` is set, the
 * rest is not looked at); ERR_RANGE: the port. */
MUST_USE int sip_uri_parse(struct str text, struct sip_uri *ret);

/* The same; `*at` is where it stopped: after an error, at what is wrong or behind the
 * part that is. */
MUST_USE int sip_uri_parse_at(struct str text, struct sip_uri *ret, size_t *at);

/* The next ";name[=value]" of `*params`, which shrinks; false at the end. */
bool sip_uri_param_next(struct str *params, struct str *ret_name, struct str *ret_value);

/* Does it have the parameter `name`? */
bool sip_uri_has(const struct sip_uri *u, struct str name);

/* Equality by RFC 3261 19.1.4. */
bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b);
