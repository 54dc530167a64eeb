/* key.h - a key in the body of an INFO: application/dtmf-relay ("Signal=5", "Duration=160" on lines
 * of their own) and application/dtmf ("5"), as phones and gateways write them. Pure. */
#pragma once

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

struct key {
	char digit; /* one of 0123456789*#ABCD */
	uint32_t duration_ms; /* 0: not said */
};

/* Is it of one of these types? */
bool key_is_type(struct str content_type);

/* ERR_SYNTAX: no key in it. */
MUST_USE int key_read(struct str content_type, struct str body, struct key *ret);
