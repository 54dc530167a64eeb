/* test_sdp.c - mirrors signaling/sdp/sdp.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "signaling/sdp/sdp.h"

#define HEAD "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
#define CONN "c=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static int parse(const char *text, struct sdp *s)
{
	return sdp_parse(str_of(text), s);
}

static const struct {
	const char *why;
	const char *text;
	int ret;
} cases[] = {
	{"C070 plain", HEAD CONN "m=audio 4000 RTP/AVP 0\r\n", 0},
	{"bare LF", "v=0\no=a 1 1 IN IP4 192.0.2.1\ns=-\nm=audio 4000 RTP/AVP 0\n", 0},
	{"no media", HEAD CONN, 0},
	{"C072 bandwidth", HEAD CONN "b=AS:64\r\nm=audio 4000 RTP/AVP 0\r\nb=TIAS:64000\r\nb=CT:128\r\n", 0},
	{"a name as address is no error", HEAD "c=IN IP4 phone.example\r\nm=audio 4000 RTP/AVP 0\r\n", 0},
	{"unknown protocol", HEAD CONN "m=image 4000 udptl t38\r\n", 0},
	{"ports with count", HEAD CONN "m=audio 4000/2 RTP/AVP 0\r\n", 0},
	{"C097 port is no number", HEAD CONN "m=audio x RTP/AVP 0\r\n", 0},
	{"C097 bandwidth", HEAD "b=AS:abc\r\n", 0},
	{"S10 bandwidth of any kind", HEAD CONN "b=X-YZ:abc\r\nm=audio 4000 RTP/AVP 0\r\nb=AS:64.5\r\nb=\r\n", 0},
	{"no protocol", HEAD CONN "m=audio 4000\r\n", ERR_SYNTAX},
	{"no kind", HEAD CONN "m= \r\n", ERR_SYNTAX},
	{"version", "v=1\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\n", ERR_SYNTAX},
	{"no origin", "v=0\r\ns=-\r\n", ERR_SYNTAX},
	{"not a line", HEAD "hello\r\n", ERR_SYNTAX},
	{"empty", "", ERR_SYNTAX},
};

Test(sdp, parses_the_table)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sdp s;

		cr_expect_eq(parse(cases[i].text, &s), cases[i].ret, "%s", cases[i].why);
	}
}

Test(sdp, limits_are_errors_and_not_overruns)
{
	static char text[200000];
	struct sdp s;
	size_t n;

	n = (size_t)snprintf(text, sizeof text, HEAD CONN);
	for (unsigned i = 0; i < SDP_MEDIA_MAX + 1; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "m=audio 4000 RTP/AVP 0\r\n");
	cr_expect_eq(parse(text, &s), ERR_RANGE, "one m= line too many");

	n = (size_t)snprintf(text, sizeof text, HEAD CONN "m=audio 4000 RTP/AVP");
	for (unsigned i = 0; i < SDP_FORMATS_MAX + 1; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, " %u", i);
	cr_assert_eq(parse(text, &s), 0, "S7: one format too many");
	cr_expect_eq(s.media[0].count, SDP_FORMATS_MAX);
	cr_expect_eq(s.media[0].v[SDP_FORMATS_MAX - 1].payload_type, SDP_FORMATS_MAX - 1);
	cr_expect_eq(s.media[0].formats.n, strlen(strstr(text, "RTP/AVP")) - 8, "all of them are there for the answer");

	for (unsigned over = 0; over < 2; over++) {
		n = (size_t)snprintf(text, sizeof text, HEAD);
		for (unsigned i = 0; i < SDP_LINES_MAX - 3 + over; i++)
			n += (size_t)snprintf(text + n, sizeof text - n, "a=x\r\n");
		cr_expect_eq(parse(text, &s), over ? ERR_RANGE : 0, "lines: %u", over);
	}

	n = (size_t)snprintf(text, sizeof text, HEAD);
	memset(text + n, '\n', SDP_LINES_MAX);
	strcpy(text + n + SDP_LINES_MAX, "a=x\r\n");
	cr_expect_eq(parse(text, &s), ERR_RANGE, "empty lines count, too");

	memset(text, 'x', sizeof text);
	memcpy(text, HEAD "a=", sizeof HEAD "a=" - 1);
	cr_expect_eq(sdp_parse((struct str){text, SDP_BYTES_MAX}, &s), 0);
	cr_expect_eq(sdp_parse((struct str){text, SDP_BYTES_MAX + 1}, &s), ERR_RANGE);
}

/* What a peer says can not become lines of its own in an answer. */
Test(sdp, stray_octets_are_errors)
{
	static const char nul[] = HEAD CONN "m=video 4000 RTP/AVP 9\0006\r\n";
	struct sdp s;

	cr_expect_eq(parse(HEAD CONN "m=video 4000 RTP/AVP 96\ra=x\r\n", &s), ERR_SYNTAX);
	cr_expect_eq(sdp_parse((struct str){nul, sizeof nul - 1}, &s), ERR_SYNTAX);
	cr_expect_eq(parse(HEAD CONN "m=video 4000 RTP/AVP 96\r\r\na=x\n\n", &s), 0, "odd line ends are none");
}

Test(sdp, numbers_at_their_limits)
{
	struct sdp s;

	cr_assert_eq(parse(HEAD CONN "m=audio 65535 RTP/AVP 127 128 -1 a 0\r\na=rtpmap:127 x/1\r\na=rtpmap:128 y/1\r\n", &s), 0);
	cr_expect_eq(s.media[0].port, 65535);
	cr_assert_eq(s.media[0].count, 2u, "S6: what is no payload type is not there");
	cr_expect_eq(s.media[0].v[0].payload_type, 127);
	cr_expect(str_eq(s.media[0].v[0].name, STR("x")));
	cr_expect_eq(s.media[0].v[1].payload_type, 0);
	cr_assert_eq(parse(HEAD CONN "m=audio 65536 RTP/AVP 0\r\n", &s), 0);
	cr_expect_eq(s.media[0].port, 0, "C097");
}

static const struct {
	const char *text;
	uint32_t ms;
} ptimes[] = {
	{"20", 20}, {"30.0", 30}, {" 40 ", 40}, {"1000", 1000},
	{"22.5", 0}, {"1001", 0}, {"20.x", 0}, {"x", 0}, {"", 0}, {".5", 0}, {"20 ms", 0},
};

Test(sdp, s9_ptime_is_a_number_with_a_fraction)
{
	for (size_t i = 0; i < sizeof ptimes / sizeof ptimes[0]; i++) {
		char text[256];
		struct sdp s;

		snprintf(text, sizeof text, HEAD CONN "m=audio 4000 RTP/AVP 0\r\na=ptime:%s\r\n", ptimes[i].text);
		cr_assert_eq(parse(text, &s), 0, "%s", ptimes[i].text);
		cr_expect_eq(s.media[0].ptime_ms, ptimes[i].ms, "%s: %u", ptimes[i].text, s.media[0].ptime_ms);
	}
}

/* S8 S23: a map that can not be read, or that says something else, makes that format unknown, and no other. */
Test(sdp, s8_a_format_is_unknown_by_itself)
{
	static const struct {
		const char *map, *name;
		uint32_t hz, channels;
	} maps[] = {
		{"96 PCMU/8000", "PCMU", 8000, 1}, {"96 PCMU/8000/1", "PCMU", 8000, 1}, {"96 PCMU/8000/2", "PCMU", 8000, 2},
		{"96 L16/4294967295", "L16", UINT32_MAX, 1}, {"96 L16/4294967296", "", 0, 1}, {"96 PCMU/8000/x", "", 8000, 1},
		{"96 PCMU", "", 0, 1}, {"96", "", 0, 1}, {"96 PCMU/", "", 0, 1}, {"97 PCMU/8000", "", 0, 1}, {"x PCMU/8000", "", 0, 1},
	};

	for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
		const struct sdp_format *f;
		char text[256];
		struct sdp s;

		snprintf(text, sizeof text, HEAD CONN "m=audio 4000 RTP/AVP 96 8\r\na=rtpmap:%s\r\n", maps[i].map);
		cr_assert_eq(parse(text, &s), 0, "%s", maps[i].map);
		f = &s.media[0].v[0];
		cr_expect(str_eq(f->name, str_of(maps[i].name)), "%s: '%.*s'", maps[i].map, (int)f->name.n, f->name.p);
		cr_expect_eq(f->channels, maps[i].channels, "%s", maps[i].map);
		if (f->name.n > 0)
			cr_expect_eq(f->clock_hz, maps[i].hz, "%s", maps[i].map);
		cr_expect(str_eq(s.media[0].v[1].name, STR("PCMA")), "%s", maps[i].map);
	}
}

Test(sdp, the_last_map_of_a_format_counts)
{
	struct sdp s;

	cr_assert_eq(parse(HEAD CONN "m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 X/1/2\r\na=rtpmap:96 PCMU/8000\r\na=fmtp:97 a=1; b\r\n"
			   "a=fmtp:98 none\r\n", &s), 0);
	cr_expect(str_eq(s.media[0].v[0].name, STR("PCMU")));
	cr_expect_eq(s.media[0].v[0].channels, 1u);
	cr_expect_eq(s.media[0].v[0].fmtp.n, 0u);
	cr_expect(str_eq(s.media[0].v[1].fmtp, STR("a=1; b")));
}

Test(sdp, rtcp_addresses) /* S11, RFC 3605 */
{
	static const struct {
		const char *rtcp;
		uint8_t family;
		uint16_t port;
	} rows[] = {
		{"5005", ADDR_NONE, 5005}, {"5005 IN IP4 192.0.2.9", ADDR_V4, 5005}, {"65535", ADDR_NONE, 65535},
		{"70000", ADDR_NONE, 0}, {"x", ADDR_NONE, 0}, {"5005 IN IP4 phone.example", ADDR_NONE, 5005},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[256];
		struct sdp s;

		snprintf(text, sizeof text, HEAD CONN "m=audio 4000 RTP/AVP 0\r\na=rtcp:%s\r\n", rows[i].rtcp);
		cr_assert_eq(parse(text, &s), 0, "%s", rows[i].rtcp);
		cr_expect_eq(s.media[0].rtcp.family, rows[i].family, "%s", rows[i].rtcp);
		cr_expect_eq(s.media[0].rtcp.port, rows[i].port, "%s", rows[i].rtcp);
	}
}

Test(sdp, connections)
{
	static const struct {
		const char *line;
		uint8_t family;
	} rows[] = {
		{"IN IP4 192.0.2.1", ADDR_V4}, {"IN IP4 224.2.1.1/127", ADDR_V4}, {"in ip6 2001:db8::1", ADDR_V6},
		{"IN IP4 0.0.0.0", ADDR_V4}, {"IN IP4 phone.example", ADDR_NONE}, {"IN IP4", ADDR_NONE}, {"", ADDR_NONE},
		{"ATM IP4 192.0.2.1", ADDR_NONE}, {"IN E164 192.0.2.1", ADDR_NONE},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[256];
		struct sdp s;

		snprintf(text, sizeof text, HEAD "c=IN IP4 192.0.2.99\r\nm=audio 4000 RTP/AVP 0\r\nc=%s\r\n", rows[i].line);
		cr_assert_eq(parse(text, &s), 0, "%s", rows[i].line);
		cr_expect_eq(s.media[0].addr.family, rows[i].family, "%s", rows[i].line);
	}
}

Test(sdp, c070_an_offer_as_facts)
{
	static const char text[] = HEAD CONN "m=audio 49170 RTP/AVP 0 8 111\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
					     "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n";
	const struct sdp_media *m;
	struct sdp s;

	cr_assert_eq(parse(text, &s), 0);
	m = &s.media[0];
	cr_expect(str_eq(s.origin, STR("a 1 1 IN IP4 192.0.2.1")) && str_eq(s.name, STR("-")) && str_eq(s.timing, STR("0 0")));
	cr_assert_eq(s.count, 1u);
	cr_expect(str_eq(m->kind, STR("audio")) && str_eq(m->proto, STR("RTP/AVP")) && m->transport == SDP_RTP_AVP && m->port == 49170);
	cr_expect(m->addr.family == ADDR_V4 && m->addr.ip[3] == 1);
	cr_assert_eq(m->count, 3u);
	cr_expect(str_eq(m->v[1].name, STR("PCMA")) && m->v[1].clock_hz == 8000 && m->v[1].fmtp.n == 0);
	cr_expect(m->v[2].payload_type == 111 && str_eq(m->v[2].name, STR("opus")) && m->v[2].clock_hz == 48000 && m->v[2].channels == 2);
	cr_expect(str_eq(m->v[2].fmtp, STR("minptime=10;useinbandfec=1")));
}

Test(sdp, transports_by_name)
{
	static const struct {
		const char *proto;
		enum sdp_proto transport;
	} rows[] = {
		{"RTP/AVP", SDP_RTP_AVP}, {"rtp/avpf", SDP_RTP_AVPF}, {"RTP/SAVP", SDP_RTP_SAVP}, {"RTP/SAVPF", SDP_RTP_SAVPF},
		{"UDP/TLS/RTP/SAVP", SDP_TLS_SAVP}, {"UDP/TLS/RTP/SAVPF", SDP_TLS_SAVPF}, {"TCP/RTP/AVP", SDP_PROTO_OTHER}, {"udptl", SDP_PROTO_OTHER},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[256];
		struct sdp s;

		snprintf(text, sizeof text, HEAD CONN "m=audio 4000 %s 0\r\n", rows[i].proto);
		cr_assert_eq(parse(text, &s), 0, "%s", rows[i].proto);
		cr_expect_eq(s.media[0].transport, rows[i].transport, "%s", rows[i].proto);
		cr_expect_eq(s.media[0].count, rows[i].transport != SDP_PROTO_OTHER ? 1u : 0u, "%s", rows[i].proto);
	}
}

Test(sdp, static_types_have_names_without_rtpmap) /* C071, RFC 3551 6 */
{
	static const struct {
		const char *name;
		uint32_t pt, hz, channels;
	} rows[] = {
		{"PCMU", 0, 8000, 1}, {"GSM", 3, 8000, 1}, {"G722", 9, 8000, 1}, {"L16", 10, 44100, 2}, {"MPA", 14, 90000, 1}, {"G729", 18, 8000, 1},
		{"H261", 31, 90000, 1}, {"H263", 34, 90000, 1}, {"", 1, 0, 1}, {"", 35, 0, 1}, {"", 127, 0, 1},
	};
	struct sdp s;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[256];
		const struct sdp_format *f = &s.media[0].v[0];

		snprintf(text, sizeof text, HEAD CONN "m=audio 4000 RTP/AVP %u\r\n", rows[i].pt);
		cr_assert_eq(parse(text, &s), 0);
		cr_expect(str_eq(f->name, str_of(rows[i].name)), "%u", rows[i].pt);
		cr_expect(f->clock_hz == rows[i].hz && f->channels == rows[i].channels, "%u", rows[i].pt);
	}

	cr_assert_eq(parse(HEAD CONN "m=audio 4000 RTP/AVP 0 8\r\n", &s), 0);
	cr_expect(str_eq(s.media[0].v[0].name, STR("PCMU")));
	cr_expect(str_eq(s.media[0].v[1].name, STR("PCMA")));
}

Test(sdp, media_lines_override_the_session) /* C073 C074 C088 */
{
	struct sdp s;

	cr_assert_eq(parse(HEAD "c=IN IP4 192.0.2.1\r\na=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n"
			   "m=video 4002 RTP/AVP 96\r\nc=IN IP6 2001:db8::1\r\na=inactive\r\n", &s), 0);
	cr_assert_eq(s.count, 2u);
	cr_expect_eq(s.media[0].addr.family, ADDR_V4);
	cr_expect_eq(s.media[0].direction, SDP_SENDONLY);
	cr_expect_eq(s.media[1].addr.family, ADDR_V6);
	cr_expect_eq(s.media[1].direction, SDP_INACTIVE);
	cr_assert_eq(parse(HEAD "a=inactive\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\nm=audio 4002 RTP/AVP 0\r\na=recvonly\r\n", &s), 0);
	cr_expect_eq(s.media[0].direction, SDP_SENDRECV);
	cr_expect_eq(s.media[1].direction, SDP_RECVONLY);
}
