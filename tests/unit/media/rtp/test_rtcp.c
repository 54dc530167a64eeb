/* test_rtcp.c - mirrors media/rtp/rtcp.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/wire.h"
#include "media/rtp/rtcp.h"

#define OURS   0x11111111u
#define THEIRS 0x22222222u

static int parse_exact(const uint8_t *p, size_t n, struct rtcp_news *ret)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	int err;

	cr_assert_not_null(copy);
	if (n > 0)
		memcpy(copy, p, n);
	err = rtcp_parse(copy, n, OURS, ret);
	ret->cname = (struct str){NULL, ret->cname.n}; /* the copy is gone */
	free(copy);
	return err;
}

/* What we would send to ourselves: their SR about our stream. */
static struct rtcp_sender peer(struct seq *about_us)
{
	return (struct rtcp_sender){
		.ssrc = THEIRS,
		.has_sent = true,
		.ntp = 0x0102030405060708,
		.rtp_ts = 12345 + 160,
		.packets = 50,
		.octets = 8000,
		.cname = "alice",
		.seq = about_us,
		.lsr = 0xaabbccdd,
		.dlsr = 65536,
	};
}

static struct seq heard_ours(void)
{
	struct seq s = {0};
	uint64_t ext;

	for (unsigned n = 65530; n < 65546; n++)
		if (n != 65540)
			(void)seq_take(&s, OURS, (uint16_t)n, &ext);
	s.jitter_q4 = 42 << 4;
	return s;
}

/* C284, C285: a sender report with a block about us, there and back */
Test(rtp_rtcp, c284_sender_report)
{
	struct seq about = heard_ours();
	struct rtcp_sender s = peer(&about);
	uint8_t p[RTCP_BYTES_MAX];
	size_t n = rtcp_build(&s, p);
	struct rtcp_news news;

	cr_assert_eq(n % 4, 0);
	cr_assert_eq(rtcp_parse(p, n, OURS, &news), 0);
	cr_expect_eq(news.ssrc, THEIRS);
	cr_expect(news.has_sr);
	cr_expect_eq(news.sr_ntp, 0x0102030405060708);
	cr_expect_eq(news.sr_rtp_ts, 12505);
	cr_expect_eq(news.sr_packets, 50);
	cr_expect_eq(news.sr_octets, 8000);
	cr_expect(news.has_report);
	cr_expect_eq(news.lost, 1);
	cr_expect_eq(news.fraction, 16);
	cr_expect_eq(news.jitter, 42);
	cr_expect_eq(news.lsr, 0xaabbccdd);
	cr_expect_eq(news.dlsr, 65536);
	cr_expect(str_eq(news.cname, STR("alice")));
	cr_expect_not(news.bye);
	cr_expect_eq(wire_get_u32(p + 28 + 8), 1u << 16 | 9, "cycles and highest number");
	cr_expect_eq(about.expected_prior, 16, "the interval of the fraction is over");
}

/* C285: blocks about others are not about us; nor is one of nobody */
Test(rtp_rtcp, c285_block_about_us_only)
{
	struct seq about = heard_ours();
	struct rtcp_sender s = peer(&about);
	uint8_t p[RTCP_BYTES_MAX];
	struct rtcp_news news;

	about.ssrc = 0x33333333;
	cr_assert_eq(rtcp_parse(p, rtcp_build(&s, p), OURS, &news), 0);
	cr_expect_not(news.has_report);
	cr_expect_eq(news.jitter, 0);
	s.seq = NULL;
	cr_assert_eq(rtcp_parse(p, rtcp_build(&s, p), OURS, &news), 0);
	cr_expect_not(news.has_report);
	cr_expect_eq(p[0] & 31, 0);
}

/* C273: receiver report with two blocks, ours second, then SDES of two sources, then BYE
 */
static const uint8_t compound[] = {
	/* RR */
	0x82,
	0xc9,
	0x00,
	0x0d,
	0x22,
	0x22,
	0x22,
	0x22, /**/
	0x33,
	0x33,
	0x33,
	0x33,
	0xff,
	0xff,
	0xff,
	0xff,
	0,
	0,
	0,
	1,
	0,
	0,
	0,
	2,
	0,
	0,
	0,
	3,
	0,
	0,
	0,
	4,
	0x11,
	0x11,
	0x11,
	0x11,
	0x80,
	0xff,
	0xff,
	0xff,
	0,
	0,
	0,
	5,
	0,
	0,
	0,
	6,
	0,
	0,
	0,
	7,
	0,
	0,
	0,
	8,
	/* SDES, chunk of a stranger with TOOL, chunk of the sender with CNAME */
	0x82,
	0xca,
	0x00,
	0x06,
	0x33,
	0x33,
	0x33,
	0x33,
	0x06,
	0x02,
	'x',
	'y',
	0,
	0,
	0,
	0, /**/
	0x22,
	0x22,
	0x22,
	0x22,
	0x01,
	0x03,
	'b',
	'o',
	'b',
	0,
	0,
	0,
	/* BYE with a reason */
	0x81,
	0xcb,
	0x00,
	0x02,
	0x22,
	0x22,
	0x22,
	0x22,
	0x02,
	'o',
	'k',
	0,
};

Test(rtp_rtcp, c273_compound)
{
	struct rtcp_news news;

	cr_assert_eq(rtcp_parse(compound, sizeof compound, OURS, &news), 0);
	cr_expect_eq(news.ssrc, THEIRS);
	cr_expect_not(news.has_sr);
	cr_expect(news.has_report);
	cr_expect_eq(news.fraction, 128);
	cr_expect_eq(news.lost, -1);
	cr_expect_eq(news.jitter, 6);
	cr_expect_eq(news.lsr, 7);
	cr_expect_eq(news.dlsr, 8);
	cr_expect(str_eq(news.cname, STR("bob")));
	cr_expect(news.bye);
}

/* C275: what 24 bits of loss mean */
Test(rtp_rtcp, c275_lost_is_signed)
{
	static const struct {
		uint8_t wire[3];
		int32_t lost;
	} cases[] = {
		{{0, 0, 0}, 0},
		{{0xff, 0xff, 0xff}, -1},
		{{0x7f, 0xff, 0xff}, 8388607},
		{{0x80, 0, 0}, -8388608},
	};
	uint8_t p[sizeof compound];
	struct rtcp_news news;

	memcpy(p, compound, sizeof p);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memcpy(p + 37, cases[i].wire, 3);
		cr_assert_eq(rtcp_parse(p, sizeof p, OURS, &news), 0);
		cr_expect_eq(news.lost, cases[i].lost);
	}
}

/* C275: and how it is written when it does not fit */
Test(rtp_rtcp, c275_lost_is_clamped)
{
	struct seq about = heard_ours();
	struct rtcp_sender s = peer(&about);
	uint8_t p[RTCP_BYTES_MAX];

	about.highest += 1ull << 30;
	(void)rtcp_build(&s, p);
	cr_expect_eq(wire_get_u32(p + 32), 255u << 24 | 0x7fffff);
}

/* C274: a compound that was cut anywhere but between two packets is none */
Test(rtp_rtcp, c274_truncation)
{
	for (size_t n = 0; n < sizeof compound; n++) {
		struct rtcp_news news = {.ssrc = 4711};
		bool whole = n == 56 || n == 84;

		cr_expect_eq(parse_exact(compound, n, &news), whole ? 0 : ERR_SYNTAX,
			     "%zu", n);
		cr_expect_eq(news.ssrc, whole ? THEIRS : 4711, "%zu", n);
	}
}

Test(rtp_rtcp, c274_errors)
{
	static const struct {
		const char *what;
		size_t n;
		uint8_t p[24];
	} cases[] = {
		{"empty", 0, {0}},
		{"version 1", 8, {0x40, 0xc9, 0, 1}},
		{"SDES first", 8, {0x81, 0xca, 0, 1}},
		{"BYE alone", 8, {0x81, 0xcb, 0, 1}},
		{"RTP", 8, {0x80, 0x00, 0, 1}},
		{"length too long", 8, {0x80, 0xc9, 0, 2}},
		{"length too short", 8, {0x80, 0xc9, 0, 0}},
		{"no multiple of four", 9, {0x80, 0xc9, 0, 1}},
		{"report without its block", 8, {0x81, 0xc9, 0, 1}},
		{"31 reports announced", 8, {0x9f, 0xc9, 0, 1}},
		{"SR of RR's length", 8, {0x80, 0xc8, 0, 1}},
		{"second packet version 0",
		 16,
		 {0x80, 0xc9, 0, 1, 0, 0, 0, 0, 0x00, 0xca, 0, 1}},
		{"second packet too long",
		 16,
		 {0x80, 0xc9, 0, 1, 0, 0, 0, 0, 0x80, 0xca, 0, 2}},
		{"BYE without its SSRC",
		 12,
		 {0x80, 0xc9, 0, 1, 0, 0, 0, 0, 0x81, 0xcb, 0, 0}},
		{"padding 0", 12, {0xa0, 0xc9, 0, 2}},
		{"padding too long", 12, {0xa0, 0xc9, 0, 2, [11] = 9}},
		{"padding eats the SSRC", 12, {0xa0, 0xc9, 0, 2, [11] = 8}},
		{"padding of nothing",
		 12,
		 {0x80, 0xc9, 0, 1, 0, 0, 0, 0, 0xa0, 0xcc, 0, 0}},
		{"padding not last",
		 16,
		 {0xa0, 0xc9, 0, 2, 0, 0, 0, 0, 0, 0, 0, 4, 0x80, 0xcc, 0, 0}},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rtcp_news news = {.ssrc = 4711};

		cr_expect_eq(parse_exact(cases[i].p, cases[i].n, &news), ERR_SYNTAX, "%s",
			     cases[i].what);
		cr_expect_eq(news.ssrc, 4711, "%s", cases[i].what);
	}
}

/* C273: padding at the end; types nobody here knows (APP, feedback, XR) in between */
Test(rtp_rtcp, c273_padding_and_unknown)
{
	static const uint8_t p[] = {
		0x80, 0xc9, 0,   1,   0x22, 0x22, 0x22, 0x22, /* RR */
		0x80, 0xcc, 0,   2,   1,    2,    3,    4,
		'n',  'a',  'm', 'e', /* APP */
		0x81, 0xce, 0,   2,   1,    2,    3,    4,
		5,    6,    7,   8,                        /* PLI */
		0x80, 0xcf, 0,   1,   1,    2,    3,    4, /* XR */
		0xa0, 0xdf, 0,   2,   1,    2,    3,    4,
		0,    0,    0,   4, /* a type of the future, padded */
	};
	struct rtcp_news news;

	cr_assert_eq(rtcp_parse(p, sizeof p, OURS, &news), 0);
	cr_expect_eq(news.ssrc, THEIRS);
	cr_expect_not(news.bye);
}

Test(rtp_rtcp, limit_of_packets)
{
	uint8_t p[8 + 4 * RTCP_PACKETS_MAX] = {0x80, 0xc9, 0, 1, 1, 2, 3, 4};
	struct rtcp_news news;

	for (unsigned i = 0; i < RTCP_PACKETS_MAX; i++) {
		p[8 + 4 * i] = 0x80;
		p[9 + 4 * i] = 0xcc;
	}
	cr_expect_eq(rtcp_parse(p, sizeof p - 4, OURS, &news), 0);
	cr_expect_eq(rtcp_parse(p, sizeof p, OURS, &news), ERR_SYNTAX);
}

/* C273: a source description that can not be read costs only itself. */
Test(rtp_rtcp, c273_broken_sdes)
{
	static const uint8_t rr[8] = {0x80, 0xc9, 0, 1, 0x22, 0x22, 0x22, 0x22};
	static const uint8_t broken[][12] = {
		{0x81, 0xca, 0, 2, 0x22, 0x22, 0x22, 0x22, 1, 9, 'a',
		 'b'}, /* item too long */
		{0x81, 0xca, 0, 2, 0x22, 0x22, 0x22, 0x22, 6, 2, 'a',
		 'b'}, /* no end of items */
		{0x82, 0xca, 0, 2, 0x22, 0x22, 0x22, 0x22, 6, 1, 'a',
		 0}, /* second chunk missing */
		{0x9f, 0xca, 0, 0},
	};

	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		uint8_t p[20];
		struct rtcp_news news;
		size_t n = 8 + 4 + 4u * broken[i][3];

		memcpy(p, rr, sizeof rr);
		memcpy(p + sizeof rr, broken[i], n - 8);
		cr_expect_eq(parse_exact(p, n, &news), 0, "%zu", i);
		cr_expect_eq(news.ssrc, THEIRS);
		cr_expect_eq(news.cname.n, 0, "%zu", i);
	}
}

/* C282: whatever its length, the chunk ends with a zero and on 32 bits, and is read back.
 */
Test(rtp_rtcp, c282_chunk_alignment)
{
	char name[RTCP_CNAME_MAX + 10] = "";

	for (size_t n = 0; n < sizeof name - 1; n++) {
		struct rtcp_sender s = {.ssrc = THEIRS, .cname = name};
		size_t kept = n < RTCP_CNAME_MAX ? n : RTCP_CNAME_MAX;
		uint8_t p[RTCP_BYTES_MAX];
		size_t bytes = rtcp_build(&s, p);
		struct rtcp_news news;

		cr_expect_eq(bytes % 4, 0);
		cr_expect_eq(p[bytes - 1], 0);
		cr_expect_eq(bytes, 8 + 4 + 4 + (2 + kept + 4) / 4 * 4);
		cr_assert_eq(rtcp_parse(p, bytes, OURS, &news), 0);
		cr_expect(str_eq(news.cname, (struct str){name, kept}), "%zu", n);
		name[n] = (char)('a' + n % 26);
	}
}

/* C286, C287: BYE travels in a whole compound, once */
Test(rtp_rtcp, c286_bye_is_compound)
{
	struct rtcp_sender s = {.ssrc = THEIRS, .cname = "a", .bye = true};
	uint8_t p[RTCP_BYTES_MAX];
	size_t n = rtcp_build(&s, p);
	struct rtcp_news news;

	cr_expect_eq(p[1], RTCP_RR);
	cr_expect_eq(p[8 + 1], RTCP_SDES);
	cr_expect_eq(n, 8 + 12 + 8);
	cr_expect_arr_eq(p + 20, "\x81\xcb\x00\x01\x22\x22\x22\x22", 8);
	cr_assert_eq(rtcp_parse(p, n, OURS, &news), 0);
	cr_expect(news.bye);
	wire_put_u32(p + 24, 0x33333333); /* a mixer tells that somebody else left */
	cr_assert_eq(rtcp_parse(p, n, OURS, &news), 0);
	cr_expect_not(news.bye);
}

Test(rtp_rtcp, largest_compound_fits)
{
	char name[RTCP_CNAME_MAX + 1] = "";
	struct seq about = heard_ours();
	struct rtcp_sender s = peer(&about);
	uint8_t p[RTCP_BYTES_MAX];
	struct rtcp_news news;

	memset(name, 'x', RTCP_CNAME_MAX);
	s.cname = name;
	s.bye = true;
	cr_assert_eq(rtcp_parse(p, rtcp_build(&s, p), OURS, &news), 0);
	cr_expect(news.has_sr && news.has_report && news.bye);
	cr_expect_eq(news.cname.n, RTCP_CNAME_MAX);
}

Test(rtp_rtcp, ntp)
{
	uint64_t half = rtcp_ntp(1500000000);

	cr_expect_eq(rtcp_ntp(0), 2208988800ull << 32);
	cr_expect_eq(half, (2208988801ull << 32) | 0x80000000);
	cr_expect_eq(rtcp_ntp_middle(half), (2208988801ull & 0xffff) << 16 | 0x8000);
	cr_expect_eq(rtcp_ntp(999999999) & 0xffffffff, 0xfffffffb);
	/* 2036-02-07 06:28:16: the second era begins */
	cr_expect_eq(rtcp_ntp(2085978496ull * 1000000000), 0);
}

/* C284: the pair of clocks in a report is one instant */
Test(rtp_rtcp, c284_media_clock)
{
	cr_expect_eq(rtcp_rtp_ts(12345, 0, 8000), 12345);
	cr_expect_eq(rtcp_rtp_ts(12345, 20000000, 8000), 12345 + 160);
	cr_expect_eq(rtcp_rtp_ts(0u - 80, 10000000, 8000), 0);
	cr_expect_eq(rtcp_rtp_ts(0, 3600ull * 24 * 365 * 1000000000, 48000),
		     (uint32_t)(3600ull * 24 * 365 * 48000));
}

Test(rtp_rtcp, dlsr)
{
	cr_expect_eq(rtcp_dlsr(0), 0);
	cr_expect_eq(rtcp_dlsr(1000000000), 65536);
	cr_expect_eq(rtcp_dlsr(5250000000), 5 * 65536 + 16384);
	cr_expect_eq(rtcp_dlsr(65535999999999), UINT32_MAX);
	cr_expect_eq(rtcp_dlsr(65536000000000), UINT32_MAX);
	cr_expect_eq(rtcp_dlsr(UINT64_MAX), UINT32_MAX);
}

/* RFC 3550 figure 2: A = 0xb710:8000, LSR = 0xb705:2000, DLSR = 0x0005.4000: 6.125 s */
Test(rtp_rtcp, round_trip)
{
	uint64_t now = 0x0000b71080000000ull;
	struct rtcp_asked asked = {.next = 0};

	rtcp_ask(&asked, 0x0000b70520001234ull);
	rtcp_ask(&asked, 0x0000b71080000000ull);
	rtcp_ask(&asked, 0x0000ffff0000ffffull);
	cr_expect_eq(rtcp_rtt_us(&asked, now, 0xb7052000, 0x00054000), 6125000);
	cr_expect_eq(rtcp_rtt_us(&asked, now, 0, 0x00054000), 0, "no report of ours was seen");
	cr_expect_eq(rtcp_rtt_us(&asked, now, 0xb7108000, 1), 0, "answered before asked");
	cr_expect_eq(rtcp_rtt_us(&asked, now, 0xb7108000, 0), 0, "in no time at all");
	cr_expect_eq(rtcp_rtt_us(&asked, 0x1000000000000ull, 0xffff0000, 0), 1000000, "wrap");
}

/* M13: what is no answer to one of our last reports, or too old for a round trip, is not published. */
Test(rtp_rtcp, m13_nonsense_is_no_round_trip)
{
	uint64_t now = 0x0000b71080000000ull;
	struct rtcp_asked asked = {.next = 0};

	cr_expect_eq(rtcp_rtt_us(&asked, 1ull << 16, 0, 0), 0, "nothing was sent");
	cr_expect_eq(rtcp_rtt_us(&asked, now, 1, 0), 0);
	rtcp_ask(&asked, now - (11ull << 32));
	cr_expect_eq(rtcp_rtt_us(&asked, now, 1, 0), 0, "an LSR of 1");
	cr_expect_eq(rtcp_rtt_us(&asked, now, rtcp_ntp_middle(now - (11ull << 32)), 0), 0, "11 s");
	cr_expect_eq(rtcp_rtt_us(&asked, now, rtcp_ntp_middle(now - (11ull << 32)), 65536), 10000000);
	cr_expect_eq(rtcp_rtt_us(&asked, now, rtcp_ntp_middle(now - (11ull << 32)), 65535), 0, "a tick more than 10 s");
	cr_expect_eq(rtcp_rtt_us(&asked, now, rtcp_ntp_middle(now - (11ull << 32)) + 1, 65536), 0, "not what we sent");
	cr_expect_eq(rtcp_rtt_us(&asked, now, rtcp_ntp_middle(now - (11ull << 32)), UINT32_MAX), 0);
	for (uint64_t i = 1; i <= RTCP_ASKED; i++) /* the first is forgotten, the others are known */
		rtcp_ask(&asked, now - (i << 32));
	cr_expect_eq(rtcp_rtt_us(&asked, now, rtcp_ntp_middle(now - (11ull << 32)), 65536), 0);
	for (uint64_t i = 1; i <= RTCP_ASKED; i++)
		cr_expect_eq(rtcp_rtt_us(&asked, now, rtcp_ntp_middle(now - (i << 32)), 0), 1000000 * i);
}

/* The name of the sender is taken, whoever else is described before or after it. */
Test(rtp_rtcp, the_name_is_the_senders)
{
	static const uint8_t rr[8] = {0x80, 0xc9, 0, 1, 0x22, 0x22, 0x22, 0x22};
	static const uint8_t ours[12] = {0x22, 0x22, 0x22, 0x22, 1, 3, 'b', 'o', 'b', 0, 0, 0};
	static const uint8_t other[12] = {0x33, 0x33, 0x33, 0x33, 1, 3, 'e', 'v', 'e', 0, 0, 0};
	static const uint8_t tool[12] = {0x22, 0x22, 0x22, 0x22, 6, 3, 'x', 'y', 'z', 0, 0, 0};
	static const struct {
		const uint8_t *chunk[3];
		const char *name;
	} cases[] = {
		{{other, ours, tool}, "bob"}, {{ours, other, tool}, "bob"}, {{tool, ours, other}, "bob"}, {{other, tool, other}, ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t p[8 + 4 + 3 * 12] = {0};
		struct rtcp_news news;

		memcpy(p, rr, sizeof rr);
		memcpy(p + 8, "\x83\xca\x00\x09", 4);
		for (size_t k = 0; k < 3; k++)
			memcpy(p + 12 + 12 * k, cases[i].chunk[k], 12);
		cr_assert_eq(rtcp_parse(p, sizeof p, OURS, &news), 0);
		cr_expect(str_eq(news.cname, str_of(cases[i].name)), "case %zu", i);
	}
}

Test(rtp_rtcp, interval)
{
	uint32_t least = UINT32_MAX, most = 0;

	for (uint64_t x = 0; x < 20000; x++) {
		uint32_t ms = rtcp_interval_ms(x * 0x9e3779b97f4a7c15ull);

		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	cr_expect_geq(least, 2500);
	cr_expect_lt(least, 2510);
	cr_expect_lt(most, 7500);
	cr_expect_geq(most, 7490);
}
