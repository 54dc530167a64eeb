/* test_sdp.c - mirrors signaling/sdp/sdp.c */
#include <criterion/criterion.h>
#include <stdio.h>

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
	{"C097 port is no number", HEAD CONN "m=audio x RTP/AVP 0\r\n", ERR_SYNTAX},
	{"C097 port too large", HEAD CONN "m=audio 65536 RTP/AVP 0\r\n", ERR_RANGE},
	{"C097 bandwidth", HEAD "b=AS:abc\r\n", ERR_SYNTAX},
	{"payload type 128", HEAD CONN "m=audio 4000 RTP/AVP 128\r\n", ERR_RANGE},
	{"payload type is no number", HEAD CONN "m=audio 4000 RTP/AVP a\r\n", ERR_SYNTAX},
	{"no formats", HEAD CONN "m=audio 4000 RTP/AVP\r\n", ERR_SYNTAX},
	{"rtpmap without clock", HEAD CONN "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU\r\n", ERR_SYNTAX},
	{"connection without address", HEAD "c=IN IP4\r\n", ERR_SYNTAX},
	{"connection of another net", HEAD "c=ATM IP4 1.2.3.4\r\n", ERR_SYNTAX},
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
	cr_expect_eq(parse(text, &s), ERR_RANGE, "one format too many");

	n = (size_t)snprintf(text, sizeof text, HEAD);
	for (unsigned i = 0; i < SDP_LINES_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "a=x\r\n");
	cr_expect_eq(parse(text, &s), ERR_RANGE, "one line too many");
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

Test(sdp, static_types_have_names_without_rtpmap) /* C071 */
{
	struct sdp s;

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
}
