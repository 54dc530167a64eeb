/* owner.c - see owner.h */
#include "signaling/sip/owner.h"

#include "common/base/digest.h"
#include "signaling/sip/ids.h"
#include "signaling/sip/nameaddr.h"
#include "signaling/sip/refer.h"
#include "signaling/sip/via.h"

#define CHANCE_DIGITS 16u
#define WORKER_DIGITS 2u

/* Of digits as we print them: nobody else may change a name. */
static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The worker at the end of `digits`; what is not printed by one of `workers` names nobody. */
static uint32_t named_by(struct str digits, uint32_t workers)
{
	uint32_t index = 0;

	if (digits.n != CHANCE_DIGITS + WORKER_DIGITS)
		return SIP_OWNER_NONE;
	for (size_t i = 0; i < digits.n; i++) {
		int digit = digit_of(digits.p[i]);

		if (digit < 0)
			return SIP_OWNER_NONE;
		if (i >= CHANCE_DIGITS)
			index = index << 4 | (uint32_t)digit;
	}
	return index < workers ? index : SIP_OWNER_NONE;
}

static uint32_t of_response(const struct sip_msg *m, uint32_t workers)
{
	struct str cookie = STR(SIP_BRANCH_COOKIE), vias = sip_value(m, SIP_VIA);
	struct sip_via via;

	if (sip_via_parse(sip_list_next(&vias), &via) != 0 || !str_has_prefix(via.branch, cookie))
		return SIP_OWNER_NONE;
	return named_by((struct str){via.branch.p + cookie.n, via.branch.n - cookie.n}, workers);
}

static uint32_t of_replaced(const struct sip_msg *m, uint32_t workers)
{
	struct sip_replaces replaces;

	if (m->method != SIP_M_INVITE || sip_replaces_parse(sip_value(m, SIP_REPLACES), &replaces) != 0)
		return SIP_OWNER_NONE;
	return named_by(replaces.to_tag, workers);
}

uint32_t sip_owner(const struct sip_msg *m, uint32_t workers)
{
	struct str call_id = sip_value(m, SIP_CALL_ID);
	struct sip_nameaddr to;
	uint32_t index;

	if (!m->is_request)
		return of_response(m, workers);
	if (sip_nameaddr_parse(sip_value(m, SIP_TO), &to) == 0 && to.tag.n > 0)
		return named_by(to.tag, workers);
	index = of_replaced(m, workers);
	if (index != SIP_OWNER_NONE || call_id.n == 0)
		return index;
	return digest_crc32c(0, call_id.p, call_id.n) % workers;
}
