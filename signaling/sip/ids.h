/* ids.h - names that nobody else has: branches, tags, Call-IDs. Pure: who calls brings 64 bits
 * of chance for each, from the kernel where peers must not guess them. */
#pragma once

#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define SIP_BRANCH_COOKIE   "z9hG4bK" /* RFC 3261 8.1.1.7 */
#define SIP_ID_BRANCH_BYTES 24u /* the cookie, 16 digits, NUL */
#define SIP_ID_TAG_BYTES    17u /* 16 digits, NUL */

void sip_make_branch(char out[SIP_ID_BRANCH_BYTES], uint64_t chance); /* RFC 3261 8.1.1.7 */
void sip_make_tag(char out[SIP_ID_TAG_BYTES], uint64_t chance);       /* RFC 3261 19.3 */

/* Append a version 4 UUID (RFC 9562 5.4), and "@host" unless it is empty (RFC 3261 8.1.1.4).
 * ERR_SYNTAX: what can not stand in a Call-ID. ERR_NOSPC. */
MUST_USE int sip_put_call_id(struct buf *b, const uint64_t chance[2], struct str host);
