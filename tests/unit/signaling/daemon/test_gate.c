/* test_gate.c - mirrors signaling/daemon/gate.c (H18) */
#include <criterion/criterion.h>
#include <stdio.h>

#include "signaling/daemon/gate.h"

static struct gate g;
static const struct map_key key = {1, 2};

static bool admits(const char *source, uint64_t now_ms)
{
	struct addr a;

	cr_assert_eq(addr_parse_ip(str_of(source), &a), 0);
	return gate_admits(&g, &a, now_ms);
}

static unsigned passed(const char *source, uint64_t now_ms, unsigned tries)
{
	unsigned n = 0;

	for (unsigned i = 0; i < tries; i++)
		n += admits(source, now_ms);
	return n;
}

Test(signaling_gate, a_burst_and_then_the_rate)
{
	gate_init(&g, 10, &key);
	cr_expect_eq(passed("192.0.2.1", 5000, 100), 20u);
	cr_expect_eq(passed("192.0.2.1", 5099, 100), 0u, "99 ms are no tenth of a second");
	cr_expect_eq(passed("192.0.2.1", 5100, 100), 1u);
	cr_expect_eq(passed("192.0.2.1", 6100, 100), 10u);
	cr_expect_eq(passed("192.0.2.1", 8099, 100), 19u);
	cr_expect_eq(passed("192.0.2.1", 900000, 100), 20u, "never more than the burst");
	cr_expect_eq(passed("192.0.2.1", 900000 + (1ull << 63), 100), 20u, "however long it was");
}

Test(signaling_gate, networks_have_their_own)
{
	gate_init(&g, 1, &key);
	cr_expect_eq(passed("192.0.2.1", 0, 9), 2u);
	cr_expect_not(admits("192.0.2.255", 0), "the same /24");
	cr_expect(admits("192.0.3.1", 0));
	cr_expect_eq(passed("2001:db8:1::1", 0, 9), 2u);
	cr_expect_not(admits("2001:db8:1:ffff::9", 0), "the same /48");
	cr_expect(admits("2001:db8:2::1", 0));
}

Test(signaling_gate, zero_is_no_limit)
{
	gate_init(&g, 0, &key);
	cr_expect_eq(passed("192.0.2.1", 0, 100000), 100000u);
}

Test(signaling_gate, the_largest_rate)
{
	gate_init(&g, 1000000, &key);
	cr_expect_eq(passed("192.0.2.1", 1, 3000000), 2000000u);
	cr_expect_eq(passed("192.0.2.1", 2, 3000), 1000u);
}

/* At its cap: thousands of other networks neither make the table grow nor let go the one that is limited; a network that was
 * forgotten begins anew. */
Test(signaling_gate, a_full_table_keeps_who_is_limited)
{
	char source[32];
	unsigned admitted = 0;

	gate_init(&g, 10, &key);
	cr_expect_eq(passed("192.0.2.1", 1000, 50), 20u);
	for (unsigned i = 0; i < 20 * GATE_SETS * GATE_WAYS; i++) {
		snprintf(source, sizeof source, "10.%u.%u.1", i >> 8, i & 255);
		admitted += admits(source, 1000);
	}
	cr_expect_eq(admitted, 20 * GATE_SETS * GATE_WAYS, "each of them is new");
	cr_expect_eq(passed("192.0.2.1", 1000, 50), 0u);
	cr_expect_eq(passed("192.0.2.1", 1100, 50), 1u);
}

static const struct {
	const char *why, *datagram;
	bool is_new;
} rows[] = {
	{"INVITE", "INVITE sip:a@b SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n\r\n", true},
	{"in a dialog", "INVITE sip:a@b SIP/2.0\r\nTo: <sip:a@b>;tag=2\r\n\r\n", false},
	{"blanks and short form", "BYE sip:a@b SIP/2.0\nt \t: \"T\" <sip:a@b;user=phone> ; x=y ; TAG = 2\n\n", false},
	{"a tag in the URI is one, too: what follows is 481", "INVITE sip:a@b SIP/2.0\r\nTO: sip:a@b;tag=1\r\n\r\n", false},
	{"the word alone", "INVITE sip:a@b SIP/2.0\r\nTo: <sip:tag@b>;stage=1\r\n\r\n", true},
	{"another header's", "INVITE sip:a@b SIP/2.0\r\nTotal: x;tag=1\r\nTo: <sip:a@b>\r\n\r\n", true},
	{"in the body", "INVITE sip:a@b SIP/2.0\r\nFrom: x\r\n\r\nTo: <sip:a@b>;tag=1\r\n", true},
	{"a response", "SIP/2.0 200 OK\r\nTo: <sip:a@b>\r\n\r\n", false},
	{"ACK", "ACK sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n", false},
	{"CANCEL", "CANCEL sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n", false},
	{"OPTIONS", "OPTIONS sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n", true},
	{"garbage", "\x80\x90\x01", true},
	{"no colon", "INVITE sip:a@b SIP/2.0\r\nTo\r\n\r\n", true},
	{"nothing", "", true},
};

Test(signaling_gate, what_is_new)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_expect_eq(gate_is_new(str_of(rows[i].datagram)), rows[i].is_new, "%s", rows[i].why);
}
