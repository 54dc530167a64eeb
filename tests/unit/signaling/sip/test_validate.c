/* test_validate.c - mirrors signaling/sip/validate.c; RFC 4475 goes through it in
 * test_torture.c. */
#include "tests/unit/signaling/sip/kit.h"

static struct sip_msg m;
static struct sip_core core;

static struct sip_verdict judge(struct str request)
{
	cr_assert_eq(sip_parse(request.p, request.n, &m), 0);
	return sip_validate(&m, &core);
}

/* A sound request with one line exchanged. */
static struct str with(const char *line, const char *instead)
{
	static char text[KIT_BYTES];
	struct str usual = kit_print((struct kit_request){.method = "OPTIONS"});
	const char *at = memmem(usual.p, usual.n, line, strlen(line)), *end;

	cr_assert_not_null(at, "%s", line);
	end = memchr(at, '\n', (size_t)(usual.p + usual.n - at));
	snprintf(text, sizeof text, "%.*s%s%.*s", (int)(at - usual.p), usual.p, instead,
		 (int)(usual.p + usual.n - end - 1), end + 1);
	return str_of(text);
}

/* clang-format off */
static const struct {
	const char *line, *instead;
	unsigned status;
} cases[] = {
	{"Via:", "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n", 0},
	{"Via:", "", SIP_DROP},                                          /* C031 */
	{"Via:", "Via:\r\n", SIP_DROP},
	{"Via:", "Via: nonsense\r\n", 400},
	{"Via:", "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nVia: nonsense\r\n", 0}, /* S18 */
	{"Via:", "Via: SIP/2.0/UDP h;branch=z9hG4bK1, nonsense\r\n", 0},
	{"Via:", "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nVia:\r\n", 0},
	{"Via:", "Via: nonsense\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n", 400},
	{"Via:", "Via: , SIP/2.0/UDP h;branch=z9hG4bK1\r\n", 400},
	{"Via:", "Via: SIP/2.0/UDP h;branch=z9hG4bK\r\n", 400},          /* RFC 4475 3.2.1 */
	{"Via:", "Via: SIP/2.0/UDP h:99999\r\n", 400},
	{"Max-Forwards:", "", 0},                                        /* RFC 2543 has none */
	{"Max-Forwards:", "Max-Forwards: 0\r\n", 0},                     /* C187 */
	{"Max-Forwards:", "Max-Forwards: 256\r\n", 0},                   /* S1: a UAS has no use for it */
	{"Max-Forwards:", "Max-Forwards: x\r\n", 0},
	{"From:", "", 400},                                              /* C030 */
	{"From:", "From: nonsense\r\n", 400},
	{"From:", "From: <sip:a@b>\r\n", 0},                             /* RFC 2543 */
	{"To:", "", 400},
	{"To:", "To: \"x <sip:a@b>\r\n", 400},
	{"To:", "To: <tel:+1>\r\n", 0},
	{"Call-ID:", "", 400},
	{"Call-ID:", "Call-ID:\r\n", 400},
	{"Call-ID:", "Call-ID: a b\r\n", 400},
	{"Call-ID:", "Call-ID: a\r\n b\r\n", 400},
	{"Call-ID:", "Call-ID: a\x7f\r\n", 400},
	{"Call-ID:", "Call-ID: a\x80\r\n", 400},
	{"CSeq:", "", 400},
	{"CSeq:", "CSeq: 1\r\n", 400},
	{"CSeq:", "CSeq: 1 BYE\r\n", 400},
	{"CSeq:", "CSeq: 1 options\r\n", 400},
	{"CSeq:", "CSeq: 2147483648 OPTIONS\r\n", 400},                  /* C012 */
	{"Contact:", "", 0},
	{"Contact:", "Contact: *\r\n", 0},
	{"Contact:", "Contact: nonsense\r\n", 0},                        /* S1 */
	{"Contact:", "Contact: <sip:a@b>;\r\n", 0},
	{"Contact:", "No colon\r\n", 0},                                 /* S3 */
	{"Contact:", "Two words: value\r\n", 0},
	{"Contact:", ": value\r\n", 0},
	{"Contact:", "X: a\rFrom: b\r\n", 0},
	{"Contact:", "From: a\r b\r\n", 400},
	{"Contact:", "Require:\r\n", 420},
	{"Contact:", "Require: 100rel\r\n", 0},
	{"Contact:", "Require: 100Rel, foo\r\n", 420},                   /* C186 */
	{"Contact:", "Require: timer\r\n", 0},
	{"Contact:", "Require: Timer , timer\r\n", 0},
	{"Contact:", "Require: timer, 100rel, replaces\r\n", 0},
	{"Contact:", "Require: timer\r\nRequire: x\r\n", 420},
	{"Contact:", "Proxy-Require: foo\r\n", 0},
	{"Contact:", "Date: Fri, 01 Jan 2010 16:00:00 EST\r\n", 0},
	{"Contact:", "X: \x80\xff\r\n", 0},
	{"OPTIONS", "OPTIONS sip:x@y SIP/2.0\r\n", 0},
	{"OPTIONS", "OPTIONS sip:[2001:db8::1];lr SIP/2.0\r\n", 0},
	{"OPTIONS", "OPTIONS sip:x@y?Subject=a SIP/2.0\r\n", 400},
	{"OPTIONS", "OPTIONS sip:x@y:0 SIP/2.0\r\n", 400},               /* C056 */
	{"OPTIONS", "OPTIONS tel:+1 SIP/2.0\r\n", 416},                  /* C054 */
	{"OPTIONS", "OPTIONS <sip:x@y> SIP/2.0\r\n", 400},
	{"OPTIONS", "OPTIONS sip:x@y SIP/7.0\r\n", 505},                 /* C040 */
	{"OPTIONS", "options sip:x@y SIP/2.0\r\n", 501},                 /* C042 */
};
/* clang-format on */

Test(sip_validate, judges_the_table)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sip_verdict v = judge(with(cases[i].line, cases[i].instead));

		cr_expect_eq(v.status, cases[i].status, "%s%s: %u %s", cases[i].line,
			     cases[i].instead, v.status,
			     v.reason != NULL ? v.reason : "");
	}
}

Test(sip_validate, core_is_what_was_parsed)
{
	cr_assert_eq(judge(kit_print((struct kit_request){.to_tag = "to1"})).status, 0);
	cr_expect(core.has_via);
	cr_expect(str_eq(core.via.branch, STR("z9hG4bKone")));
	cr_expect(str_eq(core.from.tag, STR("from1")));
	cr_expect(str_eq(core.to.tag, STR("to1")));
	cr_expect(str_eq(core.call_id, STR("call1@192.0.2.1")));
	cr_expect_eq(core.cseq.number, 1u);
}

/* 70 Via values are enough. */
Test(sip_validate, caps)
{
	static const struct {
		const char *line, *first, *each;
		unsigned most;
	} caps[] = {
		{"Via:", "Via: SIP/2.0/UDP h;branch=z9hG4bK1", ", SIP/2.0/UDP h", 70},
		{"Via:", "Via: SIP/2.0/UDP h;branch=z9hG4bK1", "\r\nVia: SIP/2.0/UDP h",
		 70},
	};
	static char text[4096];

	for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++)
		for (unsigned over = 0; over < 2; over++) {
			struct buf b = buf_of(text, sizeof text - 1);

			buf_z(&b, caps[i].first);
			for (unsigned n = 1; n < caps[i].most + over; n++)
				buf_z(&b, caps[i].each);
			buf_z(&b, "\r\n");
			cr_assert(buf_ok(&b));
			text[b.n] = '\0';
			cr_expect_eq(judge(with(caps[i].line, text)).status,
				     over != 0 ? 400 : 0, "%zu %u", i, over);
		}
}

/* A dialog needs the URI of the first Contact, and nothing else of them. */
Test(sip_validate, s1_contacts_of_an_invite)
{
	static const struct {
		const char *lines;
		unsigned status;
	} contacts[] = {
		{"", 0},
		{"Contact: <sip:a@b>;\r\n", 0},
		{"Contact: \"A\" <sip:a@b>;;expires=x;;\r\n", 0},
		{"Contact: sip:a@b;;\r\n", 0},
		{"Contact: <sip:a>,, junk\r\nm: junk\r\n", 0},
		{"Contact: nonsense\r\n", 400},
		{"Contact: nonsense\r\nContact: <sip:a@b>\r\n", 400},
		{"Contact:\r\n", 400},
		{"Contact: *\r\n", 400},
		{"Contact: <sip:a@b\r\n", 400},
		{"Contact: <sip:a@b> x\r\n", 400},
		{"Contact: sip:a@b?x=y\r\n", 400},
		{"Contact: \"A <sip:a@b>\r\n", 400},
	};

	for (size_t i = 0; i < sizeof contacts / sizeof contacts[0]; i++)
		for (unsigned in = 0; in < 2; in++) {
			static char text[1024];

			snprintf(text, sizeof text,
				 "INVITE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
				 "From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>%s\r\nCall-ID: 1\r\n"
				 "CSeq: 1 INVITE\r\n%s\r\n",
				 in != 0 ? ";tag=2" : "", contacts[i].lines);
			cr_expect_eq(judge(str_of(text)).status, contacts[i].status, "%u %s",
				     in, contacts[i].lines);
		}
}

/* RFC 4475 3.1.2.13: a registrar would need all of each; 32 are enough. */
Test(sip_validate, contacts_of_a_register)
{
	static const struct {
		const char *lines;
		unsigned status;
	} contacts[] = {
		{"Contact: *\r\n", 0},
		{"Contact: <sip:a>;q=1, <sip:b>\r\nm: <sip:c>\r\n", 0},
		{"Contact: <sip:a>;\r\n", 400},
		{"Contact: <sip:a>,, <sip:b>\r\n", 400},
		{"Contact: <sip:a>\r\nContact: nonsense\r\n", 400},
	};
	static char lines[512];

	for (size_t i = 0; i < sizeof contacts / sizeof contacts[0]; i++)
		cr_expect_eq(judge(kit_print((struct kit_request){
					   .method = "REGISTER",
					   .lines = contacts[i].lines}))
				     .status,
			     contacts[i].status, "%s", contacts[i].lines);
	/* kit_print() has a Contact already */
	for (unsigned n = 31; n <= 32; n++) {
		strcpy(lines, "Contact: <sip:a>");
		for (unsigned i = 1; i < n; i++)
			strcat(lines, ",<sip:a>");
		strcat(lines, "\r\n");
		cr_expect_eq(judge(kit_print((struct kit_request){.method = "REGISTER",
								  .lines = lines}))
				     .status,
			     n > 31 ? 400 : 0);
	}
}

/* C098: what an INVITE may carry */
Test(sip_validate, c098_bodies)
{
	static const struct {
		const char *lines, *body;
		unsigned status;
	} bodies[] = {
		{"Content-Type: application/sdp\r\n", "v=0", 0},
		{"c: APPLICATION/Sdp ;charset=utf-8\r\n", "v=0", 0},
		{"Content-Type: multipart/mixed;boundary=x\r\n", "v=0", 0},
		{"Content-Type: text/plain\r\n", "v=0", 415},
		{"", "v=0", 415},
		{"Content-Type: text/plain\r\n", "", 0},
		{"Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Encoding: gzip\r\n", "", 0},
		{"Content-Type: application/sdp\r\nContent-Type: application/sdp\r\n", "v=0", 400},
		{"Content-Type: application/sdp\r\nContent-Encoding: identity\r\n", "v=0",
		 0},
		{"Content-Type: application/sdp\r\ne: gzip\r\n", "v=0", 415},
		{"Accept: application/*\r\n", "", 0},
		{"Accept: text/plain, */*;q=0.1\r\n", "", 0},
		{"Accept: text/plain\r\n", "", 406},
	};

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		struct str text = kit_print((struct kit_request){.lines = bodies[i].lines,
								 .body = bodies[i].body});

		cr_expect_eq(judge(text).status, bodies[i].status, "%s", bodies[i].lines);
	}
}

/* C031: where nobody can be told what is wrong, nobody is. */
Test(sip_validate, c031_nothing_else_matters_without_via)
{
	cr_expect_eq(judge(STR("OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 9\r\n\r\n")).status,
		     SIP_DROP);
	cr_expect_eq(judge(STR("OPTIONS sip:a@b SIP/7.0\r\nVia:\r\n\r\n")).status, SIP_DROP);
	cr_expect_not(core.has_via);
}

/* RFC 3261 17.1.1.3 */
Test(sip_validate, an_ack_is_served_or_dropped)
{
	cr_expect_eq(judge(kit_print((struct kit_request){.method = "ACK"})).status, 0);
	cr_expect_eq(judge(kit_print((struct kit_request){.method = "ACK", .uri = "x:y"}))
			     .status,
		     SIP_DROP);
	cr_expect_eq(judge(kit_print((struct kit_request){
				   .method = "ACK", .lines = "Content-Length: 3\r\n"}))
			     .status,
		     SIP_DROP);
	cr_expect_eq(judge(kit_print((struct kit_request){.method = "ACK",
							  .lines = "Require: x\r\n"}))
			     .status,
		     0);
}

/* C168, C186, S24 */
Test(sip_validate, refusal_headers)
{
	static const struct {
		unsigned status;
		const char *want;
	} headers[] = {
		{405, "Allow: " SIP_ALLOW "\r\n"},
		{501, "Allow: " SIP_ALLOW "\r\n"},
		{415, "Accept: application/sdp, multipart/mixed\r\nAccept-Encoding: identity\r\n"},
		{488, "Accept: application/sdp, multipart/mixed\r\n"},
		{420, "Unsupported: a\r\nUnsupported: b\r\n"},
		{400, ""},
		{200, ""},
	};
	struct str text = kit_print(
		(struct kit_request){.lines = "Require: a, \"no token\", b\r\n"});

	cr_assert_eq(judge(text).status, 420);
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		char area[256];
		struct buf b = buf_of(area, sizeof area);

		sip_refusal_headers(&b, &m, headers[i].status);
		cr_expect(str_eq(buf_str(&b), str_of(headers[i].want)), "%u: %.*s",
			  headers[i].status, (int)b.n, b.p);
	}
}
