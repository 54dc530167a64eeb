/* test_addr.c - mirrors common/base/addr.c */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/addr.h"

static const char *ip_text(const struct addr *a)
{
	static char z[64];
	struct buf b = buf_of(z, sizeof z - 1);

	addr_print_ip(&b, a);
	cr_assert(buf_ok(&b));
	z[b.n] = '\0';
	return z;
}

/* clang-format off */
static const struct {
	const char *in;
	const char *out; /* NULL: ERR_SYNTAX */
} ips[] = {
	{"192.0.2.1",               "192.0.2.1"},
	{"0.0.0.0",                 "0.0.0.0"},
	{"255.255.255.255",         "255.255.255.255"},
	{"2001:db8::1",             "2001:db8::1"},
	{"[2001:db8::1]",           "2001:db8::1"},
	{"2001:DB8:0:0:0:0:0:1",    "2001:db8::1"},   /* RFC 5952: short and lower case */
	{"::",                      "::"},
	{"[::1]",                   "::1"},
	{"::ffff:192.0.2.1",        "::ffff:192.0.2.1"},
	{"[2001:db8::10:5070]",     "2001:db8::10:5070"}, /* RFC 5118 4.3: no port in it */
	{"2001:db8::192.0.2.1",     "2001:db8::c000:201"},
	{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},

	{"",                        NULL},
	{"1.2.3",                   NULL},
	{"1.2.3.4.5",               NULL},
	{"1.2.3.",                  NULL},
	{".1.2.3",                  NULL},
	{"1..2.3",                  NULL},
	{"1.2.3.256",               NULL},
	{"1.2.3.4294967297",        NULL},
	{"1.2.3.04",                NULL}, /* octal elsewhere */
	{"1.2.3.00",                NULL},
	{"01.2.3.4",                NULL},
	{"0x1.2.3.4",               NULL},
	{"16909060",                NULL},
	{"1.2.3.-4",                NULL},
	{"1.2.3.+4",                NULL},
	{" 1.2.3.4",                NULL},
	{"1.2.3.4 ",                NULL},
	{"1.2.3.4\n",               NULL},
	{"[1.2.3.4]",               NULL},
	{"localhost",               NULL},
	{"2001:db8:::192.0.2.1",    NULL}, /* RFC 5118 4.10 */
	{"2001:db8::1::2",          NULL},
	{"1:2:3:4:5:6:7",           NULL},
	{"1:2:3:4:5:6:7:8:9",       NULL},
	{"12345::",                 NULL},
	{"::g",                     NULL},
	{"::ffff:1.2.3.256",        NULL},
	{"::ffff:1.2.3.04",         NULL},
	{"fe80::1%eth0",            NULL},
	{":",                       NULL},
	{"[]",                      NULL},
	{"[",                       NULL},
	{"]",                       NULL},
	{"[[::1]]",                 NULL},
	{"[::1",                    NULL},
	{"::1]",                    NULL},
	{"[::1]x",                  NULL},
	{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555", NULL},
	{"0000000000000000000000000000000000000000000000000000000000000000000000000000::", NULL},
};

static const struct {
	const char *in;
	int ret;
	const char *ip;
	uint16_t port;
} addrs[] = {
	{"192.0.2.1:5060",        0, "192.0.2.1", 5060},
	{"192.0.2.1:0",           0, "192.0.2.1", 0},
	{"192.0.2.1:65535",       0, "192.0.2.1", 65535},
	{"[2001:db8::10]:5070",   0, "2001:db8::10", 5070}, /* RFC 5118 4.4 */
	{"192.0.2.1:65536",       ERR_RANGE,  NULL, 0},
	{"192.0.2.1:99999999999", ERR_RANGE,  NULL, 0},
	{"192.0.2.1:",            ERR_SYNTAX, NULL, 0},
	{"192.0.2.1",             ERR_SYNTAX, NULL, 0},
	{"192.0.2.1:x",           ERR_SYNTAX, NULL, 0},
	{"192.0.2.1:5060 ",       ERR_SYNTAX, NULL, 0},
	{"192.0.2.1:-1",          ERR_SYNTAX, NULL, 0},
	{"192.0.2.1:1:2",         ERR_SYNTAX, NULL, 0},
	{":5060",                 ERR_SYNTAX, NULL, 0},
	{"",                      ERR_SYNTAX, NULL, 0},
	{":",                     ERR_SYNTAX, NULL, 0},
	{"host:5060",             ERR_SYNTAX, NULL, 0},
	{"[2001:db8::1]",         ERR_SYNTAX, NULL, 0},
	{"[2001:db8::1]5060",     ERR_SYNTAX, NULL, 0},
	{"[2001:db8::1:5060",     ERR_SYNTAX, NULL, 0},
	{"2001:db8::10:5070",     ERR_SYNTAX, NULL, 0}, /* ipv6-bad, RFC 5118 4.2 */
	{"2001:db8::10]:5070",    ERR_SYNTAX, NULL, 0},
	{"[192.0.2.1]:5060",      ERR_SYNTAX, NULL, 0},
	{"::1:5060",              ERR_SYNTAX, NULL, 0},
};
/* clang-format on */

Test(base_addr, ip)
{
	for (size_t i = 0; i < sizeof ips / sizeof ips[0]; i++) {
		struct addr a = {.port = 42};
		int ret = addr_parse_ip(str_of(ips[i].in), &a);

		cr_expect_eq(ret, ips[i].out != NULL ? 0 : ERR_SYNTAX, "'%s'", ips[i].in);
		if (ret == 0) {
			cr_expect_str_eq(ip_text(&a), ips[i].out);
			cr_expect_eq(a.port, 0);
		} else {
			cr_expect(a.port == 42 && a.family == ADDR_NONE,
				  "'%s': clobbered", ips[i].in);
		}
	}
}

Test(base_addr, with_port)
{
	for (size_t i = 0; i < sizeof addrs / sizeof addrs[0]; i++) {
		struct addr a = {.port = 42};
		int ret = addr_parse(str_of(addrs[i].in), &a);

		cr_expect_eq(ret, addrs[i].ret, "'%s'", addrs[i].in);
		if (ret == 0) {
			cr_expect_str_eq(ip_text(&a), addrs[i].ip);
			cr_expect_eq(a.port, addrs[i].port);
			cr_expect_str_eq(addr_text(&a).z, addrs[i].in,
					 "prints as it was read");
		} else {
			cr_expect(a.port == 42 && a.family == ADDR_NONE,
				  "'%s': clobbered", addrs[i].in);
		}
	}
}

Test(base_addr, a_zero_octet_does_not_end_the_text)
{
	struct addr a;

	cr_expect_eq(addr_parse_ip((struct str){"::1\0x", 5}, &a), ERR_SYNTAX);
	cr_expect_eq(addr_parse_ip((struct str){"1.2.3.4\0", 8}, &a), ERR_SYNTAX);
	cr_expect_eq(addr_parse_ip(str_of(NULL), &a), ERR_SYNTAX);
	cr_expect_eq(addr_parse(str_of(NULL), &a), ERR_SYNTAX);
}

static struct addr ip(const char *z)
{
	struct addr a;

	cr_assert_eq(addr_parse_ip(str_of(z), &a), 0, "%s", z);
	return a;
}

Test(base_addr, equality)
{
	struct addr a = ip("192.0.2.1"), b = ip("192.0.2.1"), c = ip("192.0.2.2"),
		    d = ip("::1"), e = d;

	cr_expect(addr_eq(&a, &b) && addr_ip_eq(&a, &b));
	b.port = 1;
	cr_expect(!addr_eq(&a, &b) && addr_ip_eq(&a, &b));
	cr_expect_not(addr_ip_eq(&a, &c));
	cr_expect_not(addr_ip_eq(&a, &d));
	e.scope = 3;
	cr_expect_not(addr_ip_eq(&d, &e), "the same address on another link");
	a = ip("0.0.0.0");
	d = ip("::");
	cr_expect_not(addr_ip_eq(&a, &d));
}

/* clang-format off */
static const struct {
	const char *ip;
	bool any, loopback, multicast, private;
} kinds[] = {
	{"0.0.0.0",                   true,  false, false, false},
	{"::",                        true,  false, false, false},
	{"::ffff:0.0.0.0",            true,  false, false, false},
	{"0.0.0.1",                   false, false, false, false},
	{"127.0.0.1",                 false, true,  false, false},
	{"127.255.255.255",           false, true,  false, false},
	{"128.0.0.1",                 false, false, false, false},
	{"::1",                       false, true,  false, false},
	{"::2",                       false, false, false, false},
	{"::ffff:127.0.0.1",          false, true,  false, false},
	{"223.255.255.255",           false, false, false, false},
	{"224.0.0.0",                 false, false, true,  false},
	{"239.255.255.255",           false, false, true,  false},
	{"240.0.0.0",                 false, false, false, false},
	{"255.255.255.255",           false, false, true,  false},
	{"ff02::1",                   false, false, true,  false},
	{"::ffff:224.0.0.1",          false, false, true,  false},
	{"9.255.255.255",             false, false, false, false},
	{"10.0.0.0",                  false, false, false, true},
	{"10.255.255.255",            false, false, false, true},
	{"11.0.0.0",                  false, false, false, false},
	{"172.15.255.255",            false, false, false, false},
	{"172.16.0.0",                false, false, false, true},
	{"172.31.255.255",            false, false, false, true},
	{"172.32.0.0",                false, false, false, false},
	{"192.167.255.255",           false, false, false, false},
	{"192.168.0.0",               false, false, false, true},
	{"192.169.0.0",               false, false, false, false},
	{"100.63.255.255",            false, false, false, false},
	{"100.64.0.0",                false, false, false, true},  /* RFC 6598 */
	{"100.127.255.255",           false, false, false, true},
	{"100.128.0.0",               false, false, false, false},
	{"169.254.0.1",               false, false, false, true},
	{"169.253.255.255",           false, false, false, false},
	{"fbff::1",                   false, false, false, false},
	{"fc00::1",                   false, false, false, true},  /* RFC 4193 */
	{"fdff::1",                   false, false, false, true},
	{"fe7f::1",                   false, false, false, false},
	{"fe80::1",                   false, false, false, true},
	{"febf::1",                   false, false, false, true},
	{"fec0::1",                   false, false, false, false},
	{"::ffff:10.1.2.3",           false, false, false, true},
	{"2001:db8::1",               false, false, false, false},
};
/* clang-format on */

Test(base_addr, kinds)
{
	const struct addr none = {.family = ADDR_NONE};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct addr a = ip(kinds[i].ip);

		cr_expect_eq(addr_is_any(&a), kinds[i].any, "%s", kinds[i].ip);
		cr_expect_eq(addr_is_loopback(&a), kinds[i].loopback, "%s", kinds[i].ip);
		cr_expect_eq(addr_is_multicast(&a), kinds[i].multicast, "%s",
			     kinds[i].ip);
		cr_expect_eq(addr_is_private(&a), kinds[i].private, "%s", kinds[i].ip);
	}
	cr_expect_not(addr_is_any(&none) || addr_is_loopback(&none) ||
		      addr_is_multicast(&none) || addr_is_private(&none));
}

Test(base_addr, socket_addresses)
{
	static const char *const texts[] = {"192.0.2.1:5060", "[2001:db8::1]:65535",
					    "0.0.0.0:0"};
	struct sockaddr_storage ss;
	struct addr a, back;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		cr_assert_eq(addr_parse(str_of(texts[i]), &a), 0);
		a.scope = a.family == ADDR_V6 ? 7 : 0;
		cr_expect_eq(addr_to_sockaddr(&a, &ss),
			     a.family == ADDR_V4 ? sizeof(struct sockaddr_in)
						 : sizeof(struct sockaddr_in6));
		cr_assert_eq(addr_from_sockaddr(&ss, &back), 0);
		cr_expect(addr_eq(&a, &back), "%s", texts[i]);
		cr_expect_eq(memcmp(&a, &back, sizeof a), 0, "comparable as bytes");
	}

	cr_assert_eq(addr_parse(STR("192.0.2.1:5060"), &a), 0);
	addr_to_sockaddr(&a, &ss);
	cr_expect_eq(memcmp((char *)&ss + 2, "\x13\xc4\xc0\x00\x02\x01", 6), 0,
		     "network order");
}

Test(base_addr, no_socket_address)
{
	struct sockaddr_storage ss = {.ss_family = AF_UNIX};
	struct addr a = {.port = 42};

	cr_expect_eq(addr_from_sockaddr(&ss, &a), ERR_INVAL);
	cr_expect_eq(a.port, 42);
	a = (struct addr){.family = ADDR_NONE};
	cr_expect_eq(addr_to_sockaddr(&a, &ss), 0u);
	cr_expect_eq(ss.ss_family, AF_UNSPEC);
	cr_expect_str_eq(addr_text(&a).z, "none");
}

Test(base_addr, printing_overflows_like_any_text)
{
	struct addr a = ip("2001:db8::1");

	for (size_t cap = 0; cap < 16; cap++) {
		char area[16];
		struct buf b = buf_of(area, cap);

		addr_print(&b, &a); /* [2001:db8::1]:0 */
		cr_expect_eq(buf_ok(&b), cap >= 15, "%zu", cap);
	}
}
