/* outbound.c - see outbound.h */
#include "control/model/outbound.h"

#include "control/model/route.h"
#include "control/model/uri.h"

#define SIP_PORT 5060u
#define CALLS_RETRY_MS 1000u /* nobody knows when one ends */

static bool ends_with(struct str s, struct str end)
{
	return s.n > end.n && str_ieq((struct str){s.p + s.n - end.n, end.n}, end);
}

/* `addr`: what the host is when it is no name. */
static bool host_matches(struct str rule, struct str host, const struct addr *addr)
{
	struct addr a;

	if (str_eq(rule, STR("*")))
		return true;
	if (addr->family != ADDR_NONE)
		return addr_parse_ip(rule, &a) == 0 && addr_ip_eq(&a, addr);
	if (str_has_prefix(rule, STR("*.")))
		return ends_with(host, (struct str){rule.p + 1, rule.n - 1});
	return str_ieq(rule, host);
}

static bool host_is_allowed(const struct outbound_policy *p, struct str host, const struct addr *addr)
{
	for (uint32_t i = 0; i < p->host_count; i++)
		if (host_matches(str_of(p->hosts[i]), host, addr))
			return true;
	return false;
}

static bool number_is_allowed(const struct outbound_policy *p, struct str user)
{
	for (uint32_t i = 0; i < p->number_count; i++)
		if (route_matches(str_of(p->numbers[i]), user))
			return true;
	return p->number_count == 0;
}

static const char *uri_fault(int err)
{
	if (err == ERR_RANGE)
		return "the URI is too long, or its port is none";
	return err == ERR_UNSUPPORTED ? "only sip: URIs, with no password, headers, maddr or transport" : "sip:USER@HOST[:PORT] is wanted";
}

/* Nobody answers there, or everybody. */
static bool is_no_destination(const struct addr *a)
{
	return a->family != ADDR_NONE && (addr_is_any(a) || addr_is_multicast(a));
}

bool outbound_is_open(const struct outbound_policy *p)
{
	return p->host_count > 0 || p->next_hop.family != ADDR_NONE;
}

int outbound_route(const struct outbound_policy *p, struct str uri, struct addr *ret_hop, const char **ret_why)
{
	bool has_hop = p->next_hop.family != ADDR_NONE, is_hop, everywhere;
	struct addr a = {.family = ADDR_NONE};
	struct uri u;
	int err;

	*ret_why = "dialling is off: outbound in tipring.yaml opens it";
	if (!outbound_is_open(p))
		return ERR_INVAL;
	err = uri_parse(uri, &u);
	*ret_why = uri_fault(err);
	if (err != 0)
		return ERR_INVAL;
	if (addr_parse_ip(u.host, &a) == 0)
		a.port = u.port != 0 ? u.port : (uint16_t)SIP_PORT;
	*ret_why = "nobody can have this address";
	if (is_no_destination(&a))
		return ERR_INVAL;

	is_hop = has_hop && a.family != ADDR_NONE && addr_eq(&a, &p->next_hop);
	everywhere = p->host_count == 0 && (a.family == ADDR_NONE || is_hop);
	*ret_why = "outbound.hosts has no row for this host";
	if (!everywhere && !host_is_allowed(p, u.host, &a))
		return ERR_INVAL;
	*ret_why = "outbound.numbers has no row for this user part";
	if (!number_is_allowed(p, u.user))
		return ERR_INVAL;
	*ret_why = "names need outbound.next_hop until DNS is there";
	if (a.family == ADDR_NONE && !has_hop)
		return ERR_INVAL;
	*ret_hop = a.family == ADDR_NONE ? p->next_hop : a;
	*ret_why = "";
	return 0;
}

int outbound_take(struct outbound_use *u, const struct outbound_policy *p, uint64_t now_ms, const char **ret_why, uint32_t *ret_retry_ms)
{
	uint64_t most = p->max_cps * 1000ull, since_ms = now_ms > u->at_ms ? now_ms - u->at_ms : 0;

	if (since_ms >= 1000 || u->thousandths + since_ms * p->max_cps > most)
		u->thousandths = most;
	else
		u->thousandths += since_ms * p->max_cps;
	u->at_ms = now_ms;
	if (u->calls >= p->max_calls) {
		*ret_why = "outbound.max_calls of them exist";
		*ret_retry_ms = CALLS_RETRY_MS;
		return ERR_AGAIN;
	}
	if (u->thousandths < 1000) {
		*ret_why = "outbound.max_cps were begun in this second";
		*ret_retry_ms = p->max_cps == 0 ? CALLS_RETRY_MS
						: (uint32_t)((1000 - u->thousandths + p->max_cps - 1) / p->max_cps);
		return ERR_AGAIN;
	}
	u->thousandths -= 1000;
	return 0;
}
