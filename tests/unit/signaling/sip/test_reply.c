/* test_reply.c - mirrors signaling/sip/reply.c; whole answers are in test_stack.c. */
#include "tests/unit/signaling/sip/kit.h"

static struct sip_msg m;
static struct sip_core core;
static struct sip_skeleton skeleton;
static struct addr source;

static void make(struct str request)
{
	cr_assert_eq(addr_parse(STR("192.0.2.1:5062"), &source), 0);
	cr_assert_eq(sip_parse(request.p, request.n, &m), 0);
	(void)sip_validate(&m, &core);
	cr_assert_eq(sip_skeleton_make(&m, &core, &source, false, &skeleton), 0);
}

static struct str print(struct sip_reply r)
{
	static char area[SIP_RESPONSE_BYTES];
	struct buf b = buf_of(area, sizeof area);

	cr_assert_eq(sip_reply_print(&b, &skeleton, &r), 0);
	return buf_str(&b);
}

/* The whole of it, to the octet. */
Test(sip_reply, from_the_template)
{
	make(STR("INVITE sip:b@c SIP/2.0\r\nv: SIP/2.0/UDP "
		 "192.0.2.1:5062;branch=z9hG4bK1,\r\n"
		 "  SIP/2.0/TCP second\r\nVIA: SIP/2.0/UDP third\r\nRecord-Route: "
		 "<sip:p2;lr>\r\n"
		 "f: \"A\" <sip:a@b>;tag=1\r\nt:\r\n <sip:b@c>\r\ni: id\r\nCSeq: 7  "
		 "INVITE\r\n"
		 "record-route: <sip:p1;lr>\r\n\r\n"));
	cr_expect(str_eq(print((struct sip_reply){.code = 180, .to_tag = STR("us")}),
			 STR("SIP/2.0 180 Ringing\r\n"
			     "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1\r\n"
			     "Via: SIP/2.0/TCP second\r\nVia: SIP/2.0/UDP third\r\n"
			     "From: \"A\" <sip:a@b>;tag=1\r\nTo: "
			     "<sip:b@c>;tag=us\r\nCall-ID: id\r\n"
			     "CSeq: 7  INVITE\r\nContent-Length: 0\r\n\r\n")));
	cr_expect(str_eq(print((struct sip_reply){.code = 200,
						  .reason = STR("Fine"),
						  .to_tag = STR("us"),
						  .make_dialog = true,
						  .headers = STR("X-Y: z\r\n"),
						  .server = STR("s"),
						  .type = STR("a/b"),
						  .body = STR("body")}),
			 STR("SIP/2.0 200 Fine\r\n"
			     "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1\r\n"
			     "Via: SIP/2.0/TCP second\r\nVia: SIP/2.0/UDP third\r\n"
			     "From: \"A\" <sip:a@b>;tag=1\r\nTo: "
			     "<sip:b@c>;tag=us\r\nCall-ID: id\r\n"
			     "CSeq: 7  INVITE\r\nRecord-Route: <sip:p2;lr>\r\n"
			     "Record-Route: <sip:p1;lr>\r\nX-Y: z\r\nServer: s\r\n"
			     "Content-Type: a/b\r\nContent-Length: 4\r\n\r\nbody")));
}

/* C151: one To tag, wherever the checks stopped */
Test(sip_reply, c151_one_to_tag)
{
	static const struct {
		const char *to, *more;
		unsigned tags;
	} cases[] = {
		{"To: <sip:b@c>\r\n", "From: <sip:a@b>\r\n", 1},
		{"To: <sip:b@c>;tag=x\r\n", "From: <sip:a@b>\r\n", 1},
		{"To: <sip:b@c>;tag=x\r\n", "From: broken\r\n", 1},
		{"To: <sip:b@c>;tag=x\r\n", "Content-Length: 99\r\n", 1},
		{"To: sip:b@c;tag=x\r\n", "", 1},
		{"To: <sip:b@c;tag=inside>\r\n", "", 2}, /* of the URI, and ours */
		{"To: \"unclosed <sip:b@c>;tag=x\r\n", "", 1},
		{"To: nonsense\r\n", "", 0},
		{"", "", 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[512];
		struct str got;

		snprintf(text, sizeof text,
			 "BYE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP "
			 "h;branch=z9hG4bK1\r\n%s%s\r\n",
			 cases[i].to, cases[i].more);
		make(str_of(text));
		got = print((struct sip_reply){.code = 400, .to_tag = STR("us")});
		cr_expect_eq(kit_tags(got.p, got.n), cases[i].tags, "%zu: %.*s", i,
			     (int)got.n, got.p);
	}
	make(STR("BYE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nTo: "
		 "<sip:b@c>\r\n\r\n"));
	cr_expect_not(kit_has(print((struct sip_reply){.code = 100, .to_tag = STR("us")}),
			      "tag"));
}

/* A Via that can not be read goes back as it came. */
Test(sip_reply, malformed_via)
{
	make(STR("BYE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h;;,\r\n ;,,\r\n\r\n"));
	cr_expect(kit_has(print((struct sip_reply){.code = 400}),
			  "\r\nVia: SIP/2.0/UDP h;;, ;,,\r\n"));
}

/* C152 */
Test(sip_reply, c152_phrases)
{
	make(STR("BYE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n"));
	cr_expect(str_has_prefix(print((struct sip_reply){.code = 486}),
				 STR("SIP/2.0 486 Busy Here\r\n")));
	cr_expect(str_has_prefix(print((struct sip_reply){.code = 299}),
				 STR("SIP/2.0 299 \r\n")));
}

/* C027, C028, C029 */
Test(sip_reply, c027_c028_c029_injection)
{
	const struct {
		struct str name, value;
		int err;
	} cases[] = {
		{STR("X-Fine"), STR("a value, with; \"everything\" \t\xc3\xa4"), 0},
		{STR("X-Empty"), STR(""), 0},
		{STR("X"), STR("a\r\nEvil: 1"), ERR_SYNTAX}, /* C027 */
		{STR("X"), STR("a\nEvil: 1"), ERR_SYNTAX},   /* C027 */
		{STR("X"), STR("a\rb"), ERR_SYNTAX},
		{STR("X"), STR("a\0b"), ERR_SYNTAX},
		{STR("X\r\nEvil"), STR("a"), ERR_SYNTAX}, /* C028 */
		{STR("X:"), STR("a"), ERR_SYNTAX},        /* C028 */
		{STR("X Y"), STR("a"), ERR_SYNTAX},
		{STR(""), STR("a"), ERR_SYNTAX},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char area[128];
		struct buf b = buf_of(area, sizeof area);

		cr_expect_eq(sip_line(&b, cases[i].name, cases[i].value), cases[i].err,
			     "%zu", i);
		cr_expect_eq(b.n > 0, cases[i].err == 0, "C029: %zu", i);
	}
}

Test(sip_reply, no_room)
{
	char area[64];
	struct buf b = buf_of(area, 8);

	cr_expect_eq(sip_line(&b, STR("X-Name"), STR("value")), ERR_NOSPC);
	b = buf_of(area, sizeof area);
	make(STR("BYE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\r\n"));
	cr_expect_eq(sip_reply_print(&b, &skeleton, &(struct sip_reply){.code = 200}),
		     ERR_NOSPC);
}

/* At the cap of the template. */
Test(sip_reply, skeleton_cap)
{
	static char text[16384];

	for (unsigned extra = 0; extra < 2; extra++) {
		struct buf b = buf_of(text, sizeof text);
		size_t fixed =
			strlen("Via: SIP/2.0/UDP h;received=192.0.2.1\r\nCall-ID: \r\n");

		buf_z(&b, "BYE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCall-ID: ");
		for (size_t i = 0; i < SIP_SKELETON_BYTES - fixed + extra; i++)
			buf_char(&b, 'x');
		buf_z(&b, "\r\n\r\n");
		cr_assert(buf_ok(&b));
		cr_assert_eq(sip_parse(b.p, b.n, &m), 0);
		(void)sip_validate(&m, &core);
		cr_expect_eq(sip_skeleton_make(&m, &core, &source, false, &skeleton),
			     extra == 0 ? 0 : ERR_NOSPC);
	}
}

static void start(void)
{
	cr_assert_eq(addr_parse(STR("192.0.2.1:5062"), &source), 0);
}

/* C059: text from elsewhere can not leave its quotes or its line */
Test(sip_reply, quoted_text)
{
#define TEXT(in, out) {in, sizeof(in) - 1, out}
	static const struct {
		const char *in;
		size_t n;
		const char *out;
	} cases[] = {
		TEXT("", "\"\""),
		TEXT("plain text", "\"plain text\""),
		TEXT("say \"hi\"", "\"say \\\"hi\\\"\""),
		TEXT("back\\", "\"back\\\\\""),
		TEXT("a\r\nEvil: 1\0\x7f\t", "\"aEvil: 1\""),
		TEXT("J\xc3\xbcrgen", "\"J\xc3\xbcrgen\""),
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[64];
		struct buf b = buf_of(text, sizeof text);
		struct scan s;

		sip_put_quoted(&b, (struct str){cases[i].in, cases[i].n});
		cr_expect(str_eq(buf_str(&b), str_of(cases[i].out)), "%zu: %.*s", i, (int)b.n, b.p);
		s = scan_of(buf_str(&b));
		(void)scan_quoted(&s);
		scan_end(&s);
		cr_expect_eq(s.err, 0);
	}
}

TestSuite(sip_reply, .init = start);

/* Callers who are refused together do not come again together. */
Test(sip_reply, retry_after_is_spread)
{
	unsigned seen = 0;

	for (uint64_t chance = 0; chance < 64; chance++) {
		char area[32];
		struct buf b = buf_of(area, sizeof area);
		unsigned seconds;

		sip_put_retry_after(&b, chance);
		cr_assert(str_has_prefix(buf_str(&b), STR("Retry-After: ")));
		cr_assert_eq(b.n, strlen("Retry-After: 4\r\n"));
		seconds = (unsigned)(area[13] - '0');
		cr_assert(seconds >= 4 && seconds <= 7, "%u", seconds);
		seen |= 1u << seconds;
	}
	cr_expect_eq(seen, 0xf0u, "4, 5, 6 and 7");
}
