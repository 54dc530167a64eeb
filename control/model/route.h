/* route.h - which app gets a call: the user part of the request URI against a list of rules, first match wins. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

#define ROUTE_NUMBER_BYTES 64u
#define ROUTE_APP_BYTES 64u
#define ROUTES_MAX 256u

struct route {
	char number[ROUTE_NUMBER_BYTES]; /* exact, "prefix*", or "*" */
	char app[ROUTE_APP_BYTES];
};

struct routes {
	struct route v[ROUTES_MAX];
	uint32_t count;
};

/* "sip:+4930123;x=y:secret@host;p" -> "+4930123"; empty when there is no user part. Escapes are not resolved. */
struct str route_user(struct str uri);

/* One row of a list: "+49*" takes %2B4930. */
bool route_matches(struct str rule, struct str user);

/* By a user part as it stands in a URI: "%62ot" is bot. NULL: nobody wants this number. */
const char *route_find(const struct routes *r, struct str user);
