/* test_report.c - mirrors media/session/report.c: what RTCP tells of a session, and what it is told. */
#include "tests/unit/media/session/kit.h"

TestSuite(report, .init = setup, .fini = teardown);

#define LATER (5000 * MS)

/* The report that is due, parsed. */
static struct rtcp_news told(void)
{
	uint8_t report[RTCP_BYTES_MAX];
	struct rtcp_news news;
	size_t n;

	now += LATER;
	n = session_report(s, now, now, 0, report);
	cr_assert_gt(n, 0u);
	cr_assert_eq(rtcp_parse(report, n, PEER_SSRC, &news), 0);
	return news;
}

/* What the peer says of us; with an SR when `ntp` is not 0. */
static size_t of_peer(uint8_t *p, uint64_t ntp, uint32_t lost, uint32_t jitter)
{
	size_t sender = ntp != 0 ? 20 : 0;

	memset(p, 0, 52);
	p[0] = 0x81;
	p[1] = ntp != 0 ? RTCP_SR : RTCP_RR;
	p[3] = (uint8_t)(7 + sender / 4);
	wire_put_u32(p + 4, PEER_SSRC);
	if (ntp != 0)
		wire_put_u64(p + 8, ntp);
	wire_put_u32(p + 8 + sender, s->r.ssrc);
	wire_put_u32(p + 12 + sender, lost);
	wire_put_u32(p + 20 + sender, jitter);
	return 32 + sender;
}

Test(report, what_is_no_rtcp_is_counted_and_no_sign_of_life)
{
	uint8_t p[52], rtp[20] = {0x80, 0};
	size_t n = of_peer(p, 1ull << 40, 7, 9);

	p[3]++; /* longer than it is */
	cr_expect_not(session_receive_rtcp(s, p, n, now + LATER, now));
	cr_expect_not(session_receive_rtcp(s, rtp, sizeof rtp, now + LATER, now));
	cr_expect_not(session_receive_rtcp(s, p, 0, now + LATER, now));
	cr_expect_eq(s->in.count.packets_malformed, 3u);
	cr_expect_eq(s->in.alive_ns, START);
	cr_expect(s->sr_arrival_ns == 0 && s->remote_lost == 0 && s->remote_jitter == 0);
	p[3]--;
	cr_expect(session_receive_rtcp(s, p, n, now + LATER, now));
	cr_expect_eq(s->in.alive_ns, START + LATER);
	cr_expect_eq(s->in.heard_ns, START, "nothing of it was heard");
	cr_expect_eq(s->in.count.packets_malformed, 3u);
}

Test(report, what_the_peer_tells_of_us_is_kept)
{
	uint8_t p[52];

	cr_expect(session_receive_rtcp(s, p, of_peer(p, 0, 0x20000007, 99), now, now));
	cr_expect(s->remote_lost == 7 && s->remote_jitter == 99);
	cr_expect_eq(s->sr_arrival_ns, 0u, "it sends nothing");
	cr_expect(session_receive_rtcp(s, p, of_peer(p, 0, 0x00ffffff, 98), now, now));
	cr_expect(s->remote_lost == 0 && s->remote_jitter == 98, "more came than was sent: none is lost");
	cr_expect(session_receive_rtcp(s, p, of_peer(p, 0, 5, 97), now, now));
	wire_put_u32(p + 8, s->r.ssrc + 1);
	wire_put_u32(p + 12, 6);
	cr_expect(session_receive_rtcp(s, p, 32, now, now));
	cr_expect(s->remote_lost == 5 && s->remote_jitter == 97, "of somebody else");
}

Test(report, the_last_report_of_the_peer_is_answered)
{
	uint8_t p[52];
	struct rtcp_news news;

	for (int i = 0; i < 3; i++) {
		speak(0x21);
		now -= 20 * MS;
		tick();
	}
	news = told();
	cr_expect(news.has_report && news.lsr == 0 && news.dlsr == 0, "there was none");
	cr_expect(session_receive_rtcp(s, p, of_peer(p, 0x1234567890abcdefull, 0, 0), now, now));
	news = told();
	cr_expect_eq(news.lsr, 0x567890abu);
	cr_expect_eq(news.dlsr, 5u << 16);
	cr_expect(session_receive_rtcp(s, p, of_peer(p, 0, 0, 0), now, now));
	news = told();
	cr_expect_eq(news.lsr, 0x567890abu, "one of who sends nothing is none to answer");
	cr_expect_eq(news.dlsr, 10u << 16);
}

Test(report, tells_what_was_sent_and_when)
{
	uint8_t report[RTCP_BYTES_MAX];
	struct rtcp_news news;

	s->facts.sends = false;
	tick();
	cr_expect_not(told().has_sr, "nothing was sent yet");
	s->facts.sends = true;
	say(1000, 160, 1, false);
	now = START + 20 * MS;
	tick();
	now = START + 10000 * MS;
	cr_assert_eq(rtcp_parse(report, session_report(s, now + 3 * MS, 77 * LATER, 0, report), 0, &news), 0);
	cr_assert(news.has_sr);
	cr_expect_eq(news.ssrc, s->r.ssrc);
	cr_expect_eq(news.sr_ntp, rtcp_ntp(77 * LATER));
	cr_expect_eq(news.sr_rtp_ts, s->r.ts_base + 80024, "of that moment, not of a packet");
	cr_expect(news.sr_packets == 1 && news.sr_octets == 160);
	cr_expect_eq(news.cname.n, 16u);
	cr_expect_not(news.bye);
	cr_assert_eq(rtcp_parse(report, session_bye(s, now, now, report), 0, &news), 0);
	cr_expect(news.bye && news.has_sr && news.sr_packets == 1);
}

Test(report, before_the_start_and_to_nobody_there_is_none)
{
	uint8_t p[RTCP_BYTES_MAX];

	now += LATER;
	s->tape = NULL;
	cr_expect_eq(session_report(s, now, now, 0, p), 0u);
	cr_expect_eq(session_bye(s, now, now, p), 0u);
	s->tape = &tape;
	s->facts.remote_rtp.port = 0;
	cr_expect_eq(session_report(s, now, now, 0, p), 0u);
	cr_expect_eq(session_bye(s, now, now, p), 0u);
	s->facts.remote_rtp.port = 4000;
	cr_expect_gt(session_report(s, now, now, 0, p), 0u);
	cr_expect_gt(session_bye(s, now, now, p), 0u);
}

/* Only what says when it was sent can be answered with a time. */
Test(report, a_round_trip_is_of_a_report_that_told_our_time)
{
	uint8_t p[RTCP_BYTES_MAX];

	now += LATER;
	cr_assert_gt(session_report(s, now, now, 0, p), 0u);
	cr_expect(s->asked.next == 1 && s->asked.middle[0] == rtcp_ntp_middle(rtcp_ntp(now)), "nothing was sent: by RFC 3611");
	tick();
	now += 2 * LATER;
	cr_assert_gt(session_report(s, now, now, 0, p), 0u);
	cr_expect_eq(s->asked.next, 2u);
	cr_expect_eq(s->asked.middle[1], rtcp_ntp_middle(rtcp_ntp(now)));
}

/* ---- extended reports (RFC 3611) ---- */

/* An RR of the peer and an XR packet with one block. */
static size_t extended(uint8_t p[96], uint8_t type, const uint8_t *block, size_t n)
{
	memset(p, 0, 96);
	p[0] = 0x80;
	p[1] = RTCP_RR;
	p[3] = 1;
	wire_put_u32(p + 4, PEER_SSRC);
	p[8] = 0x80;
	p[9] = RTCP_XR;
	p[11] = (uint8_t)(2 + n / 4);
	wire_put_u32(p + 12, PEER_SSRC);
	p[16] = type;
	p[19] = (uint8_t)(n / 4);
	memcpy(p + 20, block, n);
	return 20 + n;
}

/* Who only listens is given its round trip, too, and we have ours of it. */
Test(report, a_listener_is_answered_and_answers)
{
	uint8_t p[96], block[12] = {0}, report[RTCP_BYTES_MAX];
	struct rtcp_news news;
	size_t n;

	wire_put_u64(block, 0x1234567890abcdefull);
	cr_assert(session_receive_rtcp(s, p, extended(p, 4, block, 8), now, now));
	now += LATER;
	n = session_report(s, now, now, 0, report);
	cr_assert_eq(rtcp_parse(report, n, PEER_SSRC, &news), 0);
	cr_expect(news.xr.has_answer && news.xr.lrr == 0x567890abu && news.xr.dlrr == 5u << 16);
	cr_expect(news.xr.has_time && news.xr.ntp == rtcp_ntp(now), "we have sent nothing yet");
	wire_put_u32(block, s->r.ssrc);
	wire_put_u32(block + 4, rtcp_ntp_middle(rtcp_ntp(now)));
	wire_put_u32(block + 8, 65536);
	cr_assert(session_receive_rtcp(s, p, extended(p, 5, block, 12), now, now + 1250 * MS));
	cr_expect(s->rtt_us > 249900 && s->rtt_us < 250100, "%u", s->rtt_us);
	tick();
	now += 2 * LATER;
	cr_assert_eq(rtcp_parse(report, session_report(s, now, now, 0, report), PEER_SSRC, &news), 0);
	cr_expect(news.has_sr && !news.xr.has_time, "a sender report asks by itself");
}

/* Of what is heard the peer is told how it sounds; what it tells is taken for the score. */
Test(report, tells_how_the_call_sounds)
{
	uint8_t report[RTCP_BYTES_MAX], p[96], block[32] = {0};
	struct rtcp_news news;

	for (int i = 0; i < 400; i++) {
		if (i % 100 == 50) {
			seq += 2;
			ts += 320;
			now += 40 * MS;
		} else {
			speak(0x21);
		}
		now -= 20 * MS;
		tick();
	}
	cr_assert_eq(rtcp_parse(report, session_report(s, now + LATER, now, 0, report), PEER_SSRC, &news), 0);
	cr_assert(news.xr.has_voip);
	cr_expect(news.xr.voip.loss == 8 * 256 / 404 && news.xr.voip.discard == 0, "%u", news.xr.voip.loss);
	cr_expect(news.xr.voip.burst_density == 255 && news.xr.voip.burst_ms == 40, "%u", news.xr.voip.burst_ms);
	cr_expect(news.xr.voip.gap_density == 0 && news.xr.voip.gap_ms > 1000);
	cr_expect(news.xr.voip.r_factor > 60 && news.xr.voip.r_factor < 93);
	cr_expect(news.xr.voip.mos_cq > 30 && news.xr.voip.mos_cq <= news.xr.voip.mos_lq && news.xr.voip.mos_lq <= 44);
	cr_expect_eq(news.xr.voip.buffer_max_ms, cfg.reorder_ms_max);
	wire_put_u32(block, s->r.ssrc);
	block[5] = 25; /* discarded */
	cr_assert(session_receive_rtcp(s, p, extended(p, 7, block, 32), now, now));
	cr_expect_eq(s->remote_voip.discard, 25u);
}

/* RFC 3550 section 8.2: who has our number is given it; who has the next one as well sends us our own packets (M23). */
Test(report, another_one_with_our_ssrc)
{
	uint32_t first = s->r.ssrc, second;
	struct addr elsewhere = facts.remote_rtp;
	uint8_t report[RTCP_BYTES_MAX], raw[RTP_HEADER_BYTES + 160] = {0};
	struct rtcp_news news;
	struct rtp_packet h = {.ssrc = first, .seq = 7};

	tick();
	rtp_header_write(raw, &h);
	session_receive(s, &(struct session_datagram){raw, sizeof raw, &facts.remote_rtp}, now, &ev);
	second = s->r.ssrc;
	cr_assert_neq(second, first);
	cr_expect(s->dirty && s->marker);
	cr_expect_eq(s->in.count.packets_received, 0u);
	cr_assert_eq(rtcp_parse(report, session_report(s, now, now, 0, report), 0, &news), 0);
	cr_expect(news.ssrc == second && news.sr_packets == 0 && !news.bye);
	h.ssrc = second;
	rtp_header_write(raw, &h);
	for (int i = 0; i < 5; i++)
		session_receive(s, &(struct session_datagram){raw, sizeof raw, &facts.remote_rtp}, now, &ev);
	cr_expect_eq(s->r.ssrc, second, "a loop");
	cr_expect(s->in.count.packets_looped == 6 && s->in.count.packets_received == 0);
	elsewhere.port++;
	cr_expect(session_is_rival(s, first, &elsewhere, now + 1999 * MS), "what was under way");
	cr_expect_eq(s->r.ssrc, second);
	cr_expect_not(session_is_rival(s, first, &elsewhere, now + 2000 * MS), "who had it by chance is heard");
	cr_expect(session_is_rival(s, second, &elsewhere, now));
	cr_expect_neq(s->r.ssrc, second, "somebody else");
	speak(0x21);
	cr_expect_eq(s->in.count.packets_received, 1u, "the peer is heard all the time");
}

/* The report that gives a number back says BYE for it, once. */
Test(report, the_ssrc_that_is_given_up_leaves)
{
	uint32_t first = s->r.ssrc;
	uint8_t report[RTCP_BYTES_MAX];
	size_t n;

	cr_assert(session_is_rival(s, first, &facts.remote_rtp, now));
	n = session_report(s, now, now, 0, report);
	cr_assert_gt(n, 8u);
	cr_expect(report[n - 8] == 0x81 && report[n - 7] == RTCP_BYE && wire_get_u32(report + n - 4) == first);
	now += 2 * LATER;
	n = session_report(s, now, now, 0, report);
	cr_assert_gt(n, 8u);
	cr_expect_neq(report[n - 7], RTCP_BYE);
}

Test(report, of_ours_that_come_back_nothing_is_believed)
{
	uint8_t report[RTCP_BYTES_MAX];
	size_t n;

	tick();
	now += LATER;
	n = session_report(s, now, now, 0, report);
	cr_expect_not(session_receive_rtcp(s, report, n, now, now));
	cr_expect(s->in.count.packets_looped == 1 && s->sr_arrival_ns == 0 && s->in.alive_ns == START);
	cr_assert(session_is_rival(s, s->r.ssrc, &facts.remote_rtp, now));
	cr_expect_not(session_receive_rtcp(s, report, n, now, now), "under way when its number was given up");
	cr_expect(session_receive_rtcp(s, report, n, now + SESSION_RIVAL_MS * MS, now));
}
