/* names.h - header, method and status names as numbers (header.def, method.def,
 * status.def). */
#pragma once

#include <stdint.h>

#include "common/base/str.h"

enum sip_header {
	SIP_OTHER, /* any name that is not in header.def */
#define HEADER(id, name, compact, kind) SIP_##id,
#include "signaling/sip/header.def"
#undef HEADER
	SIP_HEADERS
};

/* Sets of headers: VIA is SIP_VIA. */
#define SIP_BIT(id) ((uint64_t)1 << SIP_##id)
_Static_assert(SIP_HEADERS <= 64, "a set is one word");

enum sip_method {
	SIP_UNKNOWN,
#define METHOD(id, name) SIP_M_##id,
#include "signaling/sip/method.def"
#undef METHOD
	SIP_METHODS
};

enum sip_method sip_method_of(struct str name); /* case-sensitive (RFC 3261 7.1) */
enum sip_header sip_header_of(struct str name); /* full or compact, any case */
/* Likewise; `room` octets can be read from where it begins: faster with 8 and more. */
enum sip_header sip_header_at(struct str name, size_t room);
const char *sip_header_name(enum sip_header id);
const char *sip_reason_of(unsigned status);    /* "" when it has no phrase */
