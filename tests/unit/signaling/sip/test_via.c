/* test_via.c - mirrors signaling/sip/via.c; where answers go is in test_stack.c (C112 to
 * C114). */
#include <criterion/criterion.h>

#include "signaling/sip/via.h"

/* clang-format off */
static const struct {
	const char *in;
	int ret;
	const char *transport, *host, *branch, *received;
	unsigned port;
	bool rport;
} cases[] = { /* C061 */
	{"SIP/2.0/UDP pc33.atlanta.com:5066;branch=z9hG4bK776asdhds", 0, "UDP", "pc33.atlanta.com", "z9hG4bK776asdhds", "", 5066, false},
	{"SIP/2.0/TCP h;branch=a",                  0, "TCP", "h", "a", "", 0, false},
	{"SIP/2.0/UDP h;rport;branch=a",            0, "UDP", "h", "a", "", 0, true},
	{"SIP/2.0/UDP h;rport=99;branch=a",         0, "UDP", "h", "a", "", 0, true},
	{"SIP/2.0/UDP h;received=192.0.2.4;branch=a", 0, "UDP", "h", "a", "192.0.2.4", 0, false},
	{"SIP/2.0/UDP h;received=2001:db8::9:255;branch=a", 0, "UDP", "h", "a", "2001:db8::9:255", 0, false},
	{"SIP/2.0/UDP h;received=[2001:db8::9]",    0, "UDP", "h", "", "[2001:db8::9]", 0, false},
	{"SIP/2.0/TLS [2001:db8::1]:5061",          0, "TLS", "[2001:db8::1]", "", "", 5061, false},
	{" SIP / 2.0\r\n / UDP\th : 5060\r\n ; branch = a ", 0, "UDP", "h", "a", "", 5060, false},
	{"SIP/2.0/ \t\r\n UDP h;branch=a",           0, "UDP", "h", "a", "", 0, false},
	{"sip/2.0/udp h;BRANCH=a",                  0, "udp", "h", "a", "", 0, false},
	{"SIP/2.0/X-odd h;ttl=1;maddr=224.0.1.75;hidden", 0, "X-odd", "h", "", "", 0, false},

	{"",                            ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP",                 ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP ;branch=a",       ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/3.0/UDP h",               ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"HTTP/2.0/UDP h",              ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP h:",              ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP h:x",             ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP h:1",             0, "UDP", "h", "", "", 1, false},
	{"SIP/2.0/UDP h:65535",         0, "UDP", "h", "", "", 65535, false},
	{"SIP/2.0/UDP <h",              ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP a>b",             ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP a\"",             ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP a@b",             ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP a?b",             ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP a=b",             ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP [2001:db8::1]x",  ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP [2001:db8::zz]",  ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.1/UDP h",               ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP h:0",             ERR_RANGE,  0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP h:65536",         ERR_RANGE,  0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP [2001:db8::1",    ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP [host]",          ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP a,b",             ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP h;;",             ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP h;branch=",       ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP h;branch=a;branch=b", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP h;x=\"open",      ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"SIP/2.0/UDP h junk",          ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
};
/* clang-format on */

Test(sip_via, c061_parses_the_table)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sip_via v = {.port = 7};
		int ret = sip_via_parse(str_of(cases[i].in), &v);

		cr_expect_eq(ret, cases[i].ret, "%s: %d", cases[i].in, ret);
		if (cases[i].ret != 0) {
			cr_expect_eq(v.port, 7, "%s: output touched", cases[i].in);
			continue;
		}
		cr_expect(str_eq(v.transport, str_of(cases[i].transport)), "%s",
			  cases[i].in);
		cr_expect(str_eq(v.host, str_of(cases[i].host)), "%s", cases[i].in);
		cr_expect(str_eq(v.branch, str_of(cases[i].branch)), "%s", cases[i].in);
		cr_expect(str_eq(v.received, str_of(cases[i].received)), "%s",
			  cases[i].in);
		cr_expect_eq(v.port, cases[i].port, "%s", cases[i].in);
		cr_expect_eq(v.rport, cases[i].rport, "%s", cases[i].in);
	}
}

/* C061: stamped from where it says it comes from, a Via is what it was */
Test(sip_via, c061_round_trip)
{
	static const char *const same[] = {
		"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;x=\"q;=\\\"\";y",
		"SIP/2.0/TCP 192.0.2.1;ttl=16;maddr=224.0.1.75",
		"SIP/2.0/UDP 192.0.2.1",
	};
	struct addr source;

	cr_assert_eq(addr_parse(STR("192.0.2.1:5060"), &source), 0);
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
		char area[256];
		struct buf b = buf_of(area, sizeof area);
		struct sip_via v;

		cr_assert_eq(sip_via_parse(str_of(same[i]), &v), 0);
		sip_via_stamp(&b, &v, &source, false);
		cr_expect(str_eq(buf_str(&b), str_of(same[i])), "%.*s", (int)b.n, b.p);
	}
}

Test(sip_via, ipv6_source)
{
	char area[256];
	struct buf b = buf_of(area, sizeof area);
	struct addr source;
	struct sip_via v;

	cr_assert_eq(addr_parse(STR("[2001:db8::9]:5070"), &source), 0);
	cr_assert_eq(sip_via_parse(STR("SIP/2.0/UDP [2001:db8::8];rport;branch=a"), &v),
		     0);
	sip_via_stamp(&b, &v, &source, false);
	cr_expect(str_eq(buf_str(&b),
			 STR("SIP/2.0/UDP [2001:db8::8];branch=a;received=2001:db8::9"
			     ";rport=5070")),
		  "%.*s", (int)b.n, b.p);
	cr_expect_eq(sip_via_reply_to(&v, &source, false).port, 5070u);

	/* written otherwise, and the same address */
	b.n = 0;
	cr_assert_eq(sip_via_parse(STR("SIP/2.0/UDP [2001:DB8:0::9]"), &v), 0);
	sip_via_stamp(&b, &v, &source, false);
	cr_expect(str_eq(buf_str(&b), STR("SIP/2.0/UDP [2001:DB8:0::9]")));
}
