/* test_uri.c - mirrors control/model/uri.c: what goes into a request of ours. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "control/model/uri.h"

static void expect(struct str part, const char *z)
{
	cr_expect(str_eq(part, str_of(z)), "'%.*s' is not '%s'", (int)part.n, part.p, z);
}

Test(uri, good_ones)
{
	static const struct {
		const char *text, *user, *host, *params;
		uint16_t port;
		bool v6;
	} cases[] = {
		{"sip:bob@192.0.2.7", "bob", "192.0.2.7", "", 0, false},
		{"SIP:+49301234@192.0.2.7:5070", "+49301234", "192.0.2.7", "", 5070, false},
		{"sip:bob@[2001:db8::7]:65535", "bob", "2001:db8::7", "", 65535, true},
		{"sip:example.org", "", "example.org", "", 0, false},
		{"sip:bob@x-y.example.org:1;user=phone;lr", "bob", "x-y.example.org", ";user=phone;lr", 1, false},
		{"sip:b%6Fb;day=tue&a=b@h;transport=UDP", "b%6Fb;day=tue&a=b", "h", ";transport=UDP", 0, false},
		{"sip:*98@pbx", "*98", "pbx", "", 0, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct uri u;

		cr_assert_eq(uri_parse(str_of(cases[i].text), &u), 0, "%s", cases[i].text);
		expect(u.user, cases[i].user);
		expect(u.host, cases[i].host);
		expect(u.params, cases[i].params);
		cr_expect(u.port == cases[i].port && u.host_is_v6 == cases[i].v6, "%s", cases[i].text);
	}
}

Test(uri, bad_ones)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"", ERR_SYNTAX}, {"bob", ERR_SYNTAX}, {":bob@h", ERR_SYNTAX}, {"sip:", ERR_SYNTAX}, {"sip:@h", ERR_SYNTAX},
		{"sip:bob@", ERR_SYNTAX}, {"sips:bob@h", ERR_UNSUPPORTED}, {"tel:+4930", ERR_UNSUPPORTED}, {"http://h", ERR_UNSUPPORTED},
		{"sip:bob:secret@h", ERR_UNSUPPORTED}, {"sip:bob@h?Route=x", ERR_UNSUPPORTED}, {"sip:bob@h;a?b", ERR_UNSUPPORTED},
		{"sip:bob@h;maddr=192.0.2.1", ERR_UNSUPPORTED}, {"sip:bob@h;MADDR", ERR_UNSUPPORTED},
		{"sip:bob@h;transport=tcp", ERR_UNSUPPORTED}, {"sip:bob@h;transport", ERR_UNSUPPORTED},
		{"sip:bob@h:0", ERR_RANGE}, {"sip:bob@h:65536", ERR_RANGE}, {"sip:bob@h:99999999999", ERR_RANGE}, {"sip:bob@h:", ERR_SYNTAX},
		{"sip:bob@h:5060x", ERR_SYNTAX}, {"sip:bob@256.1.1.1", ERR_SYNTAX}, {"sip:bob@1.2.3", ERR_SYNTAX}, {"sip:bob@h..x", ERR_SYNTAX},
		{"sip:bob@-h", ERR_SYNTAX}, {"sip:bob@h-", ERR_SYNTAX}, {"sip:bob@h.", ERR_SYNTAX}, {"sip:bob@h-.x", ERR_SYNTAX},
		{"sip:bob@a_b", ERR_SYNTAX}, {"sip:bob@2001:db8::7", ERR_SYNTAX}, {"sip:bob@[192.0.2.7]", ERR_SYNTAX}, {"sip:bob@[2001:db8::7", ERR_SYNTAX},
		{"sip:bob@[fe80::1]x", ERR_SYNTAX}, {"sip:b ob@h", ERR_SYNTAX}, {"sip:b<ob@h", ERR_SYNTAX}, {"sip:b%4@h", ERR_SYNTAX},
		{"sip:b%zz@h", ERR_SYNTAX}, {"sip:bob@h;", ERR_SYNTAX}, {"sip:bob@h;;a", ERR_SYNTAX}, {"sip:bob@h;=a", ERR_SYNTAX},
		{"sip:bob@h;a=\"b\"", ERR_SYNTAX}, {"sip:bob@h\r\nX: y", ERR_SYNTAX}, {"sip:bob\r\n@h", ERR_SYNTAX}, {"sip:bob@h;a\r\nX", ERR_SYNTAX},
		{"sip:bob@h,sip:eve@i", ERR_SYNTAX}, {"sip:a@b@h", ERR_SYNTAX}, {"sip:b\xc3\xbc@h", ERR_SYNTAX},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct uri u;

		cr_expect_eq(uri_parse(str_of(cases[i].text), &u), cases[i].err, "%s: %d", cases[i].text, uri_parse(str_of(cases[i].text), &u));
	}
}

Test(uri, at_its_limits)
{
	char text[URI_BYTES_MAX + 2], host[160];
	struct uri u;

	memset(text, 'b', sizeof text);
	memcpy(text, "sip:", 4);
	memcpy(text + URI_BYTES_MAX - 2, "@h", 2);
	cr_expect_eq(uri_parse((struct str){text, URI_BYTES_MAX}, &u), 0);
	memset(text, 'b', sizeof text);
	memcpy(text, "sip:", 4);
	memcpy(text + URI_BYTES_MAX - 1, "@h", 2);
	cr_expect_eq(uri_parse((struct str){text, URI_BYTES_MAX + 1}, &u), ERR_RANGE);

	memset(host, 'h', sizeof host);
	memcpy(host, "sip:", 4);
	cr_expect_eq(uri_parse((struct str){host, 4 + URI_HOST_BYTES_MAX}, &u), 0);
	cr_expect_eq(uri_parse((struct str){host, 5 + URI_HOST_BYTES_MAX}, &u), ERR_SYNTAX);
}
