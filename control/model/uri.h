/* uri.h - the sip: URI of somebody to call (RFC 3261 19.1), strictly: what a backend says goes into a request as it is. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define URI_BYTES_MAX 255u
#define URI_HOST_BYTES_MAX 127u

struct uri {
	struct str user;   /* escapes not resolved; n == 0: none */
	struct str host;   /* without brackets */
	bool host_is_v6;   /* written in brackets */
	uint16_t port;     /* 0 = not given */
	struct str params; /* from the first ';' on, or empty */
};

/* Borrowed from `text`. ERR_SYNTAX: no such URI; ERR_UNSUPPORTED: another scheme, a password, headers ("?"), a parameter that leads
 * elsewhere (maddr, a transport that is not udp); ERR_RANGE: too long, or no port. */
MUST_USE int uri_parse(struct str text, struct uri *ret);
