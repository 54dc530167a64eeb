/* test_latch.c - mirrors media/rtp/latch.c */
#include <criterion/criterion.h>

#include "media/rtp/latch.h"

static struct addr at(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(str_of(text), &a), 0, "%s", text);
	return a;
}

static struct latch latch_at(const char *sdp)
{
	struct latch l;
	struct addr a = at(sdp);

	latch_init(&l, &a);
	return l;
}

/* How many of `n` packets in sequence from there are believed. */
static unsigned offer(struct latch *l, const char *from, uint32_t ssrc, uint16_t seq,
		      unsigned n)
{
	struct addr a = at(from);
	unsigned accepted = 0;

	for (unsigned i = 0; i < n; i++)
		accepted += latch_accepts(l, &a, ssrc, (uint16_t)(seq + i));
	return accepted;
}

Test(rtp_latch, exact_address_at_once)
{
	struct latch l = latch_at("192.0.2.1:4000");

	cr_expect(addr_eq(latch_remote(&l), &l.sdp));
	cr_expect_eq(offer(&l, "192.0.2.1:4000", 1, 0, 3), 3);
	cr_expect(l.is_locked);
	cr_expect_eq(l.rejected, 0);
}

/* C359: a NAT that changed the port: the fourth packet in sequence is the first believed.
 */
Test(rtp_latch, c359_other_port)
{
	struct latch l = latch_at("192.0.2.1:4000");
	struct addr nat = at("192.0.2.1:60001");

	cr_expect_eq(offer(&l, "192.0.2.1:60001", 1, 65534, 3), 0);
	cr_expect(addr_eq(latch_remote(&l), &l.sdp), "still sends to the SDP address");
	cr_expect_eq(offer(&l, "192.0.2.1:60001", 1, 1, 5), 5,
		     "in sequence over the wrap");
	cr_expect(addr_eq(latch_remote(&l), &nat));
	cr_expect_eq(l.rejected, 3);
}

Test(rtp_latch, run_is_broken_by)
{
	static const struct {
		const char *what, *from;
		uint32_t ssrc;
		uint16_t seq;
	} breaks[] = {
		{"a gap", "192.0.2.1:60001", 1, 13 + 1},
		{"a repeat", "192.0.2.1:60001", 1, 12},
		{"another SSRC", "192.0.2.1:60001", 2, 13},
		{"another port", "192.0.2.1:60002", 1, 13},
	};

	for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
		struct latch l = latch_at("192.0.2.1:4000");

		cr_expect_eq(offer(&l, "192.0.2.1:60001", 1, 10, 3), 0);
		cr_expect_eq(offer(&l, breaks[i].from, breaks[i].ssrc, breaks[i].seq, 1),
			     0, "%s", breaks[i].what);
		cr_expect_eq(offer(&l, "192.0.2.1:60001", 1, 20, 3), 0, "%s",
			     breaks[i].what);
		cr_expect_eq(offer(&l, "192.0.2.1:60001", 1, 23, 1), 1, "%s",
			     breaks[i].what);
	}
}

/* C359 off: another address is never followed. */
Test(rtp_latch, c359_elsewhere_is_rejected)
{
	struct latch l = latch_at("192.0.2.1:4000");

	cr_expect_eq(offer(&l, "198.51.100.7:4000", 1, 0, 1000), 0);
	cr_expect_eq(l.rejected, 1000);
	cr_expect_eq(offer(&l, "192.0.2.1:4000", 1, 0, 1), 1, "the real one still is");
}

Test(rtp_latch, learning_needs_eight)
{
	struct latch l = latch_at("10.0.0.5:4000");
	struct addr nat = at("198.51.100.7:9999");

	latch_learn(&l, true);
	cr_expect_eq(offer(&l, "198.51.100.7:9999", 1, 0, 8), 1);
	cr_expect(addr_eq(latch_remote(&l), &nat));
}

Test(rtp_latch, learning_can_end)
{
	struct latch l = latch_at("10.0.0.5:4000");

	latch_learn(&l, true);
	cr_expect_eq(offer(&l, "198.51.100.7:9999", 1, 0, 7), 0);
	latch_learn(&l, false);
	cr_expect_eq(offer(&l, "198.51.100.7:9999", 1, 7, 50), 0);
	cr_expect_not(l.is_locked);
}

/* C360: after the lock nobody is followed, wherever from and whatever he sends. */
Test(rtp_latch, c360_hijack)
{
	struct latch l = latch_at("192.0.2.1:4000");

	latch_learn(&l, true);
	cr_expect_eq(offer(&l, "192.0.2.1:4000", 1, 0, 2), 2);
	cr_expect_eq(offer(&l, "198.51.100.7:4000", 1, 2, 100), 0);
	cr_expect_eq(offer(&l, "192.0.2.1:4002", 1, 2, 100), 0);
	cr_expect_eq(offer(&l, "192.0.2.1:4000", 1, 2, 1), 1);
}

/* An SDP address that speaks after another port was locked waits for the renegotiation.
 */
Test(rtp_latch, renegotiation_unlocks)
{
	struct latch l = latch_at("192.0.2.1:4000");
	struct addr next = at("192.0.2.9:5000");

	cr_expect_eq(offer(&l, "192.0.2.1:60001", 1, 0, 4), 1);
	cr_expect_eq(offer(&l, "192.0.2.1:4000", 1, 4, 4), 0);
	latch_init(&l, &next);
	cr_expect_eq(l.rejected, 0);
	cr_expect_eq(offer(&l, "192.0.2.1:60001", 1, 8, 4), 0);
	cr_expect_eq(offer(&l, "192.0.2.9:5000", 1, 8, 4), 4);
}

Test(rtp_latch, ipv6)
{
	struct latch l = latch_at("[2001:db8::1]:4000");

	cr_expect_eq(offer(&l, "[2001:db8::2]:4000", 1, 0, 20), 0);
	cr_expect_eq(offer(&l, "[2001:db8::1]:4001", 1, 0, 4), 1);
}

/* C361 */
Test(rtp_latch, c361_sendable)
{
	static const struct {
		const char *text;
		bool public, local;
	} cases[] = {
		{"192.0.2.1:4000", true, true},
		{"10.1.2.3:4000", true, true},
		{"[2001:db8::1]:4000", true, true},
		{"192.0.2.1:0", false, false},
		{"0.0.0.0:4000", false, false},
		{"[::]:4000", false, false},
		{"[::ffff:0.0.0.0]:4000", false, false},
		{"127.0.0.1:4000", false, true},
		{"127.255.255.254:4000", false, true},
		{"[::1]:4000", false, true},
		{"[::ffff:127.0.0.1]:4000", false, true},
		{"224.0.0.1:4000", false, false},
		{"239.255.255.255:4000", false, false},
		{"255.255.255.255:4000", false, false},
		{"[ff02::1]:4000", false, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct addr a = at(cases[i].text);

		cr_expect_eq(latch_sendable(&a, false), cases[i].public, "%s",
			     cases[i].text);
		cr_expect_eq(latch_sendable(&a, true), cases[i].local, "%s",
			     cases[i].text);
	}
}

Test(rtp_latch, c361_no_address)
{
	struct addr none = {.family = ADDR_NONE, .port = 4000};

	cr_expect_not(latch_sendable(&none, true));
}
