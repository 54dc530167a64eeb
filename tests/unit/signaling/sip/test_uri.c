/* test_uri.c - mirrors signaling/sip/uri.c */
#include <criterion/criterion.h>
#include <stdio.h>

#include "common/base/buf.h"
#include "signaling/sip/uri.h"

/* clang-format off */
static const struct {
	const char *in;
	int ret;
	const char *scheme, *user, *host, *params, *headers;
	unsigned port;
} cases[] = {
	{"sip:alice@example.com:5060;transport=tcp;lr", 0, "sip", "alice", "example.com", ";transport=tcp;lr", "", 5060}, /* C050 */
	{"sips:alice@example.com",          0, "sips", "alice", "example.com", "", "", 0}, /* C051 */
	{"sip:example.com",                 0, "sip", "", "example.com", "", "", 0},       /* C051 */
	{"SIP:a@b?subject=hello&priority=urgent", 0, "SIP", "a", "b", "", "subject=hello&priority=urgent", 0}, /* C051 */
	{"sip:[2001:db8::1]:5070",          0, "sip", "", "2001:db8::1", "", "", 5070},    /* C052; brackets are not kept */
	{"sip:[2001:db8:::192.0.2.1]",      0, "sip", "", "2001:db8:::192.0.2.1", "", "", 0},
	{"sip:[:::1]",                      0, "sip", "", ":::1", "", "", 0},
	{"sip:alice;day=tuesday@atlanta.com", 0, "sip", "alice;day=tuesday", "atlanta.com", "", "", 0}, /* C053 */
	{"sip:+1-212-555-1212:1234@gateway.com;user=phone", 0, "sip", "+1-212-555-1212:1234", "gateway.com", ";user=phone", "", 0},
	{"sip:%61lice@h",                   0, "sip", "%61lice", "h", "", "", 0},
	{"sip:null-%00-null@example.com",   0, "sip", "null-%00-null", "example.com", "", "", 0},
	{"sip:a@b;x=%41;y",                 0, "sip", "a", "b", ";x=%41;y", "", 0},

	{"tel:+15551234;phone-context=x",   ERR_UNSUPPORTED, "tel", "", "", "", "", 0},    /* C054 */
	{"isbn:2983792873",                 ERR_UNSUPPORTED, "isbn", "", "", "", "", 0},
	{"soap.beep://192.0.2.103:3002",    ERR_UNSUPPORTED, "soap.beep", "", "", "", "", 0},

	{"sip:a@b:99999",   ERR_RANGE,  0, 0, 0, 0, 0, 0}, /* C056 */
	{"sip:a@b:0",       ERR_RANGE,  0, 0, 0, 0, 0, 0},
	{"sip:a@b:abc",     ERR_SYNTAX, 0, 0, 0, 0, 0, 0}, /* C056 */
	{"sip:a@b:5060x",   ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:a@b:",        ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"",                ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{":",               ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip",             ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:",            ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:@b",          ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:a@",          ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:a@b@c",       ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:a b@c",       ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:a%4@c",       ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:a%4g@c",      ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:a@c;x=%",     ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:a@c;x=\"y\"", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:2001:db8::10", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:[192.0.2.1]", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:[2001:db8::1", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:[2001::db8::1]", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"<sip:a@b>",       ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"1 2:x",           ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"sip:a@b\x80",     ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
};
/* clang-format on */

Test(sip_uri, parses_the_table)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sip_uri u = {.port = 7};
		int ret = sip_uri_parse(str_of(cases[i].in), &u);

		cr_expect_eq(ret, cases[i].ret, "%s: %d", cases[i].in, ret);
		if (ret == ERR_UNSUPPORTED)
			cr_expect(str_eq(u.scheme, str_of(cases[i].scheme)), "%s",
				  cases[i].in);
		if (ret != 0) {
			cr_expect_eq(u.port, 7, "%s: output touched", cases[i].in);
			continue;
		}
		cr_expect(str_eq(u.scheme, str_of(cases[i].scheme)), "%s", cases[i].in);
		cr_expect(str_eq(u.user, str_of(cases[i].user)), "%s", cases[i].in);
		cr_expect(str_eq(u.host, str_of(cases[i].host)), "%s", cases[i].in);
		cr_expect(str_eq(u.params, str_of(cases[i].params)), "%s", cases[i].in);
		cr_expect(str_eq(u.headers, str_of(cases[i].headers)), "%s", cases[i].in);
		cr_expect_eq(u.port, cases[i].port, "%s", cases[i].in);
		cr_expect_eq(u.host_is_v6, memchr(u.host.p, ':', u.host.n) != NULL, "%s",
			     cases[i].in);
	}
}

Test(sip_uri, nul_in_it)
{
	struct sip_uri u;

	cr_expect_eq(sip_uri_parse(STR("sip:a\0b@c"), &u), ERR_SYNTAX);
	cr_expect_eq(sip_uri_parse(STR("sip:a@b\0c"), &u), ERR_SYNTAX);
}

/* C050 */
Test(sip_uri, c050_params)
{
	struct str name, value, params = STR(";transport=tcp;lr;;x=;=y;");
	static const char *const want[][2] = {
		{"transport", "tcp"},
		{"lr", ""},
		{"", ""},
		{"x", ""},
		{"", "y"},
		{"", ""},
	};
	struct sip_uri u;

	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		cr_assert(sip_uri_param_next(&params, &name, &value), "%zu", i);
		cr_expect(str_eq(name, str_of(want[i][0])), "%zu", i);
		cr_expect(str_eq(value, str_of(want[i][1])), "%zu", i);
	}
	cr_expect_not(sip_uri_param_next(&params, &name, &value));

	cr_assert_eq(sip_uri_parse(STR("sip:p:5060;[odd]/name=1;LR"), &u), 0);
	cr_expect(sip_uri_has(&u, STR("lr")));
	cr_expect_not(sip_uri_has(&u, STR("l")));
}

/* clang-format off */
static const struct {
	const char *a, *b;
	bool same;
} pairs[] = { /* RFC 3261 19.1.4 */
	{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true}, /* C055 */
	{"sip:%61lice@h",                         "sip:alice@h", true},                         /* C055 */
	{"sip:carol@chicago.com",                 "sip:carol@chicago.com;newparam=5", true},
	{"sip:carol@chicago.com;security=on",     "sip:carol@chicago.com;newparam=5", true},
	{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
	 "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
	{"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
	 "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},

	{"SIP:ALICE@AtLanTa.CoM;Transport=udp",   "sip:alice@AtLanTa.CoM;Transport=UDP", false},
	{"sip:bob@biloxi.com",                    "sip:bob@biloxi.com:5060", false},
	{"sip:bob@biloxi.com",                    "sip:bob@biloxi.com;transport=udp", false},
	{"sip:bob@biloxi.com",                    "sip:bob@biloxi.com:6000;transport=tcp", false},
	{"sip:carol@chicago.com",                 "sip:carol@chicago.com?Subject=next%20meeting", false},
	{"sip:bob@phone21.boxesbybob.com",        "sip:bob@192.0.2.4", false},
	{"sip:carol@chicago.com;security=on",     "sip:carol@chicago.com;security=off", false},
	{"sip:a@b",                               "sips:a@b", false},
	{"sip:b",                                 "sip:a@b", false},
	{"sip:a%3Bb@h",                           "sip:a;b@h", false}, /* reserved ones are not their escapes */
	{"sip:a%00@h",                            "sip:a@h", false},
	{"sip:a%00b@h",                           "sip:a%00c@h", false},
	{"sip:a@h;user=phone",                    "sip:a@h", false},
	{"sip:a@h;ttl=1",                         "sip:a@h", false},
	{"sip:a@h;method=INVITE",                 "sip:a@h", false},
	{"sip:a@h;transport=udp",                 "sip:a@h", false},
	{"sip:a@h;x=Y",                           "sip:a@h;X=y", true},
	{"sip:a@h;x=%59",                         "sip:a@h;x=y", true},
	{"sip:a@h?Aa=1",                          "sip:a@h?aA=1", true},
	{"sip:a@h?a=x",                           "sip:a@h?a=X", false},
	{"sip:a@h?a=1&b=2",                       "sip:a@h?a=1", false},
	{"sip:a@h?a=1",                           "sip:a@h?b=1", false},
	{"sip:ab@h",                              "sip:a@h", false},
	{"sip:aB@h",                              "sip:ab@h", false},
	{"sip:a:b@h",                             "sip:a:c@h", false}, /* the password counts */
	{"sip:a@h:1",                             "sip:a@h:2", false},
	{"sip:a@h;maddr=1.2.3.4",                 "sip:a@h", false},
	{"sip:a@h?x=1",                           "sip:a@h?x=2", false},
};
/* clang-format on */

Test(sip_uri, c055_comparison)
{
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct sip_uri a, b;

		cr_assert_eq(sip_uri_parse(str_of(pairs[i].a), &a), 0, "%s", pairs[i].a);
		cr_assert_eq(sip_uri_parse(str_of(pairs[i].b), &b), 0, "%s", pairs[i].b);
		cr_expect_eq(sip_uri_eq(&a, &b), pairs[i].same, "%s %s", pairs[i].a,
			     pairs[i].b);
		cr_expect_eq(sip_uri_eq(&b, &a), pairs[i].same, "%s %s", pairs[i].b,
			     pairs[i].a);
		cr_expect(sip_uri_eq(&a, &a));
	}
}

/* At the cap of what is compared. */
Test(sip_uri, many_params)
{
	char text[256] = "sip:h";
	struct sip_uri u;

	for (unsigned i = 0; i < SIP_URI_PARAMS_MAX; i++)
		strcat(text, ";p");
	cr_assert_eq(sip_uri_parse(str_of(text), &u), 0);
	cr_expect(sip_uri_eq(&u, &u));
	strcat(text, ";p");
	cr_assert_eq(sip_uri_parse(str_of(text), &u), 0);
	cr_expect_not(sip_uri_eq(&u, &u));
}

/* ---- every octet ---- */

static bool is_one_of(int c, const char *set)
{
	return c != 0 && strchr(set, c) != NULL;
}

static bool is_unreserved(int c)
{
	return is_one_of(c, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.!~*'()");
}

static int parse_with(const char *before, int c, const char *after)
{
	char text[64];
	struct buf b = buf_of(text, sizeof text);
	struct sip_uri u;

	buf_z(&b, before);
	buf_char(&b, (char)c);
	buf_z(&b, after);
	return sip_uri_parse(buf_str(&b), &u);
}

/* RFC 3261 25.1: what may stand where without being escaped */
Test(sip_uri, every_octet_where_it_may_stand)
{
	static const struct {
		const char *before, *after, *more;
		bool is_host;
	} places[] = {
		{"sip:a", "@h", "&=+$,;?/:@", false}, /* the '@' makes a host of what follows */
		{"sip:a@h;p", "", ";=[]/:&+$@?", false}, /* '?' begins header fields */
		{"sip:a@h?h", "", "[]/?:+$&=;@,", false},
		{"sip:a@h", "h", "", true},
	};

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		for (int c = 0; c < 256; c++) {
			bool fine = is_unreserved(c) || is_one_of(c, places[i].more);

			if (places[i].is_host)
				fine = (is_unreserved(c) && !is_one_of(c, "!~*'()")) ||
				       is_one_of(c, ";?"); /* which end it */
			if (i == 0 && c == '@')
				fine = false; /* "@h" is no host */
			cr_expect_eq(parse_with(places[i].before, c, places[i].after) == 0, fine,
				     "%s%c%s %d", places[i].before, c, places[i].after, c);
		}
}

Test(sip_uri, every_escape)
{
	for (int x = 0; x < 256; x++) {
		bool hex = is_one_of(x, "0123456789abcdefABCDEF");

		cr_expect_eq(parse_with("sip:%", x, "0@h") == 0, hex, "%d", x);
		cr_expect_eq(parse_with("sip:%0", x, "@h") == 0, hex, "%d", x);
	}
	cr_expect_eq(parse_with("sip:a", '%', "@h"), ERR_SYNTAX);
	cr_expect_eq(parse_with("sip:a%", '4', "@h"), ERR_SYNTAX);
}

/* C055: an escape is what it stands for when that is unreserved, in either case of its
 * digits. */
Test(sip_uri, c055_every_escape_compared)
{
	for (int c = 1; c < 256; c++) {
		char lower[32], upper[32], plain[32];
		struct sip_uri a, b, u;

		snprintf(lower, sizeof lower, "sip:x%%%02xy@h", (unsigned)c);
		snprintf(upper, sizeof upper, "sip:x%%%02Xy@h", (unsigned)c);
		snprintf(plain, sizeof plain, "sip:x%cy@h", c);
		cr_assert_eq(sip_uri_parse(str_of(lower), &a), 0);
		cr_assert_eq(sip_uri_parse(str_of(upper), &b), 0);
		cr_expect(sip_uri_eq(&a, &b), "%s", lower);
		if (sip_uri_parse(str_of(plain), &u) == 0)
			cr_expect_eq(sip_uri_eq(&a, &u), is_unreserved(c), "%s", plain);
		snprintf(plain, sizeof plain, "sip:x%%%02xy@h", (unsigned)(c % 255 + 1));
		cr_assert_eq(sip_uri_parse(str_of(plain), &u), 0);
		cr_expect_not(sip_uri_eq(&a, &u), "%s %s", lower, plain);
	}
}

/* Schemes: begin with a letter or digit, go on with those and "+-." */
Test(sip_uri, every_octet_of_a_scheme)
{
	for (int c = 1; c < 256; c++) {
		bool alnum = is_unreserved(c) && !is_one_of(c, "-_.!~*'()");

		if (c == ':')
			continue;
		cr_expect_eq(parse_with("", c, "x:y"), alnum ? ERR_UNSUPPORTED : ERR_SYNTAX, "%d", c);
		cr_expect_eq(parse_with("x", c, "x:y"),
			     alnum || is_one_of(c, "+-.") ? ERR_UNSUPPORTED : ERR_SYNTAX, "%d", c);
	}
}

/* As many header fields as are compared, and one more. */
Test(sip_uri, many_headers)
{
	char text[256] = "sip:h?h=1";
	struct sip_uri u;

	for (unsigned i = 1; i < SIP_URI_PARAMS_MAX; i++)
		strcat(text, "&h=1");
	cr_assert_eq(sip_uri_parse(str_of(text), &u), 0);
	cr_expect(sip_uri_eq(&u, &u));
	strcat(text, "&h=1");
	cr_assert_eq(sip_uri_parse(str_of(text), &u), 0);
	cr_expect_not(sip_uri_eq(&u, &u));
}
