/* test_outbound.c - mirrors control/model/outbound.c: nobody is called whom the configuration does not open, and no more of them. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "control/model/outbound.h"

static struct outbound_policy p;
static struct outbound_use u;

static void setup(void)
{
	memset(&p, 0, sizeof p);
	memset(&u, 0, sizeof u);
	p.max_calls = 2;
	p.max_cps = 4;
}

TestSuite(outbound, .init = setup);

static void add_host(const char *host)
{
	cr_assert_eq(str_copy(p.hosts[p.host_count++], OUTBOUND_TEXT_BYTES, str_of(host)), 0);
}

static void add_number(const char *number)
{
	cr_assert_eq(str_copy(p.numbers[p.number_count++], OUTBOUND_TEXT_BYTES, str_of(number)), 0);
}

static void set_hop(void)
{
	cr_assert_eq(addr_parse(STR("192.0.2.1:5070"), &p.next_hop), 0);
}

/* Where it goes, or why it does not. */
static const char *goes(const char *uri)
{
	static struct addr_text text;
	struct addr hop;
	const char *why;

	if (outbound_route(&p, str_of(uri), &hop, &why) != 0) {
		cr_expect_neq(why[0], '\0');
		cr_expect_lt(strlen(why), 64u, "it fits into the memory of answers: %s", why);
		return why;
	}
	text = addr_text(&hop);
	return text.z;
}

#define OFF "dialling is off: outbound in tipring.yaml opens it"
#define NO_HOST "outbound.hosts has no row for this host"
#define NO_NUMBER "outbound.numbers has no row for this user part"
#define NO_HOP "names need outbound.next_hop until DNS is there"

Test(outbound, is_closed_until_it_is_opened)
{
	cr_expect_str_eq(goes("sip:bob@192.0.2.7"), OFF);
	add_number("*");
	cr_expect_str_eq(goes("sip:bob@192.0.2.7"), OFF, "numbers alone open nothing");
}

Test(outbound, hosts)
{
	add_host("192.0.2.7");
	add_host("2001:db8::7");
	add_host("example.org");
	add_host("*.example.net");
	cr_expect_str_eq(goes("sip:bob@192.0.2.7"), "192.0.2.7:5060");
	cr_expect_str_eq(goes("sip:bob@192.0.2.7:5080"), "192.0.2.7:5080");
	cr_expect_str_eq(goes("sip:bob@[2001:DB8:0::7]:1"), "[2001:db8::7]:1");
	cr_expect_str_eq(goes("sip:bob@192.0.2.8"), NO_HOST);
	cr_expect_str_eq(goes("sip:bob@example.com"), NO_HOST);
	cr_expect_str_eq(goes("sip:bob@example.org"), NO_HOP, "it may, and there is no way");
	set_hop();
	cr_expect_str_eq(goes("sip:bob@Example.ORG:9"), "192.0.2.1:5070");
	cr_expect_str_eq(goes("sip:bob@a.b.example.net"), "192.0.2.1:5070");
	cr_expect_str_eq(goes("sip:bob@example.net"), NO_HOST);
	cr_expect_str_eq(goes("sip:bob@badexample.net"), NO_HOST);
	cr_expect_str_eq(goes("sip:bob@192.0.2.1:5070"), NO_HOST, "with hosts next_hop itself needs a row too");
}

Test(outbound, every_host)
{
	add_host("*");
	cr_expect_str_eq(goes("sip:bob@198.51.100.1"), "198.51.100.1:5060");
	cr_expect_str_eq(goes("sip:bob@0.0.0.0"), "nobody can have this address");
	cr_expect_str_eq(goes("sip:bob@224.0.0.1"), "nobody can have this address");
	cr_expect_str_eq(goes("sip:bob@[::]"), "nobody can have this address");
	cr_expect_str_eq(goes("sip:bob@example.org"), NO_HOP);
	cr_expect_str_eq(goes("tel:+4930"), "only sip: URIs, with no password, headers, maddr or transport");
	cr_expect_str_eq(goes("bob"), "sip:USER@HOST[:PORT] is wanted");
	cr_expect_str_eq(goes("sip:bob@198.51.100.1:0"), "the URI is too long, or its port is none");
}

Test(outbound, numbers_through_the_next_hop)
{
	set_hop();
	add_number("+49*");
	add_number("110");
	cr_expect_str_eq(goes("sip:+49301@provider.example"), "192.0.2.1:5070");
	cr_expect_str_eq(goes("sip:%2b49301@provider.example"), "192.0.2.1:5070");
	cr_expect_str_eq(goes("sip:+49301@192.0.2.1:5070"), "192.0.2.1:5070");
	cr_expect_str_eq(goes("sip:110@provider.example"), "192.0.2.1:5070");
	cr_expect_str_eq(goes("sip:1100@provider.example"), NO_NUMBER);
	cr_expect_str_eq(goes("sip:+881301@provider.example"), NO_NUMBER);
	cr_expect_str_eq(goes("sip:%2b881301@provider.example"), NO_NUMBER);
	cr_expect_str_eq(goes("sip:provider.example"), NO_NUMBER);
	cr_expect_str_eq(goes("sip:+49301@198.51.100.1"), NO_HOST, "no other address");
	cr_expect_str_eq(goes("sip:+49301@192.0.2.1"), NO_HOST, "nor another port of it");
}

Test(outbound, numbers_hold_at_hosts_too)
{
	add_host("192.0.2.7");
	add_number("+49*");
	cr_expect_str_eq(goes("sip:+49301@192.0.2.7"), "192.0.2.7:5060");
	cr_expect_str_eq(goes("sip:+8813@192.0.2.7"), NO_NUMBER);
}

Test(outbound, full_tables)
{
	char text[OUTBOUND_TEXT_BYTES];

	for (uint32_t i = 0; i < OUTBOUND_ROWS_MAX; i++) {
		snprintf(text, sizeof text, "192.0.2.%u", i + 1);
		add_host(text);
		snprintf(text, sizeof text, "+%u", i + 1);
		add_number(text);
	}
	cr_expect_str_eq(goes("sip:+64@192.0.2.64"), "192.0.2.64:5060");
	cr_expect_str_eq(goes("sip:+65@192.0.2.64"), NO_NUMBER);
	cr_expect_str_eq(goes("sip:+64@192.0.2.65"), NO_HOST);
}

static int take(uint64_t now_ms, uint32_t *ret_retry_ms)
{
	const char *why = "";
	int err = outbound_take(&u, &p, now_ms, &why, ret_retry_ms);

	cr_expect(err == 0 || strlen(why) > 0);
	return err;
}

Test(outbound, calls_at_one_time)
{
	uint32_t retry_ms = 0;

	u.calls = 1;
	cr_expect_eq(take(5000, &retry_ms), 0);
	u.calls = 2;
	cr_expect_eq(take(5000, &retry_ms), ERR_AGAIN);
	cr_expect_gt(retry_ms, 0u);
	u.calls = 1;
	for (int i = 0; i < 3; i++)
		cr_expect_eq(take(5000, &retry_ms), 0, "what was refused used nothing up");
	cr_expect_eq(take(5000, &retry_ms), ERR_AGAIN);
}

Test(outbound, calls_in_a_second)
{
	uint32_t retry_ms = 0;

	for (int i = 0; i < 4; i++)
		cr_expect_eq(take(5000, &retry_ms), 0);
	cr_expect_eq(take(5000, &retry_ms), ERR_AGAIN);
	cr_expect_eq(retry_ms, 250u);
	cr_expect_eq(take(5100, &retry_ms), ERR_AGAIN);
	cr_expect_eq(retry_ms, 150u, "being refused puts nothing off");
	cr_expect_eq(take(5249, &retry_ms), ERR_AGAIN);
	cr_expect_eq(take(5250, &retry_ms), 0);
	cr_expect_eq(take(5250, &retry_ms), ERR_AGAIN);
	for (int i = 0; i < 4; i++)
		cr_expect_eq(take(UINT64_MAX, &retry_ms), 0, "a long rest saves up one second");
	cr_expect_eq(take(UINT64_MAX, &retry_ms), ERR_AGAIN);
	cr_expect_eq(take(0, &retry_ms), ERR_AGAIN, "a clock that goes back gives nothing");
}

Test(outbound, a_limit_of_none)
{
	uint32_t retry_ms = 0;

	p.max_cps = 0;
	cr_expect_eq(take(5000, &retry_ms), ERR_AGAIN);
	cr_expect_gt(retry_ms, 0u);
	p.max_cps = 4;
	p.max_calls = 0;
	cr_expect_eq(take(9000, &retry_ms), ERR_AGAIN);
}
