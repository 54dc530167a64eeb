/* info.h - a call as a message, its memory in a caller's struct. */
#pragma once

#include "control/daemon/control.h"

struct info_address {
	Tipring__V1__Address m;
	char ip[64];
};
struct info {
	Tipring__V1__CallInfo m;
	Tipring__V1__MediaFacts facts;
	Tipring__V1__MediaFormat formats[CALL_FORMATS_MAX], *format_rows[CALL_FORMATS_MAX];
	Tipring__V1__Header headers[CALL_HEADERS_MAX], *rows[CALL_HEADERS_MAX];
	struct info_address local, rtp, rtcp;
	Tipring__V1__MediaStats stats;
};
struct info_targets {
	Tipring__V1__RedirectTarget v[CALL_CONTACTS_MAX], *rows[CALL_CONTACTS_MAX];
};
size_t info_targets(struct info_targets *t, const struct call *c); /* where it is to go instead: the number of rows */
Tipring__V1__Address *info_address(struct info_address *a, const struct addr *from);
Tipring__V1__MediaFacts *info_facts(struct info *i, const struct control_call *cc);
Tipring__V1__CallInfo *info_fill(struct info *i, const struct control_call *cc);
Tipring__V1__CallInfo *info_fill_past(struct info *i, const struct past_call *c); /* what is known of one that is over */
bool info_is_plain(const char *z); /* no control characters: a header may not carry a line end into a message */
MUST_USE int info_take_facts(const Tipring__V1__MediaFacts *in, struct call_media *ret); /* ERR_INVAL: no usable address */
MUST_USE int info_take_address(const Tipring__V1__Address *in, struct addr *ret);
