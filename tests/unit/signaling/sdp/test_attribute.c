/* test_attribute.c - mirrors signaling/sdp/attribute.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "signaling/sdp/attribute.h"

/* What a browser behind a gateway says, cut short. */
static const char rich[] =
	"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nb=CT:500\r\nt=0 0\r\na=group:BUNDLE a0 v0\r\n"
	"a=group:LS a0\r\na=ice-lite\r\na=fingerprint:sha-256 AA:bb:0c\r\na=setup:actpass\r\n"
	"m=audio 4000 UDP/TLS/RTP/SAVPF 111 0\r\nb=AS:64\r\nb=TIAS:64000\r\na=mid:a0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
	"a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10; useinbandfec=1;;cbr\r\na=maxptime:60\r\n"
	"m=video 4002 RTP/AVPF 97\r\nc=IN IP6 2001:db8::1\r\na=mid:v0\r\na=setup:passive\r\na=fingerprint:sha-1 01:02\r\na=rtcp-rsize\r\n"
	"a=rtcp-mux-only\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^20|1:4 KDR=1\r\na=crypto:2 X inline:d\r\n"
	"a=rtcp-fb:97 nack pli\r\na=rtcp-fb:* ccm fir\r\n";
static struct sdp s;

static void parse(const char *text)
{
	cr_assert_eq(sdp_parse(str_of(text), &s), 0);
}

Test(sdp_attribute, sections_are_the_text_between_the_media_lines)
{
	parse(rich);
	cr_expect(str_has_prefix(s.lines, STR("v=0")));
	cr_expect_eq(s.lines.p + s.lines.n, strstr(rich, "m=audio"));
	cr_expect_eq(s.media[0].lines.p, strstr(rich, "b=AS"));
	cr_expect_eq(s.media[0].lines.p + s.media[0].lines.n, strstr(rich, "m=video"));
	cr_expect_eq(s.media[1].lines.p + s.media[1].lines.n, rich + sizeof rich - 1);
	parse("v=0\no=-\nm=audio 1 RTP/AVP 0");
	cr_expect_eq(s.media[0].lines.n, 0u);
}

Test(sdp_attribute, lines_and_attributes_in_order)
{
	struct str rest = STR("a=x\r\nhello\r\n\r\nb= AS:1 \na=y:1:2\r\na=\r\n=\r\n"), name, value;
	char type;

	cr_assert(sdp_next_line(&rest, &type, &value));
	cr_expect(type == 'a' && str_eq(value, STR("x")));
	cr_assert(sdp_next_line(&rest, &type, &value));
	cr_expect(type == 'b' && str_eq(value, STR("AS:1")));
	cr_assert(sdp_next_attribute(&rest, &name, &value));
	cr_expect(str_eq(name, STR("y")) && str_eq(value, STR("1:2")));
	cr_assert(sdp_next_attribute(&rest, &name, &value));
	cr_expect(name.n == 0 && value.n == 0);
	cr_expect_not(sdp_next_attribute(&rest, &name, &value));
	parse(rich);
	cr_expect(sdp_attribute(s.media[0].lines, STR("maxptime"), &value) && str_eq(value, STR("60")));
	cr_expect_not(sdp_attribute(s.media[1].lines, STR("maxptime"), &value));
	cr_expect_not(sdp_attribute(s.media[0].lines, STR("Maxptime"), &value), "RFC 8866 5.13");
	cr_expect_eq(s.media[0].maxptime_ms, 60u);
}

Test(sdp_attribute, c072_bandwidth)
{
	uint64_t n = 0;

	parse(rich);
	cr_expect(sdp_bandwidth(s.lines, STR("CT"), &n) == 0 && n == 500);
	cr_expect(sdp_bandwidth(s.media[0].lines, STR("AS"), &n) == 0 && n == 64);
	cr_expect(sdp_bandwidth(s.media[0].lines, STR("TIAS"), &n) == 0 && n == 64000);
	cr_expect_eq(sdp_bandwidth(s.media[1].lines, STR("AS"), &n), ERR_NOENT);
	cr_expect_eq(sdp_bandwidth(STR("b=AS:64.5\r\n"), STR("AS"), &n), ERR_SYNTAX);
	cr_expect_eq(sdp_bandwidth(STR("b=AS\r\n"), STR("AS"), &n), ERR_SYNTAX);
	cr_expect_eq(sdp_bandwidth(STR("b=AS:18446744073709551616\r\n"), STR("AS"), &n), ERR_RANGE);
	cr_expect_eq(n, 64000u, "what can not be read changes nothing");
}

Test(sdp_attribute, connections)
{
	struct addr a;

	parse(rich);
	cr_expect(sdp_connection(s.lines, &a) == 0 && a.family == ADDR_V4);
	cr_expect(sdp_connection(s.media[1].lines, &a) == 0 && a.family == ADDR_V6);
	cr_expect_eq(sdp_connection(s.media[0].lines, &a), ERR_NOENT);
	cr_expect_eq(sdp_connection(STR("c=IN IP4 phone.example.com\r\n"), &a), ERR_SYNTAX);
}

Test(sdp_attribute, s9_ptime_in_microseconds)
{
	static const struct {
		const char *text;
		int err;
		uint32_t us;
	} rows[] = {
		{"20", 0, 20000}, {" 30.0 ", 0, 30000}, {"22.5", 0, 22500}, {"0.125", 0, 125}, {"2.0009", 0, 2000}, {"1000000", 0, 1000000000},
		{"1.123456789012", 0, 1123}, {"1000001", ERR_RANGE, 0}, {"0", ERR_RANGE, 0}, {"0.0", ERR_RANGE, 0}, {"", ERR_SYNTAX, 0},
		{"20.", ERR_SYNTAX, 0}, {".5", ERR_SYNTAX, 0}, {"20 ms", ERR_SYNTAX, 0}, {"-1", ERR_SYNTAX, 0}, {"20.x", ERR_SYNTAX, 0},
		{"4294967296", ERR_RANGE, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t us = 0;

		cr_expect_eq(sdp_read_ptime(str_of(rows[i].text), &us), rows[i].err, "%s", rows[i].text);
		cr_expect_eq(us, rows[i].us, "%s: %u", rows[i].text, us);
	}
}

Test(sdp_attribute, parameters_of_fmtp)
{
	struct str v, rest = STR(" a=1 ;; B = two=2; flag "), name;

	cr_expect(sdp_parameter(rest, STR("b"), &v) && str_eq(v, STR("two=2")));
	cr_expect(sdp_parameter(rest, STR("FLAG"), &v) && v.n == 0);
	cr_expect_not(sdp_parameter(rest, STR("c"), &v));
	cr_expect_not(sdp_parameter(STR(""), STR("c"), &v));
	cr_assert(sdp_next_parameter(&rest, &name, &v) && sdp_next_parameter(&rest, &name, &v));
	cr_expect(str_eq(name, STR("B")));
}

Test(sdp_attribute, feedback)
{
	struct sdp_feedback f;

	cr_assert_eq(sdp_read_feedback(STR("97 nack pli "), &f), 0);
	cr_expect(!f.any && f.payload_type == 97 && str_eq(f.what, STR("nack pli")));
	cr_assert_eq(sdp_read_feedback(STR("* ccm fir"), &f), 0);
	cr_expect(f.any && str_eq(f.what, STR("ccm fir")));
	cr_expect_eq(sdp_read_feedback(STR("128 nack"), &f), ERR_SYNTAX);
	cr_expect_eq(sdp_read_feedback(STR("97"), &f), ERR_SYNTAX);
	cr_expect_eq(sdp_read_feedback(STR(""), &f), ERR_SYNTAX);
}

Test(sdp_attribute, keys)
{
	struct sdp_crypto c;
	struct sdp_fingerprint f;
	struct str v;

	parse(rich);
	cr_assert(sdp_attribute(s.media[1].lines, STR("crypto"), &v));
	cr_assert_eq(sdp_read_crypto(v, &c), 0);
	cr_expect_eq(c.tag, 1u);
	cr_expect(str_eq(c.suite, STR("AES_CM_128_HMAC_SHA1_80")));
	cr_expect(str_eq(c.keys, STR("inline:abc|2^20|1:4")));
	cr_expect(str_eq(c.params, STR("KDR=1")));
	cr_expect_eq(sdp_read_crypto(STR("1 X"), &c), ERR_SYNTAX);
	cr_expect_eq(sdp_read_crypto(STR("x X inline:a"), &c), ERR_SYNTAX);
	cr_expect_eq(sdp_read_crypto(STR("1000000000 X inline:a"), &c), ERR_SYNTAX);

	cr_assert_eq(sdp_read_fingerprint(STR("sha-256 AA:bb:0c"), &f), 0);
	cr_expect(str_eq(f.hash, STR("sha-256")) && str_eq(f.value, STR("AA:bb:0c")));
	cr_expect_eq(sdp_read_fingerprint(STR("sha-256"), &f), ERR_SYNTAX);
	cr_expect_eq(sdp_read_fingerprint(STR("sha-256 AA:b"), &f), ERR_SYNTAX);
	cr_expect_eq(sdp_read_fingerprint(STR("sha-256 AA:bg"), &f), ERR_SYNTAX);
	cr_expect_eq(sdp_read_fingerprint(STR("sha-256 AA-bb"), &f), ERR_SYNTAX);
}

/* What a media says itself outranks what the session says. */
Test(sdp_attribute, transport_facts)
{
	struct sdp_transport t;
	struct str mids;

	parse(rich);
	sdp_transport(&s, 0, &t);
	cr_expect(str_eq(t.mid, STR("a0")));
	cr_expect(str_eq(t.ice_ufrag, STR("abcd")));
	cr_expect(str_eq(t.ice_pwd, STR("0123456789012345678901")));
	cr_expect(str_eq(t.fingerprint, STR("sha-256 AA:bb:0c")));
	cr_expect_eq(t.setup, SDP_SETUP_ACTPASS);
	cr_expect(t.rtcp_mux && !t.rtcp_rsize && !t.rtcp_mux_only && t.ice_lite);
	sdp_transport(&s, 1, &t);
	cr_expect_eq(t.setup, SDP_SETUP_PASSIVE);
	cr_expect(str_eq(t.fingerprint, STR("sha-1 01:02")));
	cr_expect(t.ice_ufrag.n == 0 && !t.rtcp_mux && t.rtcp_rsize && t.rtcp_mux_only);
	cr_expect(sdp_group(&s, STR("BUNDLE"), &mids) && str_eq(mids, STR("a0 v0")));
	cr_expect(sdp_group(&s, STR("LS"), &mids) && str_eq(mids, STR("a0")));
	cr_expect_not(sdp_group(&s, STR("FID"), &mids));
	cr_expect_eq(sdp_read_setup(STR("holdconn")), SDP_SETUP_HOLDCONN);
	cr_expect_eq(sdp_read_setup(STR("active")), SDP_SETUP_ACTIVE);
	cr_expect_eq(sdp_read_setup(STR("Active")), SDP_SETUP_NONE);
}
