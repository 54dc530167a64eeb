/* test_typed.c - mirrors signaling/sdp/typed.c */
#include <criterion/criterion.h>
#include <string.h>

#include "signaling/sdp/describe.h"

static struct sdp_line lines[64];
static char area[8192], text[4096];
static struct arena texts;
static struct sdp_description d;
static const struct sdp_owner me = {{"-", 1}, 21, 1, {"IN", 2}, {"IP4", 3}, {"198.51.100.7", 12}};

static void start(void)
{
	texts = arena_of(area, sizeof area);
	d = sdp_description_of(lines, 64, &texts);
	cr_assert_eq(sdp_start(&d, &me), 0);
}

static const char *printed(void)
{
	struct buf b = buf_of(text, sizeof text - 1);

	cr_assert_eq(sdp_description_print(&b, &d), 0);
	text[b.n] = '\0';
	return text;
}

static struct sdp_media_line audio(uint16_t port)
{
	return (struct sdp_media_line){STR("audio"), port, 1, STR("RTP/AVP"), STR("0")};
}

#define START "v=0\r\no=- 21 1 IN IP4 198.51.100.7\r\ns=-\r\n"

/* The description the daemon itself offers, built line by line. */
Test(sdp_typed, c070_c076_c078_built_from_nothing)
{
	struct addr a;
	struct sdp_media_line m = audio(30000);

	start();
	cr_assert_eq(addr_parse_ip(STR("198.51.100.7"), &a), 0);
	cr_assert_eq(sdp_set_connection(&d, SDP_SESSION, &a, 0, 0), 0);
	cr_assert_eq(sdp_add_media(&d, &m), 0);
	cr_assert_eq(sdp_put_attribute(&d, 0, STR("rtpmap"), STR("0 PCMU/8000")), 0);
	cr_assert_eq(sdp_put_format(&d, 0, &(struct sdp_format){96, STR("opus"), 48000, 2, STR("useinbandfec=1")}), 0);
	cr_assert_eq(sdp_put_format(&d, 0, &(struct sdp_format){101, STR("telephone-event"), 8000, 1, STR("0-15")}), 0);
	cr_assert_eq(sdp_put_format(&d, 0, &(struct sdp_format){9, STR("G722"), 8000, 1, STR("")}), 0);
	cr_assert_eq(sdp_set_ptime(&d, 0, STR("ptime"), 20000), 0);
	cr_assert_eq(sdp_set_direction(&d, 0, SDP_SENDONLY), 0);
	cr_expect_str_eq(printed(), START "c=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0 96 101 9\r\na=rtpmap:0 PCMU/8000\r\n"
				    "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\n"
				    "a=fmtp:101 0-15\r\na=rtpmap:9 G722/8000\r\na=ptime:20\r\na=sendonly\r\n");
	cr_expect_eq(sdp_start(&d, &me), ERR_EXIST);
}

Test(sdp_typed, formats_that_are_refused)
{
	struct sdp_media_line m = audio(1);
	const struct sdp_format good = {96, STR("x"), 8000, 1, STR("")};
	struct sdp_format bad = good;

	start();
	cr_assert_eq(sdp_add_media(&d, &m), 0);
	cr_expect_eq(sdp_put_format(&d, 1, &good), ERR_INVAL);
	cr_expect_eq(sdp_put_format(&d, SDP_SESSION, &good), ERR_INVAL);
	bad.payload_type = 128;
	cr_expect_eq(sdp_put_format(&d, 0, &bad), ERR_INVAL);
	bad.payload_type = 0;
	cr_expect_eq(sdp_put_format(&d, 0, &bad), ERR_EXIST);
	bad = good;
	bad.name = STR("two words");
	cr_expect_eq(sdp_put_format(&d, 0, &bad), ERR_SYNTAX);
	bad = good;
	bad.fmtp = STR("a\r\nb");
	cr_expect_eq(sdp_put_format(&d, 0, &bad), ERR_SYNTAX);
	d.cap = d.count + 1;
	cr_expect_eq(sdp_put_format(&d, 0, &good), ERR_NOSPC);
	cr_expect_str_eq(printed(), START "t=0 0\r\nm=audio 1 RTP/AVP 0\r\n", "nothing of them is there");
}

Test(sdp_typed, c094_connections)
{
	struct addr a;

	start();
	cr_assert_eq(addr_parse_ip(STR("2001:db8::7"), &a), 0);
	cr_assert_eq(sdp_set_connection(&d, SDP_SESSION, &a, 0, 0), 0);
	cr_assert_eq(addr_parse_ip(STR("::1"), &a), 0);
	cr_assert_eq(sdp_set_connection(&d, SDP_SESSION, &a, 0, 0), 0);
	cr_expect_str_eq(printed(), START "c=IN IP6 ::1\r\nt=0 0\r\n");
	cr_assert_eq(addr_parse_ip(STR("233.252.0.1"), &a), 0);
	cr_assert_eq(sdp_set_connection(&d, SDP_SESSION, &a, 127, 3), 0);
	cr_expect_str_eq(printed(), START "c=IN IP4 233.252.0.1/127/3\r\nt=0 0\r\n");
	a.family = ADDR_NONE;
	cr_expect_eq(sdp_set_connection(&d, SDP_SESSION, &a, 0, 0), ERR_INVAL);
}

Test(sdp_typed, c072_bandwidth_of_each_type)
{
	start();
	cr_assert_eq(sdp_set_bandwidth(&d, SDP_SESSION, STR("AS"), 64), 0);
	cr_assert_eq(sdp_set_bandwidth(&d, SDP_SESSION, STR("TIAS"), 64000), 0);
	cr_assert_eq(sdp_set_bandwidth(&d, SDP_SESSION, STR("CT"), 1), 0);
	cr_assert_eq(sdp_set_bandwidth(&d, SDP_SESSION, STR("AS"), 128), 0);
	cr_expect_str_eq(printed(), START "b=AS:128\r\nb=TIAS:64000\r\nb=CT:1\r\nt=0 0\r\n");
	cr_expect_eq(sdp_set_bandwidth(&d, SDP_SESSION, STR(""), 1), ERR_SYNTAX);
	cr_expect_eq(sdp_set_bandwidth(&d, 0, STR("AS"), 1), ERR_INVAL);
}

Test(sdp_typed, c073_c088_directions)
{
	struct sdp_media_line m = audio(1);
	enum sdp_direction dir = SDP_INACTIVE;

	start();
	cr_assert_eq(sdp_add_media(&d, &m), 0);
	cr_expect_not(sdp_direction_at(&d, 0, &dir));
	for (unsigned i = 0; i < SDP_DIRECTIONS; i++) {
		cr_assert_eq(sdp_set_direction(&d, 0, (enum sdp_direction)i), 0);
		cr_assert(sdp_direction_at(&d, 0, &dir));
		cr_expect_eq((unsigned)dir, i);
	}
	cr_assert_eq(sdp_set_direction(&d, SDP_SESSION, SDP_SENDONLY), 0);
	cr_expect_str_eq(printed(), START "t=0 0\r\na=sendonly\r\nm=audio 1 RTP/AVP 0\r\na=inactive\r\n", "one each");
	cr_expect_eq(sdp_set_direction(&d, 0, SDP_DIRECTIONS), ERR_INVAL);
}

Test(sdp_typed, s9_ptime_with_a_fraction)
{
	static const struct {
		uint32_t us;
		const char *line;
	} rows[] = {{20000, "a=ptime:20\r\n"}, {22500, "a=ptime:22.5\r\n"}, {125, "a=ptime:0.125\r\n"}, {2005, "a=ptime:2.005\r\n"}, {60010, "a=ptime:60.01\r\n"}};
	struct sdp_media_line m = audio(1);

	start();
	cr_assert_eq(sdp_add_media(&d, &m), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct str v;
		uint32_t us = 0;

		cr_assert_eq(sdp_set_ptime(&d, 0, STR("ptime"), rows[i].us), 0);
		cr_expect(strstr(printed(), rows[i].line) != NULL, "%s", text);
		cr_assert(sdp_attribute_at(&d, 0, STR("ptime"), 0, &v));
		cr_expect_eq(sdp_read_ptime(v, &us), 0);
		cr_expect_eq(us, rows[i].us);
	}
	cr_expect_eq(sdp_set_ptime(&d, 0, STR("ptime"), 0), ERR_INVAL);
}

Test(sdp_typed, owners)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{"- 1 2 IN IP4 192.0.2.1", 0}, {"a  18446744073709551615 2 IN IP6 host.example.com ", 0}, {"a 18446744073709551616 2 IN IP4 x", ERR_RANGE},
		{"a 1 x IN IP4 y", ERR_SYNTAX}, {"a 1 2 IN IP4", ERR_SYNTAX}, {"a 1 2 IN IP4 x y", ERR_SYNTAX}, {"", ERR_SYNTAX},
	};
	struct sdp_owner o = me;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_expect_eq(sdp_read_owner(str_of(rows[i].text), &o), rows[i].err, "%s", rows[i].text);
	cr_expect_eq(o.id, UINT64_MAX);
	cr_expect(str_eq(o.address, STR("host.example.com")));
	start();
	cr_assert_eq(sdp_set_owner(&d, &o), 0);
	cr_expect_str_eq(printed(), "v=0\r\no=a 18446744073709551615 2 IN IP6 host.example.com\r\ns=-\r\nt=0 0\r\n");
	o.user = STR("two words");
	cr_expect_eq(sdp_set_owner(&d, &o), ERR_SYNTAX);
	o.user = STR("");
	cr_expect_eq(sdp_set_owner(&d, &o), ERR_SYNTAX);
	d.count = 0;
	d.cap = 3;
	cr_expect_eq(sdp_start(&d, &me), ERR_NOSPC);
	d.cap = 4;
	cr_expect_eq(sdp_start(&d, &me), 0);
}

Test(sdp_typed, c097_media_lines)
{
	static const struct {
		const char *text;
		int err;
		uint16_t port;
		uint32_t ports;
	} rows[] = {
		{"audio 49170 RTP/AVP 0 8", 0, 49170, 1}, {"video 20000/2 RTP/AVP 99", 0, 20000, 2}, {"image 0 udptl t38", 0, 0, 1},
		{"audio x RTP/AVP 0", ERR_SYNTAX, 0, 0}, {"audio 65536 RTP/AVP 0", ERR_RANGE, 0, 0}, {"audio 1/ RTP/AVP 0", ERR_SYNTAX, 0, 0},
		{"audio 1/0 RTP/AVP 0", ERR_SYNTAX, 0, 0}, {"audio 1 RTP/AVP", ERR_SYNTAX, 0, 0}, {"", ERR_SYNTAX, 0, 0},
	};
	struct sdp_media_line m = audio(1);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sdp_media_line got = {0};

		cr_expect_eq(sdp_read_media(str_of(rows[i].text), &got), rows[i].err, "%s", rows[i].text);
		cr_expect_eq(got.port, rows[i].port, "%s", rows[i].text);
		cr_expect_eq(got.ports, rows[i].ports, "%s", rows[i].text);
	}
	start();
	m.ports = 2;
	cr_assert_eq(sdp_add_media(&d, &m), 0);
	m.port = 0;
	m.ports = 1;
	m.formats = STR(" 0 8 ");
	cr_assert_eq(sdp_add_media(&d, &m), 0);
	cr_assert_eq(sdp_put_attribute(&d, 0, STR("x"), (struct str){NULL, 0}), 0);
	cr_expect_str_eq(printed(), START "t=0 0\r\nm=audio 1/2 RTP/AVP 0\r\na=x\r\nm=audio 0 RTP/AVP 0 8\r\n");
	cr_assert_eq(sdp_set_media(&d, 0, &m), 0);
	cr_expect_str_eq(printed(), START "t=0 0\r\nm=audio 0 RTP/AVP 0 8\r\na=x\r\nm=audio 0 RTP/AVP 0 8\r\n");
	cr_expect_eq(sdp_set_media(&d, 2, &m), ERR_INVAL);
	m.proto = STR("RTP AVP");
	cr_expect_eq(sdp_set_media(&d, 0, &m), ERR_SYNTAX);
	m = audio(1);
	m.formats = STR(" ");
	cr_expect_eq(sdp_add_media(&d, &m), ERR_SYNTAX);
	m = audio(1);
	m.ports = 0;
	cr_expect_eq(sdp_add_media(&d, &m), ERR_INVAL);
}
