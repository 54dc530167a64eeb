/* net.c - see net.h */
#include "common/base/net.h"

#include <string.h>

#include "common/base/scan.h"

static uint32_t width(const struct addr *a)
{
	return a->family == ADDR_V4 ? 32 : 128;
}

int net_parse(struct str text, struct net *ret)
{
	struct str bits, ip = str_cut(text, '/', &bits);
	struct scan s = scan_of(bits);

	memset(ret, 0, sizeof *ret);
	if (addr_parse_ip(ip, &ret->ip) != 0)
		return ERR_SYNTAX;
	ret->bits = width(&ret->ip);
	if (ip.n == text.n)
		return 0;
	if (bits.n == 0 || (ret->bits = scan_u32(&s)) > width(&ret->ip))
		return ERR_SYNTAX;
	scan_end(&s);
	return s.err == 0 ? 0 : ERR_SYNTAX;
}

bool net_has(const struct net *n, const struct addr *a)
{
	uint32_t whole = n->bits / 8, rest = n->bits % 8;

	if (n->ip.family != a->family || memcmp(n->ip.ip, a->ip, whole) != 0)
		return false;
	return rest == 0 || ((n->ip.ip[whole] ^ a->ip[whole]) >> (8 - rest)) == 0;
}

/* All addresses of one family. */
static struct net all_of(uint8_t family)
{
	return (struct net){.ip = {.family = family}};
}

static int put(struct reach *r, const struct net *to, const struct addr *address)
{
	if (r->count == REACH_MAX)
		return ERR_NOSPC;
	r->v[r->count].to = *to;
	r->v[r->count++].address = *address;
	return 0;
}

int reach_add(struct reach *r, struct str to, struct str address)
{
	struct addr a = {.family = ADDR_NONE};
	struct net n;
	int err = address.n > 0 ? addr_parse_ip(address, &a) : 0;

	if (err != 0)
		return err;
	if (str_eq(to, STR("*"))) {
		for (uint8_t f = ADDR_V4; f < ADDR_FAMILIES && err == 0; f++)
			if (a.family == ADDR_NONE || a.family == f) {
				n = all_of(f);
				err = put(r, &n, &a);
			}
		return err;
	}
	err = net_parse(to, &n);
	if (err == 0 && a.family != ADDR_NONE && a.family != n.ip.family)
		err = ERR_RANGE;
	return err == 0 ? put(r, &n, &a) : err;
}

bool reach_find(const struct reach *r, const struct addr *peer, struct addr *ret)
{
	const struct addr *found = &r->rest;

	for (uint32_t i = 0; i < r->count; i++)
		if (net_has(&r->v[i].to, peer)) {
			found = &r->v[i].address;
			break;
		}
	if (found->family == ADDR_NONE || found->family != peer->family)
		return false;
	*ret = *found;
	return true;
}

bool reach_tells(const struct reach *r, const struct addr *a)
{
	for (uint32_t i = 0; i < r->count; i++)
		if (addr_ip_eq(&r->v[i].address, a))
			return true;
	return addr_ip_eq(&r->rest, a);
}

static bool is_public(const struct addr *a)
{
	return !addr_is_private(a) && !addr_is_loopback(a) && !addr_is_any(a) && !addr_is_multicast(a);
}

bool reach_misses(const struct addr *peer, const struct addr *told)
{
	if (addr_is_any(told) || (addr_is_loopback(told) && !addr_is_loopback(peer)))
		return true;
	return is_public(peer) && !is_public(told);
}
