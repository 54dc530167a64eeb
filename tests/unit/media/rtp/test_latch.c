/* test_latch.c - mirrors media/rtp/latch.c */
#include <criterion/criterion.h>

#include "media/rtp/latch.h"

#define MS 1000000ull

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

static uint64_t now; /* a packet comes every 20 ms */

static void begin(void)
{
	now = 1000 * MS;
}

TestSuite(rtp_latch, .init = begin);

static enum latch_verdict one(struct latch *l, const char *from, uint32_t ssrc, uint16_t seq, bool goes_on)
{
	struct addr a = at(from);

	now += 20 * MS;
	return latch_take(l, &(struct latch_packet){&a, ssrc, seq, goes_on, now});
}

static bool is_believed(enum latch_verdict v)
{
	return v == LATCH_BELIEVED || v == LATCH_FOUND || v == LATCH_MOVED;
}

/* How many of `n` packets in sequence from there are believed. */
static unsigned offer(struct latch *l, const char *from, uint32_t ssrc, uint16_t seq, unsigned n)
{
	unsigned accepted = 0;

	for (unsigned i = 0; i < n; i++)
		accepted += is_believed(one(l, from, ssrc, (uint16_t)(seq + i), false));
	return accepted;
}

/* The same of the stream that was heard. */
static unsigned follow(struct latch *l, const char *from, uint16_t seq, unsigned n)
{
	unsigned accepted = 0;

	for (unsigned i = 0; i < n; i++)
		accepted += is_believed(one(l, from, 1, (uint16_t)(seq + i), true));
	return accepted;
}

static bool goes_to(const struct latch *l, const char *where)
{
	struct addr a = at(where);

	return addr_eq(latch_remote(l), &a);
}

#define SDP "192.0.2.1:4000"
#define NAT "192.0.2.1:60001"
#define ELSEWHERE "198.51.100.7:4000"

Test(rtp_latch, exact_address_at_once)
{
	struct latch l = latch_at(SDP);

	cr_expect(goes_to(&l, SDP));
	cr_expect_not(latch_is_certain(&l));
	cr_expect_eq(one(&l, SDP, 1, 0, false), LATCH_FOUND);
	cr_expect_eq(one(&l, SDP, 1, 1, false), LATCH_BELIEVED);
	cr_expect(latch_is_certain(&l));
}

/* C359: a NAT that changed the port is believed when the named one has been missed for half a second. */
Test(rtp_latch, c359_other_port)
{
	struct latch l = latch_at(SDP);
	uint64_t first = now + 20 * MS;
	uint16_t seq = 65530; /* in sequence over the wrap */
	enum latch_verdict v;

	while ((v = one(&l, NAT, 1, seq++, false)) == LATCH_WAITING)
		cr_expect(goes_to(&l, SDP), "still sends to the SDP address");
	cr_expect_eq(v, LATCH_FOUND);
	cr_expect_eq(now - first, LATCH_NAMED_SILENT_MS * MS);
	cr_expect(goes_to(&l, NAT));
	cr_expect_not(latch_is_certain(&l), "the named one must still be heard");
	cr_expect_eq(one(&l, NAT, 1, seq, false), LATCH_BELIEVED);
}

/* The fourth packet in sequence, not the third, however long the named one has been silent. */
Test(rtp_latch, run_is_broken_by)
{
	static const struct {
		const char *what, *from;
		uint32_t ssrc;
		uint16_t seq;
	} breaks[] = {
		{"a gap", NAT, 1, 13 + 1},
		{"a repeat", NAT, 1, 12},
		{"another SSRC", NAT, 2, 13},
		{"another port", "192.0.2.1:60002", 1, 13},
	};

	for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
		struct latch l = latch_at(SDP);

		cr_expect_eq(one(&l, NAT, 9, 0, false), LATCH_WAITING);
		now += 1000 * MS;
		cr_expect_eq(offer(&l, NAT, 1, 10, 3), 0);
		cr_expect_eq(offer(&l, breaks[i].from, breaks[i].ssrc, breaks[i].seq, 1), 0, "%s", breaks[i].what);
		cr_expect_eq(offer(&l, NAT, 1, 20, 3), 0, "%s", breaks[i].what);
		cr_expect_eq(offer(&l, NAT, 1, 23, 1), 1, "%s", breaks[i].what);
	}
}

/* A run that waits long is no shorter for it. */
Test(rtp_latch, a_run_does_not_wrap)
{
	struct latch l = latch_at(SDP);

	one(&l, SDP, 1, 0, false);
	for (unsigned i = 0; i < 512; i++) { /* both speak for 10 s */
		cr_expect_eq(one(&l, NAT, 1, (uint16_t)(10 + i), true), LATCH_WAITING);
		now -= 20 * MS;
		one(&l, SDP, 1, 0, false);
	}
	now += 980 * MS;
	cr_expect_eq(follow(&l, NAT, 522, 1), 1);
}

/* C359 off: another address is never followed. */
Test(rtp_latch, c359_elsewhere_is_rejected)
{
	struct latch l = latch_at(SDP);

	for (unsigned i = 0; i < 1000; i++)
		cr_expect_eq(one(&l, ELSEWHERE, 1, (uint16_t)i, false), LATCH_REFUSED);
	cr_expect_eq(offer(&l, SDP, 1, 0, 1), 1, "the real one still is");
}

Test(rtp_latch, learning_needs_eight)
{
	struct latch l = latch_at("10.0.0.5:4000");

	latch_learn(&l, true);
	cr_expect_eq(one(&l, "198.51.100.7:9998", 9, 0, false), LATCH_WAITING);
	now += LATCH_NAMED_SILENT_MS * MS;
	cr_expect_eq(offer(&l, "198.51.100.7:9999", 1, 0, 8), 1);
	cr_expect(goes_to(&l, "198.51.100.7:9999"));
	cr_expect_eq(offer(&l, "198.51.100.7:9998", 1, 8, 100), 0, "once is enough");
}

Test(rtp_latch, learning_waits_for_the_named_one)
{
	struct latch l = latch_at("10.0.0.5:4000");

	latch_learn(&l, true);
	cr_expect_eq(offer(&l, "198.51.100.7:9999", 1, 0, 25), 0);
	cr_expect_eq(one(&l, "10.0.0.5:4000", 1, 0, false), LATCH_FOUND);
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

/* C360: after the lock nobody is followed, wherever from and whatever he sends, however silent the source. */
Test(rtp_latch, c360_hijack)
{
	struct latch l = latch_at(SDP);

	latch_learn(&l, true);
	cr_expect_eq(offer(&l, SDP, 1, 0, 4), 4);
	for (int silent = 0; silent < 2; silent++, now += 10000 * MS) {
		cr_expect_eq(one(&l, ELSEWHERE, 1, 4, true), LATCH_REFUSED);
		cr_expect_eq(one(&l, "192.0.2.1:4002", 1, 2, false), LATCH_REFUSED);
		cr_expect_eq(offer(&l, ELSEWHERE, 1, 4, 100), 0);
		cr_expect_eq(follow(&l, ELSEWHERE, 4, 100), 0);
		cr_expect_eq(offer(&l, "192.0.2.1:4002", 1, 2, 100), 0);
	}
	cr_expect_eq(one(&l, SDP, 1, 4, false), LATCH_BELIEVED);
}

/* M3: a stranger of the same address spoke first: he has to go as soon as the named one speaks. */
Test(rtp_latch, m3_the_named_one_outranks_a_guess)
{
	struct latch l = latch_at(SDP);

	cr_expect_eq(offer(&l, NAT, 1, 0, 100), 75, "nobody else was there for half a second");
	cr_expect_eq(one(&l, SDP, 2, 7, false), LATCH_MOVED);
	cr_expect(goes_to(&l, SDP));
	cr_expect(latch_is_certain(&l));
	for (unsigned i = 0; i < 200; i++) {
		cr_expect_not(is_believed(one(&l, NAT, 1, (uint16_t)(100 + i), false)));
		cr_expect_eq(one(&l, SDP, 2, (uint16_t)(8 + i), false), LATCH_BELIEVED);
	}
	now += 10000 * MS;
	cr_expect_eq(offer(&l, NAT, 1, 300, 100), 0, "not even when the caller is silent for a while");
}

/* M3: the named one speaks before half a second is over: the stranger is never heard. */
Test(rtp_latch, m3_the_stranger_is_never_heard)
{
	struct latch l = latch_at(SDP);

	cr_expect_eq(offer(&l, NAT, 1, 0, 24), 0);
	cr_expect_eq(one(&l, SDP, 2, 7, false), LATCH_FOUND);
}

/* One packet from the address of the SDP proves nothing for ever: a hole made in a NAT. */
Test(rtp_latch, a_single_packet_of_the_named_one)
{
	struct latch l = latch_at(SDP);

	cr_expect_eq(offer(&l, SDP, 9, 0, 3), 3);
	cr_expect_eq(offer(&l, NAT, 1, 0, 24), 0);
	cr_expect_eq(one(&l, NAT, 1, 24, false), LATCH_MOVED);
	cr_expect_eq(one(&l, SDP, 9, 3, false), LATCH_MOVED);
	cr_expect_eq(offer(&l, NAT, 1, 25, 24), 0);
	cr_expect_eq(one(&l, NAT, 1, 49, false), LATCH_MOVED);
	cr_expect_eq(offer(&l, SDP, 9, 4, 4), 4);
	now += 10000 * MS;
	cr_expect_eq(offer(&l, NAT, 1, 50, 100), 0, "four are enough");
}

/* M6: another port goes on with the stream: it is followed when the old one has been silent for a second. */
Test(rtp_latch, m6_the_port_changes)
{
	struct latch l = latch_at(SDP);
	uint64_t last;

	cr_expect_eq(offer(&l, SDP, 1, 0, 100), 100);
	last = now;
	cr_expect_not(latch_is_silent(&l, last + LATCH_SOURCE_SILENT_MS * MS - 1));
	cr_expect(latch_is_silent(&l, last + LATCH_SOURCE_SILENT_MS * MS));
	cr_expect_eq(follow(&l, NAT, 100, 49), 0);
	cr_expect(goes_to(&l, SDP));
	cr_expect_eq(one(&l, NAT, 1, 149, true), LATCH_MOVED);
	cr_expect_eq(now - last, LATCH_SOURCE_SILENT_MS * MS);
	cr_expect(goes_to(&l, NAT));
	cr_expect_not(latch_is_certain(&l));
	/* and once more, and back to the address of the SDP at once */
	cr_expect_eq(follow(&l, "192.0.2.1:60002", 150, 50), 1);
	cr_expect_eq(one(&l, SDP, 1, 200, true), LATCH_MOVED);
}

/* M6: the proof is four in sequence also when the silence is long over. */
Test(rtp_latch, m6_four_in_sequence)
{
	struct latch l = latch_at(SDP);

	cr_expect_eq(offer(&l, SDP, 1, 0, 100), 100);
	now += 5000 * MS;
	cr_expect_eq(follow(&l, NAT, 100, 3), 0);
	cr_expect_eq(one(&l, NAT, 1, 103, true), LATCH_MOVED);
}

/* A learned source moves within its own address only. */
Test(rtp_latch, m6_a_learned_source_moves)
{
	struct latch l = latch_at("10.0.0.5:4000");

	latch_learn(&l, true);
	cr_expect_eq(offer(&l, ELSEWHERE, 1, 0, 26), 1);
	latch_learn(&l, false);
	now += 5000 * MS;
	cr_expect_eq(follow(&l, "10.0.0.5:4002", 26, 50), 0);
	cr_expect_eq(follow(&l, "198.51.100.7:4444", 26, 4), 1);
}

Test(rtp_latch, nobody_is_silent_before_he_spoke)
{
	struct latch l = latch_at(SDP);

	cr_expect_not(latch_is_silent(&l, 1000000 * MS));
	one(&l, SDP, 1, 0, false);
	cr_expect_not(latch_is_silent(&l, 0), "a clock that went back");
	latch_heard(&l, now + 5000 * MS);
	cr_expect_not(latch_is_silent(&l, now + 5999 * MS));
	cr_expect(latch_is_silent(&l, now + 6000 * MS));
}

Test(rtp_latch, renegotiation_unlocks)
{
	struct latch l = latch_at(SDP);
	struct addr next = at("192.0.2.9:5000");

	cr_expect_eq(offer(&l, NAT, 1, 0, 26), 1);
	latch_init(&l, &next);
	cr_expect(goes_to(&l, "192.0.2.9:5000"));
	cr_expect_eq(offer(&l, NAT, 1, 26, 100), 0);
	cr_expect_eq(offer(&l, "192.0.2.9:5000", 1, 8, 4), 4);
}

Test(rtp_latch, ipv6)
{
	struct latch l = latch_at("[2001:db8::1]:4000");

	cr_expect_eq(offer(&l, "[2001:db8::2]:4000", 1, 0, 50), 0);
	cr_expect_eq(offer(&l, "[2001:db8::1]:4001", 1, 0, 26), 1);
}

/* Before anything is known of the peer nobody is believed. */
Test(rtp_latch, no_address_yet)
{
	struct addr none = {.family = ADDR_NONE};
	struct latch l;

	latch_init(&l, &none);
	cr_expect_eq(offer(&l, SDP, 1, 0, 100), 0);
	cr_expect_not(latch_is_certain(&l));
}

/* Each refused address is told once, and only a few of them. */
Test(rtp_latch, refusals_are_told_once)
{
	struct latch_told t = {.n = 0};
	struct addr a = at("192.0.2.1:1");

	for (uint16_t port = 1; port <= LATCH_TOLD_MAX; port++) {
		a.port = port;
		cr_expect(latch_is_news(&t, &a));
		cr_expect_not(latch_is_news(&t, &a));
	}
	for (uint16_t port = 1; port < 100; port++) {
		a.port = port;
		cr_expect_not(latch_is_news(&t, &a));
	}
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
