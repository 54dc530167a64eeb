/* nameaddr.h - From, To, Contact and Route values (RFC 3261 20.10):
 * ["display"] <uri> *(;param) or addr-spec *(;param). */
#pragma once

#include "common/base/err.h"
#include "common/base/str.h"

struct sip_nameaddr {
	struct str display; /* without quotes, escapes not resolved */
	struct str uri;     /* of any scheme; not parsed */
	struct str params;  /* of the header, from ';' on */
	struct str tag;     /* n == 0: none */
};

MUST_USE int sip_nameaddr_parse(struct str value,
				struct sip_nameaddr *ret); /* ERR_SYNTAX */

/* The same; `*at` is where it stopped: after an error, at what is wrong or behind the
 * part that is. */
MUST_USE int sip_nameaddr_parse_at(struct str value, struct sip_nameaddr *ret,
				   size_t *at);

/* The URI alone, where nothing else of the value is used: parameters behind it are not
 * looked at. ERR_SYNTAX. */
MUST_USE int sip_nameaddr_uri(struct str value, struct str *ret);

/* A display name as people read it: escapes resolved, what is folded on one line, control
 * octets left out. Cut to `cap` - 1 octets and NUL-terminated. */
void sip_display_copy(char *to, size_t cap, struct str display);
