/* test_describe.c - mirrors signaling/sdp/describe.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "signaling/sdp/describe.h"

#define LINES 64

static struct sdp_line lines[LINES], more[LINES];
static char area[8192], text[8192];
static struct arena texts;
static struct sdp_description d;

static const char everything[] =
	"v=0\r\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\ns=Call\r\ni=An item\r\nu=http://www.example.com\r\n"
	"e=someone@example.com\r\np=+1 617 555-6011\r\nc=IN IP4 198.51.100.1\r\nb=AS:128\r\nb=X-YZ:1\r\nt=0 0\r\nr=7d 1h 0 25h\r\nz=0 0\r\n"
	"k=prompt\r\na=recvonly\r\na=made-up:by nobody\r\nx=a line of tomorrow\r\nm=audio 49170/2 RTP/AVP 0 97\r\ni=\r\nc=IN IP6 2001:db8::2\r\n"
	"b=TIAS:64000\r\na=rtpmap:97 opus/48000/2\r\na=fmtp:97 useinbandfec=1\r\na=ptime:22.5\r\na=candidate:1 1 UDP 1 192.0.2.1 4000 typ host\r\n"
	"m=video 0 RTP/AVPF 99\r\na=rtcp-fb:99 nack\r\nm=application 9 UDP/BFCP *\r\n";

static void fresh(void)
{
	texts = arena_of(area, sizeof area);
	d = sdp_description_of(lines, LINES, &texts);
}

static void parse(const char *from)
{
	fresh();
	cr_assert_eq(sdp_description_parse(&d, str_of(from)), 0, "%s", from);
}

static const char *printed(void)
{
	struct buf b = buf_of(text, sizeof text - 1);

	cr_assert_eq(sdp_description_print(&b, &d), 0);
	text[b.n] = '\0';
	return text;
}

Test(sdp_describe, c075_every_line_is_kept_in_order)
{
	parse(everything);
	cr_expect_str_eq(printed(), everything);
	cr_expect_eq(sdp_media_count(&d), 3u);
	cr_assert_eq(sdp_description_parse(&d, STR("v=0\r\no=a\r\n")), 0);
	cr_expect_str_eq(printed(), "v=0\r\no=a\r\n", "instead of what was there");
}

Test(sdp_describe, c075_parse_print_parse_is_equal)
{
	static const char *const odd[] = {
		everything,
		"v=0\no=a 1 1 IN IP4 192.0.2.1\ns= \n\n\nt= 0 0 \nm=audio 1 RTP/AVP 0",
		"v=0\r\no=a\r\nm=audio x RTP/AVP\r\na=\r\n",
		"v=0\r\na=first\r\nt=0 0\r\no=late 1 1 IN IP4 192.0.2.1\r\ns=-\r\n",
	};

	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		struct sdp_description again = sdp_description_of(more, LINES, &texts);

		parse(odd[i]);
		printed();
		cr_assert_eq(sdp_description_parse(&again, str_of(text)), 0, "%s", text);
		cr_expect(sdp_description_eq(&d, &again), "%s", text);
	}
	parse(everything);
	cr_expect_eq(sdp_set_line(&d, SDP_SESSION, 's', STR("x")), 0);
	cr_expect_not(sdp_description_eq(&d, &(struct sdp_description){.v = more, .count = d.count}));
}

Test(sdp_describe, takes_what_sdp_parse_takes)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{"", ERR_SYNTAX}, {"v=1\r\no=a\r\n", ERR_SYNTAX}, {"v=0\r\ns=-\r\n", ERR_SYNTAX}, {"v=0\r\no=\r\n", ERR_SYNTAX},
		{"v=0\r\no=a\r\nhello\r\n", ERR_SYNTAX}, {"v=0\r\no=a\r\nm=audio 1\r\n", ERR_SYNTAX}, {"v=0\r\no=a\r\na=x\ry\r\n", ERR_SYNTAX},
		{"v=0\r\no=a\r\n", 0}, {"v=0\r\no=a\r\nm=audio x y\r\n", 0}, {"\r\nv=0\r\no=a\r\n", 0}, {"\r\ns=-\r\no=a\r\n", ERR_SYNTAX},
	};
	static struct sdp s;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		fresh();
		cr_expect_eq(sdp_description_parse(&d, str_of(rows[i].text)), rows[i].err, "%s", rows[i].text);
		cr_expect_eq(sdp_parse(str_of(rows[i].text), &s), rows[i].err, "%s", rows[i].text);
		cr_expect_eq(d.count > 0, rows[i].err == 0);
	}
}

Test(sdp_describe, limits)
{
	static char big[SDP_BYTES_MAX + 2];
	size_t n;

	fresh();
	n = (size_t)snprintf(big, sizeof big, "v=0\r\no=a\r\n");
	for (unsigned i = 0; i < LINES - 2; i++)
		n += (size_t)snprintf(big + n, sizeof big - n, "a=x\r\n");
	cr_expect_eq(sdp_description_parse(&d, str_of(big)), 0);
	cr_expect_eq(sdp_put_line(&d, SDP_SESSION, 'a', STR("x")), ERR_NOSPC);
	cr_expect_eq(sdp_add_media(&d, &(struct sdp_media_line){STR("audio"), 1, 1, STR("RTP/AVP"), STR("0")}), ERR_NOSPC);
	snprintf(big + n, sizeof big - n, "a=x\r\n");
	cr_expect_eq(sdp_description_parse(&d, str_of(big)), ERR_NOSPC);
	cr_expect_eq(d.count, 0u);

	n = (size_t)snprintf(big, sizeof big, "v=0\r\no=a\r\n");
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++)
		n += (size_t)snprintf(big + n, sizeof big - n, "m=audio 1 RTP/AVP 0\r\n");
	cr_expect_eq(sdp_description_parse(&d, str_of(big)), 0);
	cr_expect_eq(sdp_add_media(&d, &(struct sdp_media_line){STR("audio"), 1, 1, STR("RTP/AVP"), STR("0")}), ERR_RANGE);
	snprintf(big + n, sizeof big - n, "m=audio 1 RTP/AVP 0\r\n");
	cr_expect_eq(sdp_description_parse(&d, str_of(big)), ERR_RANGE);

	n = (size_t)snprintf(big, sizeof big, "v=0\r\no=a\r\na=");
	memset(big + n, 'x', sizeof big - n);
	cr_expect_eq(sdp_description_parse(&d, (struct str){big, SDP_BYTES_MAX}), 0);
	cr_expect_eq(sdp_description_parse(&d, (struct str){big, SDP_BYTES_MAX + 1}), ERR_RANGE);
	memset(big + n, '\n', sizeof big - n);
	strcpy(big + n + SDP_LINES_MAX, "a=x\r\n");
	cr_expect_eq(sdp_description_parse(&d, str_of(big)), ERR_RANGE, "empty lines count, too");

	parse(everything);
	printed();
	for (size_t cap = 0; cap < strlen(everything); cap++) {
		struct buf b = buf_of(text, cap);

		cr_expect_eq(sdp_description_print(&b, &d), ERR_NOSPC);
	}
	texts.used = texts.cap;
	cr_expect_eq(sdp_set_line(&d, SDP_SESSION, 's', STR("x")), ERR_NOSPC);
	cr_expect_eq(sdp_put_attribute(&d, 0, STR("x"), STR("y")), ERR_NOSPC);
	cr_expect_eq(sdp_set_attribute(&d, 0, STR("ptime"), STR("y")), ERR_NOSPC);
	cr_expect_str_eq(printed(), everything, "nothing has changed");
}

Test(sdp_describe, finds_lines_and_attributes)
{
	struct str v;

	parse(everything);
	cr_expect(str_eq(sdp_line_at(&d, SDP_SESSION, 'b', 1)->value, STR("X-YZ:1")));
	cr_expect_null(sdp_line_at(&d, SDP_SESSION, 'b', 2));
	cr_expect(str_eq(sdp_line_at(&d, 0, 'b', 0)->value, STR("TIAS:64000")));
	cr_expect(str_eq(sdp_line_at(&d, 1, 'm', 0)->value, STR("video 0 RTP/AVPF 99")));
	cr_expect_null(sdp_line_at(&d, 3, 'm', 0));
	cr_expect(sdp_attribute_at(&d, 0, STR("fmtp"), 0, &v) && str_eq(v, STR("97 useinbandfec=1")));
	cr_expect(sdp_attribute_at(&d, SDP_SESSION, STR("made-up"), 0, &v) && str_eq(v, STR("by nobody")));
	cr_expect_not(sdp_attribute_at(&d, 0, STR("fmtp"), 1, &v));
	cr_expect_not(sdp_attribute_at(&d, 3, STR("fmtp"), 0, &v));
}

Test(sdp_describe, new_lines_stand_where_their_type_does)
{
	parse("v=0\r\no=a\r\ns=-\r\nt=0 0\r\na=x\r\nm=audio 1 RTP/AVP 0\r\na=y\r\nm=video 1 RTP/AVP 9\r\n");
	cr_assert_eq(sdp_put_line(&d, SDP_SESSION, 'b', STR("AS:1")), 0);
	cr_assert_eq(sdp_put_line(&d, SDP_SESSION, 'c', STR("IN IP4 192.0.2.1")), 0);
	cr_assert_eq(sdp_put_line(&d, 0, 'c', STR(" IN IP4 192.0.2.2 ")), 0);
	cr_assert_eq(sdp_put_line(&d, 0, 'q', STR("unknown")), 0);
	cr_assert_eq(sdp_put_attribute(&d, 0, STR("z"), STR("1")), 0);
	cr_assert_eq(sdp_put_attribute(&d, 1, STR("flag"), (struct str){NULL, 0}), 0);
	cr_expect_str_eq(printed(), "v=0\r\no=a\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nb=AS:1\r\nt=0 0\r\na=x\r\nm=audio 1 RTP/AVP 0\r\n"
				    "c=IN IP4 192.0.2.2\r\na=y\r\na=z:1\r\nq=unknown\r\nm=video 1 RTP/AVP 9\r\na=flag\r\n");
}

Test(sdp_describe, setting_replaces_and_dropping_counts)
{
	parse("v=0\r\no=a\r\ns=-\r\nb=AS:1\r\nt=0 0\r\nb=CT:2\r\nm=audio 1 RTP/AVP 0\r\na=y:1\r\na=z\r\na=y:2\r\na=yy\r\n");
	cr_assert_eq(sdp_set_line(&d, SDP_SESSION, 'b', STR("AS:9")), 0);
	cr_assert_eq(sdp_set_line(&d, SDP_SESSION, 'o', STR("b 1 2 IN IP4 192.0.2.1")), 0);
	cr_assert_eq(sdp_set_line(&d, SDP_SESSION, 'i', STR("info")), 0);
	cr_assert_eq(sdp_set_line(&d, 0, 'm', STR("audio 0 RTP/AVP 0")), 0);
	cr_assert_eq(sdp_set_attribute(&d, 0, STR("y"), STR("3")), 0);
	cr_assert_eq(sdp_set_attribute(&d, 0, STR("n"), (struct str){NULL, 0}), 0);
	cr_expect_str_eq(printed(), "v=0\r\no=b 1 2 IN IP4 192.0.2.1\r\ns=-\r\ni=info\r\nb=AS:9\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n"
				    "a=y:3\r\na=z\r\na=yy\r\na=n\r\n");
	cr_expect_eq(sdp_drop_attributes(&d, 0, STR("y")), 1u);
	cr_expect_eq(sdp_drop_attributes(&d, 0, STR("y")), 0u);
	cr_expect_eq(sdp_drop_attributes(&d, 7, STR("y")), 0u);
	cr_expect_eq(sdp_drop_lines(&d, 0, 'a'), 3u);
	cr_expect_eq(sdp_drop_lines(&d, 0, 'm'), 0u);
	cr_expect_eq(sdp_drop_lines(&d, SDP_SESSION, 'v'), 0u);
	cr_expect_eq(sdp_drop_lines(&d, SDP_SESSION, 'o'), 0u);
	cr_expect_str_eq(printed(), "v=0\r\no=b 1 2 IN IP4 192.0.2.1\r\ns=-\r\ni=info\r\nb=AS:9\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n");
}

Test(sdp_describe, what_can_not_be_a_line_is_refused)
{
	static const char nul[] = "x\0y";

	parse(everything);
	cr_expect_eq(sdp_put_line(&d, 0, 'a', STR("x\r\nm=audio 1 RTP/AVP 0")), ERR_SYNTAX);
	cr_expect_eq(sdp_put_line(&d, 0, 'a', STR("x\n")), ERR_SYNTAX);
	cr_expect_eq(sdp_put_line(&d, 0, 'a', (struct str){nul, 3}), ERR_SYNTAX);
	cr_expect_eq(sdp_put_attribute(&d, 0, STR("x"), STR("\r")), ERR_SYNTAX);
	cr_expect_eq(sdp_put_attribute(&d, 0, STR("x:y"), STR("z")), ERR_SYNTAX);
	cr_expect_eq(sdp_put_attribute(&d, 0, STR("x y"), STR("z")), ERR_SYNTAX);
	cr_expect_eq(sdp_put_attribute(&d, 0, STR(""), STR("z")), ERR_SYNTAX);
	cr_expect_eq(sdp_set_attribute(&d, 0, STR(""), STR("z")), ERR_SYNTAX);
	cr_expect_eq(sdp_set_attribute(&d, 0, STR("ptime"), STR("z\n")), ERR_SYNTAX);
	cr_expect_eq(sdp_set_line(&d, 0, 'm', STR("audio 1")), ERR_SYNTAX);
	cr_expect_eq(sdp_set_line(&d, 0, 'm', STR("audio 1 RTP/AVP\n")), ERR_SYNTAX);
	cr_expect_eq(sdp_set_line(&d, SDP_SESSION, 'o', STR("")), ERR_SYNTAX);
	cr_expect_eq(sdp_set_line(&d, SDP_SESSION, 'v', STR("0")), ERR_INVAL);
	cr_expect_eq(sdp_put_line(&d, 0, 'm', STR("audio 1 RTP/AVP 0")), ERR_INVAL);
	cr_expect_eq(sdp_put_line(&d, 0, 'o', STR("x")), ERR_INVAL);
	cr_expect_eq(sdp_put_line(&d, 0, 'A', STR("x")), ERR_INVAL);
	cr_expect_eq(sdp_put_line(&d, 3, 'a', STR("x")), ERR_INVAL);
	cr_expect_eq(sdp_set_line(&d, 3, 'a', STR("x")), ERR_INVAL);
	cr_expect_eq(sdp_set_attribute(&d, 3, STR("a"), STR("x")), ERR_INVAL);
	cr_expect_str_eq(printed(), everything);
}
