#include <criterion/criterion.h>

#include "signaling/sip/edit.h"

#define CAP 65536

static char area[CAP], other[CAP], wire[2 * CAP], wire2[2 * CAP];
static struct sip_msg msg;

static const struct sip_start invite = {
	.is_request = true, .method = {"INVITE", 6}, .uri = {"sip:bob@example.com", 19},
};

static struct str print(const struct sip_edit *e, struct str body, char *to)
{
	struct buf b = buf_of(to, 2 * CAP);

	cr_assert_eq(sip_edit_print(e, body, &b), 0);
	cr_assert_eq(b.n, sip_edit_size(e, body));
	return buf_str(&b);
}

#define expect_text(got, z)                                                              \
	cr_expect(str_eq(got, str_of(z)), "%.*s", (int)(got).n, (got).p)

static struct sip_edit fresh(void)
{
	struct sip_edit e;

	cr_assert_eq(sip_edit_start(&e, area, sizeof area, &invite), 0);
	return e;
}

/* C023, C024, C034, C036: the length is the body's, names are written as they should be */
Test(sip_edit, c023_made_from_nothing)
{
	struct sip_edit e = fresh();
	struct str got;

	cr_assert_eq(sip_edit_add(&e, STR("v"), STR("SIP/2.0/UDP a")), 0);
	cr_assert_eq(sip_edit_add(&e, STR("CALL-id"), STR("  x@y ")), 0);
	cr_assert_eq(sip_edit_add(&e, STR("x-Custom-ID"), STR("1")), 0);
	got = print(&e, (struct str){"\0\xff", 2}, wire);
	cr_expect(str_eq(got, STR("INVITE sip:bob@example.com SIP/2.0\r\n"
				  "Via: SIP/2.0/UDP a\r\n"
				  "Call-ID: x@y\r\n"
				  "x-Custom-ID: 1\r\n"
				  "Content-Length: 2\r\n\r\n\0\xff")));
	cr_expect_eq(e.count, 3u);
}

/* C033: set replaces all of a name, where the first stood; C035: a Via comes first */
Test(sip_edit, c033_c035_set_and_add)
{
	struct sip_edit e = fresh();
	struct str got, value;
	size_t at = 0;

	cr_assert_eq(sip_edit_set(&e, STR("X-Debug"), STR("one")), 0);
	cr_assert_eq(sip_edit_add(&e, STR("Via"), STR("SIP/2.0/UDP old")), 0);
	cr_assert_eq(sip_edit_add(&e, STR("x-debug"), STR("two")), 0);
	cr_assert_eq(sip_edit_set(&e, STR("X-DEBUG"), STR("a longer one")), 0);
	cr_assert_eq(sip_edit_add_first(&e, STR("Via"), STR("SIP/2.0/UDP new")), 0);
	got = print(&e, STR(""), wire);
	expect_text(got, "INVITE sip:bob@example.com SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP new\r\n"
			 "X-DEBUG: a longer one\r\n"
			 "Via: SIP/2.0/UDP old\r\n"
			 "Content-Length: 0\r\n\r\n");
	cr_expect(sip_edit_find(&e, STR("v"), &at, &value));
	expect_text(value, "SIP/2.0/UDP new");
	cr_expect(sip_edit_find(&e, STR("VIA"), &at, &value));
	expect_text(value, "SIP/2.0/UDP old");
	cr_expect_not(sip_edit_find(&e, STR("v"), &at, &value));
	cr_expect_eq(sip_edit_remove(&e, STR("via")), 2u);
	cr_expect_eq(sip_edit_remove(&e, STR("via")), 0u);
	cr_expect_eq(e.count, 1u);
}

/* C027, C028: nothing that would end a line, in any of the ways to put something there */
Test(sip_edit, c027_c028_injection)
{
	static const struct {
		struct str name, value;
		int err;
	} bad[] = {
		{{"X", 1}, {"a\r\nEvil: 1", 10}, ERR_SYNTAX}, {{"X", 1}, {"a\nb", 3}, ERR_SYNTAX},
		{{"X", 1}, {"a\rb", 3}, ERR_SYNTAX},          {{"X", 1}, {"a\0b", 3}, ERR_SYNTAX},
		{{"X:", 2}, {"a", 1}, ERR_SYNTAX},            {{"X\r\nY", 4}, {"a", 1}, ERR_SYNTAX},
		{{"X Y", 3}, {"a", 1}, ERR_SYNTAX},           {{"", 0}, {"a", 1}, ERR_SYNTAX},
		{{"l", 1}, {"9", 1}, ERR_INVAL},              {{"Content-length", 14}, {"9", 1}, ERR_INVAL},
	};
	struct sip_edit e = fresh();
	struct sip_start s = invite;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cr_expect_eq(sip_edit_add(&e, bad[i].name, bad[i].value), bad[i].err, "%zu", i);
		cr_expect_eq(sip_edit_add_first(&e, bad[i].name, bad[i].value), bad[i].err);
		cr_expect_eq(sip_edit_set(&e, bad[i].name, bad[i].value), bad[i].err);
	}
	cr_expect_eq(e.count, 0u);
	s.uri = STR("sip:a b");
	cr_expect_eq(sip_edit_restart(&e, &s), ERR_SYNTAX);
	s.uri = STR("");
	cr_expect_eq(sip_edit_restart(&e, &s), ERR_SYNTAX);
	s = (struct sip_start){.is_request = true, .method = STR("A\r\n"), .uri = STR("x")};
	cr_expect_eq(sip_edit_restart(&e, &s), ERR_SYNTAX);
	s = (struct sip_start){.status = 200, .reason = STR("OK\r\nX: y")};
	cr_expect_eq(sip_edit_restart(&e, &s), ERR_SYNTAX);
	s = (struct sip_start){.status = 99};
	cr_expect_eq(sip_edit_restart(&e, &s), ERR_RANGE);
	s = (struct sip_start){.status = 700};
	cr_expect_eq(sip_edit_restart(&e, &s), ERR_RANGE);
	expect_text(print(&e, STR(""), wire),
		    "INVITE sip:bob@example.com SIP/2.0\r\nContent-Length: 0\r\n\r\n");
}

Test(sip_edit, the_start_line_changes)
{
	struct sip_edit e = fresh();
	struct sip_start s = {.is_request = true, .method = STR("BYE"), .uri = STR("sip:a-much-longer-host.example.com")};

	cr_assert_eq(sip_edit_add(&e, STR("To"), STR("<sip:b@c>")), 0);
	cr_assert_eq(sip_edit_restart(&e, &s), 0);
	s = sip_edit_started(&e);
	cr_expect(s.is_request);
	expect_text(s.method, "BYE");
	expect_text(s.uri, "sip:a-much-longer-host.example.com");
	s = (struct sip_start){.status = 404, .reason = STR("")};
	cr_assert_eq(sip_edit_restart(&e, &s), 0);
	s = sip_edit_started(&e);
	cr_expect_not(s.is_request);
	cr_expect_eq(s.status, 404);
	cr_expect_eq(s.reason.n, 0u);
	expect_text(print(&e, STR(""), wire), "SIP/2.0 404 \r\nTo: <sip:b@c>\r\nContent-Length: 0\r\n\r\n");
}

/* At the caps: of fields, of octets, of the area; and nothing has changed then. */
Test(sip_edit, c026_caps)
{
	struct sip_edit e = fresh();
	size_t n;

	for (uint32_t i = 0; i < SIP_EDIT_FIELDS_MAX; i++)
		cr_assert_eq(sip_edit_add(&e, STR("X-A"), STR("1")), 0);
	n = e.text.n;
	cr_expect_eq(sip_edit_add(&e, STR("X-B"), STR("1")), ERR_RANGE);
	cr_expect_eq(sip_edit_set(&e, STR("X-B"), STR("1")), ERR_RANGE);
	cr_expect_eq(e.text.n, n);
	n = print(&e, STR(""), wire).n;
	cr_expect_eq(sip_parse(wire, n, &msg), 0);
	cr_expect_eq(msg.fault, 0, "255 and Content-Length");
	cr_expect_eq(sip_edit_set(&e, STR("X-A"), STR("2")), 0, "there is room when it replaces");
	cr_expect_eq(e.count, 1u);

	cr_assert_eq(sip_edit_start(&e, area, 50, &invite), 0);
	cr_expect_eq(sip_edit_add(&e, STR("Subject"), STR("abcdef")), ERR_NOSPC);
	cr_expect_eq(e.text.n, 36u);
	cr_expect_eq(sip_edit_move(&e, other, 10), ERR_NOSPC);
	cr_assert_eq(sip_edit_move(&e, other, sizeof other), 0);
	cr_expect_eq(sip_edit_add(&e, STR("Subject"), STR("abcdef")), 0);
	cr_expect_eq(sip_edit_start(&e, area, 20, &invite), ERR_NOSPC);

	memset(wire, 'x', SIP_HEAD_BYTES_MAX);
	e = fresh();
	cr_expect_eq(sip_edit_add(&e, STR("X"), (struct str){wire, SIP_HEAD_BYTES_MAX}), ERR_RANGE);
}

static struct str load_and_print(struct str text, char *to)
{
	struct sip_edit e;

	cr_assert_eq(sip_parse(text.p, text.n, &msg), 0);
	cr_assert_eq(sip_edit_load(&e, area, sizeof area, &msg), 0);
	return print(&e, msg.body, to);
}

/* C004, C006, C007, C022, C025: what is odd when it comes is plain when it goes */
Test(sip_edit, c022_stable)
{
	static const char text[] = "\r\nINVITE sip:x@y SIP/2.0\r\n"
				   "v: SIP/2.0/UDP a,\r\n SIP/2.0/TCP b\r\n"
				   "TO :\r\n sip:b@c;tag=1\r\n"
				   "no field at all\r\n"
				   "x-Weird_1:\r\n"
				   "l: 3\r\n"
				   "s: folded\r\n\t  text\r\n\r\nabcdef";
	struct str first = load_and_print(STR(text), wire), second;

	expect_text(first, "INVITE sip:x@y SIP/2.0\r\n"
			   "Via: SIP/2.0/UDP a, SIP/2.0/TCP b\r\n"
			   "To: sip:b@c;tag=1\r\n"
			   "x-Weird_1: \r\n"
			   "Subject: folded text\r\n"
			   "Content-Length: 3\r\n\r\nabc");
	second = load_and_print(first, wire2);
	cr_expect(str_eq(first, second));
}

/* RFC 3261 8.2.6, 12.1.1 */
Test(sip_edit, replies)
{
	struct sip_edit e = fresh(), r;
	struct sip_edit_reply how = {.status = 180, .to_tag = STR("t1")};

	cr_assert_eq(sip_edit_add(&e, STR("Via"), STR("SIP/2.0/UDP a")), 0);
	cr_assert_eq(sip_edit_add(&e, STR("Via"), STR("SIP/2.0/UDP b")), 0);
	cr_assert_eq(sip_edit_add(&e, STR("Record-Route"), STR("<sip:p;lr>")), 0);
	cr_assert_eq(sip_edit_add(&e, STR("Timestamp"), STR("5")), 0);
	cr_assert_eq(sip_edit_add(&e, STR("To"), STR("<sip:b@c>")), 0);
	cr_assert_eq(sip_edit_add(&e, STR("Subject"), STR("not repeated")), 0);
	cr_assert_eq(sip_edit_reply(&r, other, sizeof other, &e, &how), 0);
	expect_text(print(&r, STR(""), wire), "SIP/2.0 180 Ringing\r\n"
					      "Via: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\n"
					      "Record-Route: <sip:p;lr>\r\nTo: <sip:b@c>;tag=t1\r\n"
					      "Content-Length: 0\r\n\r\n");
	how.status = 100;
	cr_assert_eq(sip_edit_reply(&r, other, sizeof other, &e, &how), 0);
	expect_text(print(&r, STR(""), wire), "SIP/2.0 100 Trying\r\n"
					      "Via: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\n"
					      "Timestamp: 5\r\nTo: <sip:b@c>\r\nContent-Length: 0\r\n\r\n");
	cr_expect_eq(sip_edit_set(&e, STR("To"), STR("<sip:b@c>;tag=theirs")), 0);
	how = (struct sip_edit_reply){.status = 486, .reason = STR("No"), .to_tag = STR("t1")};
	cr_assert_eq(sip_edit_reply(&r, other, sizeof other, &e, &how), 0);
	expect_text(print(&r, STR(""), wire), "SIP/2.0 486 No\r\n"
					      "Via: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\n"
					      "To: <sip:b@c>;tag=theirs\r\nContent-Length: 0\r\n\r\n");
	how.to_tag = STR("a b");
	cr_expect_eq(sip_edit_reply(&r, other, sizeof other, &e, &how), ERR_SYNTAX);
	how = (struct sip_edit_reply){.status = 70};
	cr_expect_eq(sip_edit_reply(&r, other, sizeof other, &e, &how), ERR_RANGE);
	how.status = 200;
	cr_expect_eq(sip_edit_reply(&r, other, 90, &e, &how), ERR_NOSPC);
	cr_assert_eq(sip_edit_reply(&r, other, sizeof other, &e, &how), 0);
	cr_expect_eq(sip_edit_reply(&e, area, sizeof area, &r, &how), ERR_INVAL);
}

/* C036 */
Test(sip_edit, c036_pretty_names)
{
	static const char *const names[][2] = {
		{"call-id", "Call-ID"}, {"CSEQ", "CSeq"}, {"www-authenticate", "WWW-Authenticate"},
		{"mime-version", "MIME-Version"}, {"x-foo", "X-Foo"}, {"X-FOO-bar", "X-Foo-Bar"}, {"k", "Supported"},
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct buf b = buf_of(wire, 64);

		cr_assert_eq(sip_put_name(&b, str_of(names[i][0])), 0);
		expect_text(buf_str(&b), names[i][1]);
	}
	cr_expect_eq(sip_put_name(&(struct buf){wire, 0, 64, false}, STR("a b")), ERR_SYNTAX);
	cr_expect_eq(sip_put_name(&(struct buf){wire, 0, 2, false}, STR("x-foo")), ERR_NOSPC);
}
