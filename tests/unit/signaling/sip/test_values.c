#include <criterion/criterion.h>

#include "signaling/sip/values.h"

static char area[512];

#define expect_text(got, z)                                                              \
	cr_expect(str_eq(got, str_of(z)), "%.*s", (int)(got).n, (got).p)

/* C054: a number is no host */
Test(sip_values, c054_tel)
{
	static const char *const good[] = {"tel:+15551234;phone-context=x", "TEL:+1-555.(12)34", "tel:7042;phone-context=example.com",
					   "tel:*#aF;isub=1;x"};
	static const char *const bad[] = {"tel:", "tel:+", "tel:-", "tel:+12a", "tel:12;", "tel:12;=x", "tel:12?x", "tel:1 2", "tel:+1;a=\r\n"};
	struct sip_uri u;
	size_t at;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		cr_expect_eq(sip_tel_parse(str_of(good[i]), &u, &at), 0, "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cr_expect_eq(sip_tel_parse(str_of(bad[i]), &u, &at), ERR_SYNTAX, "%s", bad[i]);
		cr_expect_leq(at, strlen(bad[i]));
	}
	cr_expect_eq(sip_tel_parse(STR("sip:x"), &u, &at), ERR_UNSUPPORTED);
	cr_expect_eq(sip_tel_parse(STR("tel:+15551234;phone-context=x"), &u, &at), 0);
	expect_text(u.user, "+15551234");
	expect_text(u.params, ";phone-context=x");
	cr_expect_eq(u.host.n, 0u);
}

static bool tel_eq(const char *a, const char *b)
{
	struct sip_uri u, v;
	size_t at;

	cr_assert_eq(sip_tel_parse(str_of(a), &u, &at), 0);
	cr_assert_eq(sip_tel_parse(str_of(b), &v, &at), 0);
	cr_assert_eq(sip_tel_eq(&u, &v), sip_tel_eq(&v, &u));
	return sip_tel_eq(&u, &v);
}

/* RFC 3966 section 4 */
Test(sip_values, tel_equality)
{
	cr_expect(tel_eq("tel:+1-555-0100", "tel:+1(555)0100"));
	cr_expect(tel_eq("tel:ab;A=1;b", "tel:AB;b;a=1"));
	cr_expect(tel_eq("tel:7;phone-context=+1-2", "tel:7;phone-context=+12"));
	cr_expect_not(tel_eq("tel:+1555", "tel:1555"));
	cr_expect_not(tel_eq("tel:+1555", "tel:+15550"));
	cr_expect_not(tel_eq("tel:7;phone-context=a", "tel:7;phone-context=b"));
	cr_expect_not(tel_eq("tel:7;a=1", "tel:7"));
}

/* C063 */
Test(sip_values, c063_a_challenge)
{
	struct str scheme, list;
	struct sip_param p;
	int err;

	cr_assert_eq(sip_scheme_cut(STR("Digest realm=\"a, \\\"b\", , nonce = \"n\",\r\n algorithm=MD5 , q=a=="), &scheme, &list), 0);
	expect_text(scheme, "Digest");
	cr_assert(sip_scheme_param_next(&list, &p, &err));
	expect_text(p.name, "realm");
	expect_text(p.value, "a, \\\"b");
	cr_assert(sip_scheme_param_next(&list, &p, &err));
	expect_text(p.value, "n");
	cr_assert(sip_scheme_param_next(&list, &p, &err));
	expect_text(p.value, "MD5");
	cr_assert(sip_scheme_param_next(&list, &p, &err));
	expect_text(p.value, "a==");
	cr_expect_not(sip_scheme_param_next(&list, &p, &err));
	cr_expect_eq(err, 0);
	cr_expect_eq(sip_scheme_cut(STR(""), &scheme, &list), ERR_SYNTAX);
	cr_expect_eq(sip_scheme_cut(STR("Digest\"x"), &scheme, &list), ERR_SYNTAX);
}

Test(sip_values, lists_that_are_none)
{
	static const char *const bad[] = {"a", "a=", "=b", "a=\"b", "a=\"b\" c", "a=b c", "a b=c", "a=,b=c"};
	struct sip_param p;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct str list = str_of(bad[i]);
		int err;

		while (sip_scheme_param_next(&list, &p, &err))
			;
		cr_expect_eq(err, ERR_SYNTAX, "%s", bad[i]);
	}
}

/* C064: quotes around a realm of digits, none around algorithm and, in credentials, qop and nc */
Test(sip_values, c064_quotes)
{
	static const struct {
		const char *name, *value;
		bool credentials;
		const char *text; /* NULL: ERR_SYNTAX */
	} rows[] = {
		{"realm", "1234", true, "realm=\"1234\""}, {"realm", "a\"b\\", true, "realm=\"a\\\"b\\\\\""},
		{"algorithm", "MD5", true, "algorithm=MD5"}, {"qop", "auth", true, "qop=auth"},
		{"qop", "auth,auth-int", false, "qop=\"auth,auth-int\""}, {"nc", "00000001", true, "nc=00000001"},
		{"stale", "TRUE", false, "stale=TRUE"}, {"algorithm", "a b", true, NULL}, {"a b", "c", true, NULL},
		{"opaque", "", false, "opaque=\"\""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b = buf_of(area, sizeof area);
		int err = sip_put_scheme_param(&b, str_of(rows[i].name), str_of(rows[i].value), rows[i].credentials);

		cr_expect_eq(err, rows[i].text != NULL ? 0 : ERR_SYNTAX, "%zu", i);
		if (rows[i].text != NULL)
			expect_text(buf_str(&b), rows[i].text);
	}
}

Test(sip_values, parameters_and_escapes)
{
	struct buf b = buf_of(area, sizeof area);

	cr_expect_eq(sip_put_param(&b, STR("tag"), STR("a1")), 0);
	cr_expect_eq(sip_put_param(&b, STR("lr"), STR("")), 0);
	cr_expect_eq(sip_put_param(&b, STR("received"), STR("[2001:db8::1]")), 0);
	cr_expect_eq(sip_put_param(&b, STR("x"), STR("a;\"b")), 0);
	cr_expect_eq(sip_put_param(&b, STR("a b"), STR("c")), ERR_SYNTAX);
	expect_text(buf_str(&b), ";tag=a1;lr;received=[2001:db8::1];x=\"a;\\\"b\"");

	b = buf_of(area, sizeof area);
	sip_put_escaped(&b, (struct str){"a b@\0%;", 7}, SIP_PART_USER);
	expect_text(buf_str(&b), "a%20b%40%00%25;");
	b = buf_of(area, sizeof area);
	sip_put_escaped(&b, STR("a=;:"), SIP_PART_PARAM);
	sip_put_escaped(&b, STR("&=?"), SIP_PART_HEADER);
	expect_text(buf_str(&b), "a%3D%3B:%26%3D?");
	b = buf_of(area, sizeof area);
	sip_put_unescaped(&b, STR("%61%2541%4"));
	expect_text(buf_str(&b), "a%41%4");
}

static int put(struct sip_uri u, const char *wanted)
{
	struct buf b = buf_of(area, sizeof area);
	int err = sip_put_uri(&b, &u);

	if (err == 0)
		expect_text(buf_str(&b), wanted);
	return err;
}

/* No part brings others of its own. */
Test(sip_values, uris_are_what_they_are_made_of)
{
	const struct str sip = STR("sip"), a = STR("alice"), h = STR("example.com");

	cr_expect_eq(put((struct sip_uri){.scheme = sip, .host = h}, "sip:example.com"), 0);
	cr_expect_eq(put((struct sip_uri){.scheme = STR("sips"), .user = a, .host = STR("::1"), .host_is_v6 = true, .port = 5070,
					  .params = STR(";lr"), .headers = STR("a=b")},
			 "sips:alice@[::1]:5070;lr?a=b"), 0);
	cr_expect_eq(put((struct sip_uri){.scheme = STR("tel"), .user = STR("+1-5"), .params = STR(";x=y")}, "tel:+1-5;x=y"), 0);
	cr_expect_eq(put((struct sip_uri){.scheme = sip, .user = STR("a@b"), .host = h}, ""), ERR_SYNTAX);
	cr_expect_eq(put((struct sip_uri){.scheme = sip, .host = STR("h:1")}, ""), ERR_SYNTAX);
	cr_expect_eq(put((struct sip_uri){.scheme = sip, .host = STR("a@b")}, ""), ERR_SYNTAX);
	cr_expect_eq(put((struct sip_uri){.scheme = sip, .host = h, .params = STR(";a?b")}, ""), ERR_SYNTAX);
	cr_expect_eq(put((struct sip_uri){.scheme = sip, .host = h, .params = STR("lr")}, ""), ERR_SYNTAX);
	cr_expect_eq(put((struct sip_uri){.scheme = sip, .host = STR("")}, ""), ERR_SYNTAX);
	cr_expect_eq(put((struct sip_uri){.scheme = STR("http"), .host = h}, ""), ERR_SYNTAX);
	cr_expect_eq(put((struct sip_uri){.scheme = STR("tel"), .user = STR("1;x")}, ""), ERR_SYNTAX);
	cr_expect_eq(put((struct sip_uri){.scheme = STR("tel"), .user = STR("1"), .host = h}, ""), ERR_SYNTAX);
}

/* C057, C059, C061 */
Test(sip_values, c059_addresses_and_vias)
{
	struct buf b = buf_of(area, sizeof area);
	struct sip_nameaddr n = {.display = STR("Bob \"x\""), .uri = STR("sip:b@c;x=y"), .params = STR(";tag=1")};
	struct sip_via v = {.transport = STR("UDP"), .host = STR("[::1]"), .port = 5060, .params = STR(";rport;branch=z9hG4bKa")};

	cr_expect_eq(sip_put_nameaddr(&b, &n), 0);
	expect_text(buf_str(&b), "\"Bob \\\"x\\\"\" <sip:b@c;x=y>;tag=1");
	n.uri = STR("sip:b>;tag=2");
	cr_expect_eq(sip_put_nameaddr(&b, &n), ERR_SYNTAX);
	n.uri = STR("sip:b@c");
	n.params = STR(";a\r\n;b");
	cr_expect_eq(sip_put_nameaddr(&b, &n), ERR_SYNTAX);
	n.params = STR("tag=1");
	cr_expect_eq(sip_put_nameaddr(&b, &n), ERR_SYNTAX);

	b = buf_of(area, sizeof area);
	cr_expect_eq(sip_put_via(&b, &v), 0);
	expect_text(buf_str(&b), "SIP/2.0/UDP [::1]:5060;rport;branch=z9hG4bKa");
	v.host = STR("a;b");
	cr_expect_eq(sip_put_via(&b, &v), ERR_SYNTAX);
	v.host = STR("a\r\n");
	cr_expect_eq(sip_put_via(&b, &v), ERR_SYNTAX);
	v.host = STR("a");
	v.transport = STR("U P");
	cr_expect_eq(sip_put_via(&b, &v), ERR_SYNTAX);
}
