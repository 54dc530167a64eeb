/* outbound.h - whom backends may call, where such a request goes, and how many at once and a second. Closed until the configuration opens
 * it: who can dial spends the operator's money. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define OUTBOUND_ROWS_MAX 64u
#define OUTBOUND_TEXT_BYTES 64u

struct outbound_policy {
	struct addr next_hop; /* family ADDR_NONE: none */
	char hosts[OUTBOUND_ROWS_MAX][OUTBOUND_TEXT_BYTES]; /* "192.0.2.7", "example.org", "*.example.org", "*" */
	uint32_t host_count;
	char numbers[OUTBOUND_ROWS_MAX][OUTBOUND_TEXT_BYTES]; /* of user parts: exact, "prefix*", "*"; none: any */
	uint32_t number_count;
	char from_host[OUTBOUND_TEXT_BYTES]; /* "" = of this host */
	uint32_t max_calls; /* at one time */
	uint32_t max_cps;   /* begun in a second */
	bool follow_redirects; /* where a 3xx sends a call that was allowed, within the same limits */
};

/* Can anybody be called at all? */
bool outbound_is_open(const struct outbound_policy *p);

/* May `uri` be called, and where does the request go? An address goes to itself, a name to next_hop. Without hosts everything goes to
 * next_hop: names, and next_hop itself. 0, or ERR_INVAL with the reason, which names the line of the configuration that is missing. */
MUST_USE int outbound_route(const struct outbound_policy *p, struct str uri, struct addr *ret_hop, const char **ret_why);

/* What has been used. */
struct outbound_use {
	uint32_t calls;      /* that exist */
	uint64_t at_ms;      /* when `thousandths` was counted */
	uint64_t thousandths; /* of a call that may begin now; max_cps calls at most */
};

/* One more call? It is taken. ERR_AGAIN: not now, with the reason and how long to wait. */
MUST_USE int outbound_take(struct outbound_use *u, const struct outbound_policy *p, uint64_t now_ms, const char **ret_why,
			   uint32_t *ret_retry_ms);
