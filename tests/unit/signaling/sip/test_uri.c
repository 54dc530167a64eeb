/* test_uri.c - mirrors signaling/sip/uri.c */
#include <criterion/criterion.h>

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
