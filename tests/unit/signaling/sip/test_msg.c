/* test_msg.c - mirrors signaling/sip/msg.c */
#include <time.h>

#include "common/base/rand.h"
#include "tests/unit/signaling/sip/kit.h"

static struct sip_msg m;

static int parse(const char *z)
{
	return sip_parse(z, strlen(z), &m);
}

static void expect(struct str got, const char *want)
{
	cr_expect(str_eq(got, str_of(want)), "\"%.*s\" is not \"%s\"", (int)got.n, got.p,
		  want);
}

static struct str unfolded(struct str v)
{
	static char area[1024];
	struct buf b = buf_of(area, sizeof area);

	sip_put_value(&b, v);
	cr_assert(buf_ok(&b));
	return buf_str(&b);
}

/* C001: RFC 3261 24.2 */
Test(sip_msg, c001_invite)
{
	struct sip_core c;

	cr_assert_eq(parse("INVITE sip:bob@biloxi.com SIP/2.0\r\n"
			   "Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKnashds8\r\n"
			   "Max-Forwards: 70\r\nTo: Bob <sip:bob@biloxi.com>\r\n"
			   "From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"
			   "Call-ID: a84b4c76e66710\r\nCSeq: 314159 INVITE\r\n"
			   "Contact: <sip:alice@pc33.atlanta.com>\r\nContent-Length: "
			   "0\r\n\r\n"),
		     0);
	cr_assert_eq(m.fault, 0);
	cr_expect(m.is_request);
	cr_expect_eq(m.method, SIP_M_INVITE);
	expect(m.uri, "sip:bob@biloxi.com");
	cr_assert_eq(sip_validate(&m, &c).status, 0);
	expect(c.call_id, "a84b4c76e66710");
	expect(c.via.branch, "z9hG4bKnashds8");
	expect(c.from.display, "Alice");
	expect(c.from.tag, "1928301774");
	expect(sip_value(&m, SIP_MAX_FORWARDS), "70");
	cr_expect_eq(c.cseq.number, 314159u);
	expect(c.cseq.method, "INVITE");
}

/* C002, C003 */
Test(sip_msg, c002_responses)
{
	struct sip_nameaddr to;

	cr_assert_eq(
		parse("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP b;branch=1\r\n"
		      "Via: SIP/2.0/UDP a;branch=2\r\nTo: <sip:b@c>;tag=a6c85cf\r\n\r\n"),
		0);
	cr_expect_not(m.is_request);
	cr_expect_eq(m.status, 200);
	expect(m.reason, "OK");
	expect(m.fields[0].value, "SIP/2.0/UDP b;branch=1");
	cr_expect_eq(m.first[SIP_VIA], 0);
	cr_expect_eq(m.fields[0].next, 1);
	cr_expect_eq(m.fields[1].next, SIP_NONE);
	cr_assert_eq(sip_nameaddr_parse(sip_value(&m, SIP_TO), &to), 0);
	expect(to.tag, "a6c85cf");

	cr_assert_eq(parse("SIP/2.0 100 Trying\r\n\r\n"), 0); /* C003 */
	cr_expect_eq(m.status, 100);
	expect(m.reason, "Trying");
	cr_assert_eq(parse("SIP/2.0 200\r\n\r\n"), 0);
	expect(m.reason, "");
}

/* C004, C007 */
Test(sip_msg, c004_compact_forms_are_the_same_headers)
{
	cr_assert_eq(parse("OPTIONS sip:a SIP/2.0\r\nv: V\r\nF:F1\r\nt \t: T\r\ni: "
			   "I\r\nl: 0\r\n"
			   "m: M\r\nc: C\r\nk: K\r\ns: S\r\nTO2 : x\r\n\r\n"),
		     0);
	cr_assert_eq(m.fault, 0);
	expect(sip_value(&m, SIP_VIA), "V");
	expect(sip_value(&m, SIP_FROM), "F1");
	expect(sip_value(&m, SIP_TO), "T");
	expect(sip_value(&m, SIP_CALL_ID), "I");
	expect(sip_value(&m, SIP_CONTENT_LENGTH), "0");
	expect(sip_value(&m, SIP_CONTACT), "M");
	expect(sip_value(&m, SIP_CONTENT_TYPE), "C");
	expect(sip_value(&m, SIP_SUPPORTED), "K");
	expect(sip_value(&m, SIP_SUBJECT), "S");
	cr_assert_eq(parse("OPTIONS sip:a SIP/2.0\r\nTO :\r\n sip:a@b;tag=1\r\n\r\n"), 0);
	expect(sip_value(&m, SIP_TO), "sip:a@b;tag=1"); /* C007 */
	cr_assert_eq(m.fault, 0);
}

/* C006 */
Test(sip_msg, c006_folding)
{
	cr_assert_eq(parse("OPTIONS sip:a SIP/2.0\r\nSubject: This is a\r\n  long "
			   "subject line\r\n"
			   "X-Tab: a\n\tb\r\n \r\n c\r\nX-Empty:\r\nX-Last: d\r\n\r\n"),
		     0);
	cr_assert_eq(m.fault, 0);
	cr_assert_eq(m.count, 4);
	expect(unfolded(sip_value(&m, SIP_SUBJECT)), "This is a long subject line");
	expect(unfolded(m.fields[1].value), "a b c");
	expect(m.fields[2].value, "");
	expect(m.fields[3].value, "d");
}

/* C005 */
Test(sip_msg, c005_lists)
{
	static const char *const want[] = {"<sip:a,b@c>", "\"x, \\\" y\" <sip:d>;q=\",\"",
					   "", "e"};
	struct str rest = STR(" <sip:a,b@c> ,\r\n \"x, \\\" y\" <sip:d>;q=\",\",, e");

	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		cr_assert_gt(rest.n, 0u);
		expect(sip_list_next(&rest), want[i]);
	}
	cr_expect_eq(rest.n, 0u);
	expect(sip_list_next(&rest), "");
}

Test(sip_msg, params)
{
	struct scan s = scan_of(STR(" ; a=1;b ; c = \"x;y\\\"\";d=[::1]\r\n ;e=\"\""));
	static const char *const want[][2] = {
		{"a", "1"}, {"b", ""}, {"c", "x;y\\\""}, {"d", "[::1]"}, {"e", ""},
	};
	static const char *const bad[] = {
		";",    ";;a", "a",      ";a=",    ";a= ;b", ";a=\"x",
		";a b", ";=x", ";a=b,c", ";a=b?c", ";a=<b>"};
	struct sip_param p;

	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		cr_assert(sip_param_next(&s, &p), "%zu", i);
		expect(p.name, want[i][0]);
		expect(p.value, want[i][1]);
	}
	cr_expect_not(sip_param_next(&s, &p));
	cr_expect_eq(s.err, 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		s = scan_of(str_of(bad[i]));
		for (unsigned n = 0; sip_param_next(&s, &p); n++)
			cr_assert_lt(n, 3u);
		cr_expect_neq(s.err, 0, "%s", bad[i]);
	}
	s = scan_of(STR(";a\0;b"));
	cr_expect(sip_param_next(&s, &p));
	cr_expect_not(sip_param_next(&s, &p));
	cr_expect_eq(s.err, ERR_SYNTAX, "NUL ends nothing");
}

/* C013 to C020, C039, C040, and the rest of what start lines can be */
Test(sip_msg, c013_start_lines)
{
	static const struct {
		const char *in;
		int ret;
		unsigned fault;
	} cases[] = {
		{"", ERR_NOENT, 0},
		{"\r\n\r\n", ERR_NOENT, 0},
		{"\n", ERR_NOENT, 0},
		{"SIP/2.0", ERR_SYNTAX, 0},
		{"SIP/2.0 \r\n", ERR_SYNTAX, 0},
		{"SIP/2.0 abc Bogus\r\n", ERR_SYNTAX, 0},
		{"SIP/2.0 99 Low\r\n", ERR_SYNTAX, 0},
		{"SIP/2.0 100 Low\r\n", 0, 0},
		{"SIP/2.0 699 High\r\n", 0, 0},
		{"SIP/2.0 700 High\r\n", ERR_SYNTAX, 0},
		{"SIP/2.0 2000 Long\r\n", ERR_SYNTAX, 0},
		{"SIP/2.0 20 Short\r\n", ERR_SYNTAX, 0},
		{"SIP/2.0 0200 OK\r\n", ERR_SYNTAX, 0},
		{"SIP/2.0 200OK\r\n", ERR_SYNTAX, 0},
		{"SIP/2.0 4294967301 better not break\r\n", ERR_SYNTAX, 0},
		{"SIP/3.0 200 OK\r\n", ERR_SYNTAX, 0},
		{"INVITE", ERR_SYNTAX, 0},
		{"INVITE sip:a", ERR_SYNTAX, 0},
		{";;;,,,", ERR_SYNTAX, 0},
		{"no colon here\r\n", ERR_SYNTAX, 0},
		{"\x01\x02 \x03 SIP/2.0\r\n", ERR_SYNTAX, 0},
		{"GET / HTTP/1.1\r\n", ERR_SYNTAX, 0},
		{" INVITE sip:a SIP/2.0\r\n", ERR_SYNTAX, 0},
		{"INVITE sip:a SIP/2.0", 0, 0},
		{"\r\n\r\nINVITE sip:a SIP/2.0\r\n", 0, 0}, /* C039 */
		{"INVITE sip:a sip/2.0\r\n", 0, 0},
		{"INVITE sip:a SIP/3.0\r\n", 0, 505}, /* C040 */
		{"INVITE sip:a SIP/2.1\r\n", 0, 505},
		{"INVITE sip:a SIP/\r\n", 0, 505},
		{"INVITE SIP/2.0\r\n", 0, 400},
		{"INVITE  SIP/2.0\r\n", 0, 400},
		{"INVITE  sip:a SIP/2.0\r\n", 0, 400},
		{"INVITE sip:a  SIP/2.0\r\n", 0, 400},
		{"INVITE sip:a SIP/2.0 \r\n", 0, 400},
		{"INVITE sip:a SIP/2.0\t\r\n", 0, 400},
		{"INVITE sip:a\tb SIP/2.0\r\n", 0, 400},
		{"INVITE sip:a b SIP/2.0\r\n", 0, 400},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int ret = parse(cases[i].in);

		cr_expect_eq(ret, cases[i].ret, "%s: %d", cases[i].in, ret);
		if (ret == 0)
			cr_expect_eq(m.fault, cases[i].fault, "%s: %u", cases[i].in,
				     m.fault);
	}
}

/* C027, S3: what is no header field is left out; known ones are noted. */
Test(sip_msg, s3_lines_that_are_no_fields)
{
	const struct {
		struct str lines;
		unsigned count;
		uint64_t unread;
	} cases[] = {
		{STR("X-Ok: 1\r\n\r\n"), 1, 0},
		{STR("X-Ok:1"), 1, 0}, /* no line end at all */
		{STR("User-Agent: x\nX-B: y\n\n"), 2, 0},
		{STR("No colon\r\nX-B: y\r\n\r\n"), 1, 0},
		{STR("No colon  \r\n\r\n"), 0, 0},
		{STR(": value\r\n\r\n"), 0, 0},
		{STR("Two words: value\r\n\r\n"), 0, 0},
		{STR("X\x01: value\r\n\r\n"), 0, 0},
		{STR("  X-Folded-Into-Nothing: 1\r\nX-B: y\r\n\r\n"), 1, 0},
		{STR("  From: <sip:a@b>\r\nX-B: y\r\n\r\n"), 1, 0},
		{STR("X-A: a\0b\r\nY-B: z\r\n\r\n"), 1, SIP_BIT(OTHER)},
		{STR("X-A: \"a\\\0b\"\r\n\r\n"), 1, 0}, /* a quoted pair (RFC 4475 3.1.1.2) */
		{STR("X-A: a\rY-B: b\r\n\r\n"), 0, SIP_BIT(OTHER)},
		{STR("X-A: a\r\r\n\r\n"), 0, SIP_BIT(OTHER)},
		{STR("f: a\0b\r\nDate: a\rb\r\n\r\n"), 0, SIP_BIT(FROM) | SIP_BIT(DATE)},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[256] = "OPTIONS sip:a SIP/2.0\r\n";
		size_t n = strlen(text);

		memcpy(text + n, cases[i].lines.p, cases[i].lines.n);
		cr_assert_eq(sip_parse(text, n + cases[i].lines.n, &m), 0, "%zu", i);
		cr_expect_eq(m.fault, 0, "%zu", i);
		cr_expect_eq(m.count, cases[i].count, "%zu: %u", i, m.count);
		cr_expect_eq(m.unread, cases[i].unread, "%zu", i);
		cr_expect_eq(m.twice, 0u, "%zu", i);
	}
}

Test(sip_msg, c041_fields_that_stand_twice)
{
	cr_assert_eq(parse("OPTIONS sip:a SIP/2.0\r\nFrom: a\r\nVia: a\r\nVia: b\r\nVia: c\r\n"
			   "f: b\r\nX-A: 1\r\nX-A: 2\r\nTo: c\r\n\r\n"),
		     0);
	cr_expect_eq(m.twice, SIP_BIT(FROM) | SIP_BIT(VIA));
	cr_expect_eq(m.fault, 0);
}

/* C041, C010, C011; S4: of two that are equal the body is known */
Test(sip_msg, c010_content_length)
{
	static const struct {
		const char *lines;
		unsigned fault;
		size_t body;
	} cases[] = {
		{"", 0, 3},
		{"Content-Length: 3\r\n", 0, 3},
		{"Content-Length: 003\r\n", 0, 3},
		{"Content-Length: 2\r\n", 0, 2},
		{"l: 0\r\n", 0, 0},
		{"Content-Length: 2\r\nl: 2\r\n", 0, 2},
		{"Content-Length: 2\r\nl: 3\r\n", 400, 0},
		{"Content-Length: 4\r\n", 400, 0},
		{"Content-Length: -999\r\n", 400, 0},
		{"Content-Length: +0\r\n", 400, 0},
		{"Content-Length: 0x0\r\n", 400, 0},
		{"Content-Length: 0, 0\r\n", 400, 0},
		{"Content-Length:\r\n", 400, 0},
		{"Content-Length: 18446744073709551616\r\n", 400, 0},
		{"Content-Length: 0\r\n folded\r\n", 400, 0},
		{"Content-Length: 0\rx\r\n", 400, 0},
		{"Content-Length: 3\r\nContent-Length: 0\rx\r\n", 400, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[256];

		snprintf(text, sizeof text, "OPTIONS sip:a SIP/2.0\r\n%s\r\nabc",
			 cases[i].lines);
		cr_assert_eq(parse(text), 0, "%s", cases[i].lines);
		cr_expect_eq(m.fault, cases[i].fault, "%s", cases[i].lines);
		cr_expect_eq(m.body.n, cases[i].body, "%s", cases[i].lines);

		/* RFC 3261 18.3: a response is not usable then */
		snprintf(text, sizeof text, "SIP/2.0 200 OK\r\n%s\r\nabc", cases[i].lines);
		cr_expect_eq(parse(text), cases[i].fault != 0 ? ERR_SYNTAX : 0, "%s",
			     cases[i].lines);
	}
}

/* C024, C025: the body is what Content-Length says, whatever it looks like */
Test(sip_msg, c024_c025_bodies)
{
	static const char head[] = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\n";
	char text[80];

	memcpy(text, head, sizeof head - 1);
	memcpy(text + sizeof head - 1, "\0\xff\r\nrest", 8);
	cr_assert_eq(sip_parse(text, sizeof head - 1 + 8, &m), 0);
	cr_assert_eq(m.fault, 0);
	cr_expect(str_eq(m.body, (struct str){"\0\xff\r\n", 4}));

	cr_assert_eq(parse("OPTIONS sip:a SIP/2.0\r\nX: y\r\n\r\n body: 1\r\n\r\n"), 0);
	cr_expect_eq(m.fault, 0);
	cr_expect_eq(m.count, 1, "a body that begins with white space is no folded line");
	expect(m.body, " body: 1\r\n\r\n");
}

/* A stray CR beside a name: it is that field, and can not be read. */
Test(sip_msg, s3_a_stray_cr_beside_a_name)
{
	cr_assert_eq(parse("OPTIONS sip:a SIP/2.0\r\n\rTo: x\r\nCSeq\r: 1 OPTIONS\r\n"
			   "Call\rID: x\r\n\r\n"),
		     0);
	cr_expect_eq(m.unread, SIP_BIT(TO) | SIP_BIT(CSEQ) | SIP_BIT(OTHER));
	cr_expect_eq(m.count, 0);
}

/* What is odd is odd wherever it stands: the octets are looked at in blocks of 64. */
Test(sip_msg, s3_odd_octets_at_every_offset)
{
	static const struct {
		struct str middle;
		uint64_t unread;
	} cases[] = {
		{{"y", 1}, 0},
		{{"\r\n\t:y", 5}, 0},
		{{"\r\n :", 4}, 0},
		{{"\\\0", 2}, 0},
		{{"\0", 1}, SIP_BIT(OTHER)},
		{{"\r", 1}, SIP_BIT(OTHER)},
		{{"\r\r\n y", 5}, SIP_BIT(OTHER)},
		{{"\\\0\0", 3}, SIP_BIT(OTHER)},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t pad = 0; pad < 140; pad++) {
			char text[512];
			struct buf b = buf_of(text, sizeof text);
			struct str value;
			char *exact;

			buf_z(&b, "OPTIONS sip:a SIP/2.0\r\nX-A: v");
			for (size_t j = 0; j < pad; j++)
				buf_char(&b, 'x');
			buf_str_put(&b, cases[i].middle);
			buf_z(&b, "z\r\nX-B: last\r\n\r\n:body");
			exact = malloc(b.n);
			cr_assert_not_null(exact);
			memcpy(exact, b.p, b.n);
			cr_assert_eq(sip_parse(exact, b.n, &m), 0);
			cr_expect_eq(m.unread, cases[i].unread, "%zu %zu", i, pad);
			cr_assert_eq(m.count, cases[i].unread != 0 ? 1 : 2, "%zu %zu", i, pad);
			expect(m.fields[m.count - 1].name, "X-B");
			expect(m.fields[m.count - 1].value, "last");
			expect(m.body, ":body");
			value = m.fields[0].value;
			if (cases[i].unread == 0) {
				expect(m.fields[0].name, "X-A");
				cr_expect_eq(value.n, 1 + pad + cases[i].middle.n + 1);
			}
			free(exact);
		}
}

/* A message may end anywhere, with or without line ends. */
Test(sip_msg, ends_at_every_offset)
{
	static const char *const ends[] = {"", "\r", "\n", "\r\n", "\n\n", "\r\n\r", "\r\n\r\n"};

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		for (int pad = 0; pad < 140; pad++) {
			char text[512];
			int n = snprintf(text, sizeof text, "OPTIONS sip:a SIP/2.0\r\nX-A: %*sv%s",
					 pad, "", ends[i]);
			char *exact = malloc((size_t)n);

			cr_assert_not_null(exact);
			memcpy(exact, text, (size_t)n);
			cr_assert_eq(sip_parse(exact, (size_t)n, &m), 0);
			cr_expect_eq(m.unread, 0u, "%zu %d", i, pad);
			cr_assert_eq(m.count, 1, "%zu %d", i, pad);
			expect(m.fields[0].value, "v");
			cr_expect_eq(m.body.n, 0u);
			free(exact);
		}
}

/* No more than 64 KiB are looked at. */
Test(sip_msg, the_longest_message)
{
	static const char head[] = "OPTIONS sip:a SIP/2.0\r\n\r\n";
	static char text[SIP_HEAD_BYTES_MAX + 8];

	memset(text, 'b', sizeof text);
	memcpy(text, head, sizeof head - 1);
	for (size_t over = 0; over < 3; over++) {
		size_t n = SIP_HEAD_BYTES_MAX - 1 + over;

		cr_assert_eq(sip_parse(text, n, &m), 0);
		cr_expect_eq(m.body.n,
			     (n < SIP_HEAD_BYTES_MAX ? n : SIP_HEAD_BYTES_MAX) - (sizeof head - 1));
	}
}

/* Quoted NULs are printed again, folds become one space. */
Test(sip_msg, values_on_one_line)
{
	static const struct {
		struct str in, out;
	} cases[] = {
		{{"", 0}, {"", 0}},
		{{"a", 1}, {"a", 1}},
		{{"a\r\n b\n\tc", 8}, {"a b c", 5}},
		{{"\\\0b", 3}, {"\\\0b", 3}},
		{{"a\r\n \\\0", 6}, {"a \\\0", 4}},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect(str_eq(unfolded(cases[i].in), cases[i].out), "%zu", i);
}

/* C026 */
Test(sip_msg, c026_header_cap)
{
	static char text[8192];

	for (unsigned n = 254; n <= 258; n++) {
		struct buf b = buf_of(text, sizeof text);

		buf_z(&b, "OPTIONS sip:a SIP/2.0\r\n");
		for (unsigned i = 0; i < n; i++)
			buf_z(&b, "X-Filler: yes\r\n");
		buf_z(&b, "\r\n");
		cr_assert(buf_ok(&b));
		cr_assert_eq(sip_parse(b.p, b.n, &m), 0);
		cr_expect_eq(m.fault, n > 256 ? 400 : 0, "%u", n);
		cr_expect_eq(m.count, n > 256 ? 256 : n);
	}
}

/* C036: known names as they are written; others keep the case they came in */
Test(sip_msg, c036_names)
{
	static const char *const names[] = {"Call-ID", "CSeq", "WWW-Authenticate",
					    "MIME-Version"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char lower[32] = "";

		for (size_t j = 0; names[i][j] != '\0'; j++)
			lower[j] = (char)(names[i][j] >= 'A' && names[i][j] <= 'Z'
						  ? names[i][j] | 32
						  : names[i][j]);
		cr_expect_str_eq(sip_header_name(sip_header_of(str_of(lower))), names[i]);
	}
	cr_assert_eq(parse("OPTIONS sip:a SIP/2.0\r\nx-FOO: 1\r\n\r\n"), 0);
	expect(m.fields[0].name, "x-FOO");
	cr_expect_eq(m.fields[0].id, SIP_OTHER);
	cr_expect_eq(sip_header_of(STR("")), SIP_OTHER);
	cr_expect_eq(sip_header_of(STR("z")), SIP_OTHER);
	cr_expect_eq(sip_header_of(STR("Vi")), SIP_OTHER);
}

/* Every row of header.def is found by both its names. */
Test(sip_msg, every_header_is_found)
{
	static const struct {
		const char *name, *compact;
	} rows[] = {
#define HEADER(id, name, compact, kind) {name, compact},
#include "signaling/sip/header.def"
#undef HEADER
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_expect_eq(sip_header_of(str_of(rows[i].name)), i + 1);
		if (rows[i].compact[0] != '\0')
			cr_expect_eq(sip_header_of(str_of(rows[i].compact)), i + 1);
	}
}

/* C042, C152 */
Test(sip_msg, c042_c152_methods_and_reasons)
{
	static const struct {
		unsigned code;
		const char *text;
	} reasons[] = {{100, "Trying"},
		       {180, "Ringing"},
		       {200, "OK"},
		       {486, "Busy Here"},
		       {487, "Request Terminated"},
		       {500, "Server Internal Error"},
		       {299, ""},
		       {0, ""}};

	cr_expect_eq(sip_method_of(STR("INVITE")), SIP_M_INVITE);
	cr_expect_eq(sip_method_of(STR("invite")), SIP_UNKNOWN);
	cr_expect_eq(sip_method_of(STR("INVITES")), SIP_UNKNOWN);
	cr_expect_eq(sip_method_of(STR("")), SIP_UNKNOWN);
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		cr_expect_str_eq(sip_reason_of(reasons[i].code), reasons[i].text);
}

static void check_inside(struct str s, const char *p, size_t n)
{
	cr_assert(s.n == 0 || (s.p >= p && s.p + s.n <= p + n));
}

/* C021: any octets, of exact length: nothing is read or pointed to outside */
Test(sip_msg, c021_random_octets)
{
	static const char *const pieces[] = {
		"INVITE", " ",   "sip:a@b", "SIP/2.0", "\r\n",
		":",      "Via", "From",    "\t",      ",",
		";",      "\"",  "<",       ">",       "\\",
		"l",      "200", "=",       "9",       "SIP/2.0 200 OK\r\n",
		"\n "};
	struct rand r;

	rand_seed(&r, 21);
	for (unsigned round = 0; round < 30000; round++) {
		char area[600];
		struct buf b = buf_of(area, 400);
		char *exact;

		if (rand_below(&r, 2) == 0)
			buf_z(&b, "OPTIONS sip:x SIP/2.0\r\n");
		while (buf_ok(&b) && rand_below(&r, 30) != 0) {
			if (rand_below(&r, 3) == 0)
				buf_char(&b, (char)rand_u64(&r));
			else
				buf_z(&b, pieces[rand_below(&r, 21)]);
		}
		exact = malloc(b.n + 1);
		cr_assert_not_null(exact);
		memcpy(exact, b.p, b.n);
		exact = realloc(exact, b.n > 0 ? b.n : 1);
		if (sip_parse(exact, b.n, &m) == 0) {
			struct sip_core c;

			cr_assert_leq(m.count, SIP_HEADERS_MAX);
			check_inside(m.uri, exact, b.n);
			check_inside(m.body, exact, b.n);
			for (uint16_t i = 0; i < m.count; i++) {
				check_inside(m.fields[i].name, exact, b.n);
				check_inside(m.fields[i].value, exact, b.n);
				cr_assert(m.fields[i].next == SIP_NONE ||
					  (m.fields[i].next > i &&
					   m.fields[i].next < m.count));
			}
			(void)sip_validate(&m, &c);
		}
		free(exact);
	}
}

/* ---- no quadratic work ---- */

struct shape {
	const char *before, *each, *after;
};

static double cpu_of(const struct shape *shape, size_t n)
{
	static char text[SIP_HEAD_BYTES_MAX];
	struct buf b = buf_of(text, sizeof text);
	double best = 1e9;

	buf_z(&b, "OPTIONS sip:a SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
		  "<sip:a@b>\r\nCall-ID: 1\r\n"
		  "CSeq: 1 OPTIONS\r\n");
	buf_z(&b, shape->before);
	while (b.n < n)
		buf_z(&b, shape->each);
	buf_z(&b, shape->after);
	cr_assert(buf_ok(&b));
	for (unsigned i = 0; i < 30; i++) {
		struct sip_core c;
		clock_t start = clock();
		double spent;

		for (unsigned j = 0; j < 8; j++) {
			cr_assert_eq(sip_parse(text, b.n, &m), 0);
			(void)sip_validate(&m, &c);
		}
		spent = (double)(clock() - start);
		best = spent < best ? spent : best;
	}
	return best;
}

/* Twice the octets, about twice the time; 4 would be quadratic. The least of 30 rounds
 * each, and five tries, because other programs run as well. */
Test(sip_msg, time_is_linear)
{
	static const char via[] = "Via: SIP/2.0/UDP h;branch=z9hG4bK1";
	const struct shape shapes[] = {
		{"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n", "X-Many: 1\r\n", "\r\n"},
		{via, ";p=v", "\r\n\r\n"},
		{via, ";p=\"v\"", "\r\n\r\n"},
		{via, "\r\n ", "\r\n\r\n"},
		{via, "\n\t\n ", "\r\n\r\n"},
		{via, ", SIP/2.0/UDP h", "\r\n\r\n"},
		{"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nContact: <sip:a>", ",<sip:a>",
		 "\r\n\r\n"},
		{"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nContact: ", "\"", "\r\n\r\n"},
		{"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nRequire: ", "a,", "\r\n\r\n"},
		{"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nX: ", "x", ""},
		{"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n", "y", ""},
	};

	for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
		double ratio = 99;

		for (unsigned try = 0; try < 5 && ratio > 2.3; try++)
			ratio = cpu_of(&shapes[i], 60000) /
				(cpu_of(&shapes[i], 30000) + 1);
		cr_expect_leq(ratio, 2.3, "%zu \"%s\": %f", i, shapes[i].each, ratio);
	}
}
