/* test_net.c - mirrors common/base/net.c: which network an address is in, and what its peers are told. */
#include <criterion/criterion.h>

#include "common/base/net.h"

static struct addr ip(const char *z)
{
	struct addr a;

	cr_assert_eq(addr_parse_ip(str_of(z), &a), 0, "%s", z);
	return a;
}

static bool has(const char *net, const char *z)
{
	struct addr a = ip(z);
	struct net n;

	cr_assert_eq(net_parse(str_of(net), &n), 0, "%s", net);
	return net_has(&n, &a);
}

Test(net, inside_and_outside)
{
	cr_expect(has("10.0.0.0/8", "10.255.0.1"));
	cr_expect(!has("10.0.0.0/8", "11.0.0.0"));
	cr_expect(has("192.0.2.128/25", "192.0.2.128"));
	cr_expect(!has("192.0.2.128/25", "192.0.2.127"));
	cr_expect(has("192.0.2.7", "192.0.2.7"));
	cr_expect(!has("192.0.2.7", "192.0.2.6"));
	cr_expect(has("0.0.0.0/0", "203.0.113.1"));
	cr_expect(!has("0.0.0.0/0", "2001:db8::1"));
	cr_expect(has("2001:db8::/33", "2001:db8:7fff::1"));
	cr_expect(!has("2001:db8::/33", "2001:db8:8000::1"));
}

Test(net, what_is_none)
{
	static const char *const bad[] = {"", "x", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/8x", "10.0.0.0/-1", "/8"};
	struct net n;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect_eq(net_parse(str_of(bad[i]), &n), ERR_SYNTAX, "%s", bad[i]);
}

static const char *told(const struct reach *r, const char *peer)
{
	static char text[64];
	struct buf b = buf_of(text, sizeof text - 1);
	struct addr p = ip(peer), a;

	if (!reach_find(r, &p, &a))
		return "";
	addr_print_ip(&b, &a);
	text[b.n] = '\0';
	return text;
}

Test(net, the_first_row_that_has_the_peer)
{
	struct reach r = {.count = 0};

	cr_expect_str_eq(told(&r, "192.0.2.1"), "", "nobody chose: the one it is reached from");
	cr_assert_eq(reach_add(&r, STR("10.1.0.0/16"), STR("")), 0);
	cr_assert_eq(reach_add(&r, STR("10.0.0.0/8"), STR("10.0.0.5")), 0);
	cr_assert_eq(reach_add(&r, STR("*"), STR("2001:db8::5")), 0);
	r.rest = ip("203.0.113.5");
	cr_expect_str_eq(told(&r, "10.1.0.9"), "");
	cr_expect_str_eq(told(&r, "10.2.0.9"), "10.0.0.5");
	cr_expect_str_eq(told(&r, "198.51.100.1"), "203.0.113.5");
	cr_expect_str_eq(told(&r, "2001:db8:1::1"), "2001:db8::5");
}

Test(net, no_address_of_another_family)
{
	struct reach r = {.rest = ip("203.0.113.5")};

	cr_expect_eq(reach_add(&r, STR("10.0.0.0/8"), STR("2001:db8::5")), ERR_RANGE);
	cr_expect_eq(reach_add(&r, STR("10.0.0.0/8"), STR("nowhere")), ERR_SYNTAX);
	cr_expect_eq(reach_add(&r, STR("elsewhere"), STR("10.0.0.5")), ERR_SYNTAX);
	cr_expect_str_eq(told(&r, "2001:db8::1"), "");
	cr_expect(reach_tells(&r, &r.rest));
}

Test(net, a_full_table)
{
	struct reach r = {.count = 0};

	for (uint32_t i = 0; i < REACH_MAX; i++)
		cr_assert_eq(reach_add(&r, STR("10.0.0.0/8"), STR("10.0.0.5")), 0);
	cr_expect_eq(reach_add(&r, STR("10.0.0.0/8"), STR("10.0.0.5")), ERR_NOSPC);
	cr_expect_eq(r.count, REACH_MAX);
}

Test(net, what_a_peer_can_not_reach)
{
	static const struct {
		const char *peer, *told;
		bool misses;
	} v[] = {
		{"198.51.100.1", "203.0.113.5", false}, {"198.51.100.1", "172.17.0.2", true}, {"198.51.100.1", "127.0.0.1", true},
		{"198.51.100.1", "0.0.0.0", true},      {"10.0.0.9", "172.17.0.2", false},   {"10.0.0.9", "127.0.0.1", true},
		{"127.0.0.1", "127.0.0.1", false},      {"10.0.0.9", "203.0.113.5", false},  {"2001:db8::1", "fe80::1", true},
		{"2001:db8::1", "::1", true},
	};

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct addr p = ip(v[i].peer), a = ip(v[i].told);

		cr_expect_eq(reach_misses(&p, &a), v[i].misses, "%s %s", v[i].peer, v[i].told);
	}
}
