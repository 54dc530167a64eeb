/* test_xr.c - mirrors media/rtp/xr.c */
#include <criterion/criterion.h>
#include <string.h>

#include "media/rtp/rtcp.h"

#define OURS   0x11111111u
#define THEIRS 0x22222222u

static const struct xr_voip sounds = {
	.loss = 1, .discard = 2, .burst_density = 3, .gap_density = 4, .burst_ms = 500, .gap_ms = 6000, .round_trip_ms = 70,
	.end_system_ms = 80, .r_factor = 93, .mos_lq = 44, .mos_cq = 43, .buffer_ms = 20, .buffer_max_ms = 60,
};

static struct rtcp_sender full(struct seq *about)
{
	about->started = true;
	about->ssrc = OURS;
	return (struct rtcp_sender){
		.ssrc = THEIRS, .ntp = 0x0102030405060708, .cname = "alice", .seq = about, .asks = true, .asker = OURS, .lrr = 77, .dlrr = 88,
		.voip = &sounds, .left = 0x33333333, .bye = true,
	};
}

/* C273, C286: all that there is, in one compound, there and back; BYE comes last. */
Test(rtp_xr, c273_there_and_back)
{
	struct seq about = {0};
	struct rtcp_sender s = full(&about);
	uint8_t p[RTCP_BYTES_MAX];
	size_t n = rtcp_build(&s, p);
	struct rtcp_news news;

	cr_assert_eq(rtcp_parse(p, n, OURS, &news), 0);
	cr_expect(news.xr.has_time && news.xr.ntp == 0x0102030405060708);
	cr_expect(news.xr.has_answer && news.xr.lrr == 77 && news.xr.dlrr == 88);
	cr_assert(news.xr.has_voip);
	cr_expect_eq(memcmp(&news.xr.voip, &sounds, sizeof sounds), 0);
	cr_expect(news.bye && p[n - 12] == 0x82 && p[n - 11] == RTCP_BYE);
	cr_assert_eq(rtcp_parse(p, n, OURS + 1, &news), 0);
	cr_expect(news.xr.has_time && !news.xr.has_answer && !news.xr.has_voip, "of somebody else");
	s.has_sent = true;
	cr_assert_eq(rtcp_parse(p, rtcp_build(&s, p), OURS, &news), 0);
	cr_expect_not(news.xr.has_time, "a sender report asks by itself");
}

Test(rtp_xr, the_largest_compound_fits)
{
	char name[RTCP_CNAME_MAX + 1] = "";
	struct seq about = {0};
	struct rtcp_sender s = full(&about);
	uint8_t p[RTCP_BYTES_MAX];

	memset(name, 'x', RTCP_CNAME_MAX);
	s.cname = name;
	s.has_sent = true;
	cr_expect_leq(rtcp_build(&s, p), sizeof p);
	s.has_sent = false;
	cr_expect_leq(rtcp_build(&s, p), sizeof p);
}

Test(rtp_xr, nothing_to_say_is_no_packet)
{
	uint8_t p[XR_BYTES_MAX];

	cr_expect_eq(xr_put(&(struct xr_sender){.ssrc = 1, .asker = 2, .dlrr = 3}, p), 0u);
}

/* C274: cut anywhere, or with a block that lies about its length, it is skipped, and what came before stays. */
Test(rtp_xr, c274_malformed)
{
	uint8_t xr[XR_BYTES_MAX];
	size_t n = xr_put(&(struct xr_sender){.ssrc = 1, .about = OURS, .asks = true, .ntp = 5, .asker = OURS, .lrr = 6, .voip = &sounds}, xr);

	for (size_t cut = 0; cut <= n - 4; cut++) {
		struct xr_news news = {.has_time = false};

		xr_take(wire_of(xr + 4, cut), OURS, &news);
		cr_expect_eq(news.has_time, cut >= 16, "%zu", cut);
		cr_expect_eq(news.has_answer, cut >= 32, "%zu", cut);
		cr_expect_eq(news.has_voip, cut >= n - 4, "%zu", cut);
	}
	for (unsigned words = 0; words < 40; words++) {
		struct xr_news news = {.has_time = false};

		xr[11] = (uint8_t)words; /* of the first block */
		xr_take(wire_of(xr + 4, n - 4), OURS, &news);
		cr_expect_eq(news.has_time, words == 2, "%u", words);
	}
}

/* A compound of small blocks ends after a bounded number of them. */
Test(rtp_xr, blocks_are_bounded)
{
	uint8_t p[4 + 4 * 40 + 12] = {0};
	struct xr_news news = {.has_time = false};

	for (size_t i = 0; i < 40; i++)
		p[4 + 4 * i] = 99;
	p[4 + 160] = 4;
	p[4 + 163] = 2;
	xr_take(wire_of(p, sizeof p), OURS, &news);
	cr_expect_not(news.has_time);
	xr_take(wire_of(p + 40, sizeof p - 40), OURS, &news);
	cr_expect(news.has_time);
}

static uint64_t number; /* of the next packet */

static struct xr_voip measured(const struct xr_bursts *b)
{
	struct xr_voip v = {.loss = 0};

	xr_measure(b, number, 20, &v);
	return v;
}

static void gone(struct xr_bursts *b, uint32_t n)
{
	xr_gone(b, number, n);
	number += n;
}

Test(rtp_xr, bursts_and_gaps)
{
	struct xr_bursts b;
	struct xr_voip v;

	number = 65536;
	xr_begin(&b, number);
	v = measured(&b);
	cr_expect(v.burst_density == 0 && v.gap_density == 0 && v.burst_ms == 0 && v.gap_ms == 0);
	number += 99;
	gone(&b, 1);
	number += 100;
	v = measured(&b);
	cr_expect(v.burst_density == 0 && v.burst_ms == 0, "a single one is no burst");
	cr_expect(v.gap_density == 256 / 200 && v.gap_ms == 200 * 20);
	gone(&b, 1); /* x 15 x: two in 17 */
	number += XR_GMIN - 1;
	gone(&b, 1);
	number += 83;
	v = measured(&b);
	cr_expect(v.burst_density == 2 * 256 / 17 && v.burst_ms == 340, "%u %u", v.burst_density, v.burst_ms);
	cr_expect_eq(v.gap_ms, 283 * 20 / 2);
	gone(&b, 1); /* 16 in between: two gaps with one each */
	number += XR_GMIN;
	gone(&b, 1);
	v = measured(&b);
	cr_expect_eq(b.bursts, 1u);
	cr_expect_eq(v.gap_density, 3 * 256 / (283 + 18));
	gone(&b, 3);
	cr_expect_eq(measured(&b).burst_ms, (17 + 4) * 20 / 2, "what may go on counts");
	number = 1;
	cr_expect_eq(measured(&b).burst_ms, (17 + 4) * 20 / 2, "numbers that go back are no packets");
}

Test(rtp_xr, measures_saturate)
{
	struct xr_bursts b;
	struct xr_voip v;

	number = 65536;
	xr_begin(&b, number);
	gone(&b, 1u << 20);
	v = measured(&b);
	cr_expect(v.burst_density == UINT8_MAX && v.burst_ms == UINT16_MAX && v.gap_ms == 0);
}
