/* test_nameaddr.c - mirrors signaling/sip/nameaddr.c */
#include <criterion/criterion.h>

#include "signaling/sip/nameaddr.h"

/* clang-format off */
static const struct {
	const char *in;
	int ret;
	const char *display, *uri, *tag;
} cases[] = {
	{"\"Alice\" <sip:a@b>;tag=abc",       0, "Alice", "sip:a@b", "abc"}, /* C057 */
	{"Alice <sip:a@b>;tag=abc",           0, "Alice", "sip:a@b", "abc"}, /* C057 */
	{"Alice B. Cee <sip:a@b>",            0, "Alice B. Cee", "sip:a@b", ""},
	{"<sip:a@b>;tag=abc",                 0, "", "sip:a@b", "abc"},      /* C057 */
	{"sip:a@b;tag=abc",                   0, "", "sip:a@b", "abc"},      /* C057 */
	{"sip:a@b",                           0, "", "sip:a@b", ""},
	{"caller<sip:a@b>;tag=323",           0, "caller", "sip:a@b", "323"}, /* C009 */
	{"\"A <b>\" <sip:x@y>;tag=1",         0, "A <b>", "sip:x@y", "1"},   /* C058 */
	{"\"Bob \\\"x\\\"\" <sip:x@y>",       0, "Bob \\\"x\\\"", "sip:x@y", ""}, /* C059 */
	{"\"a\\\\\" <sip:x@y>",               0, "a\\\\", "sip:x@y", ""},
	{"<sip:a@b>;x=\"p;q\";tag=1",         0, "", "sip:a@b", "1"},        /* C060 */
	{"\"\" <sip:a@b;tag=no>;tag=yes",     0, "", "sip:a@b;tag=no", "yes"},
	{"<sip:a@b?x=y>",                     0, "", "sip:a@b?x=y", ""},
	{" \r\n \"A\"\r\n\t<sip:a@b>\r\n ;\r\n tag = 1 ", 0, "A", "sip:a@b", "1"},
	{"<tel:+1234>",                       0, "", "tel:+1234", ""},
	{"<sip:a@b>;TAG=x",                   0, "", "sip:a@b", "x"},

	{"",                                  ERR_SYNTAX, 0, 0, 0},
	{"<>",                                ERR_SYNTAX, 0, 0, 0},
	{"<sip:a@b",                          ERR_SYNTAX, 0, 0, 0},
	{"\"Alice <sip:a@b>",                 ERR_SYNTAX, 0, 0, 0},
	{"\"Alice\\\" <sip:a@b>",             ERR_SYNTAX, 0, 0, 0},
	{"Bell, A <sip:a@b>",                 ERR_SYNTAX, 0, 0, 0},
	{"\"A\" B <sip:a@b>",                 ERR_SYNTAX, 0, 0, 0},
	{"< sip:a@b>",                        ERR_SYNTAX, 0, 0, 0},
	{"<sip:a@b >",                        ERR_SYNTAX, 0, 0, 0},
	{"<sip:a\"@b>",                       ERR_SYNTAX, 0, 0, 0},
	{"<sip:a<@b>",                        ERR_SYNTAX, 0, 0, 0},
	{"alice",                             ERR_SYNTAX, 0, 0, 0},
	{":a",                                ERR_SYNTAX, 0, 0, 0},
	{"sip:a@b?x=y",                       ERR_SYNTAX, 0, 0, 0},
	{"sip:a,b@c",                         ERR_SYNTAX, 0, 0, 0},
	{"<sip:a@b> junk",                    ERR_SYNTAX, 0, 0, 0},
	{"<sip:a@b>;;tag=1",                  ERR_SYNTAX, 0, 0, 0},
	{"<sip:a@b>;tag=",                    ERR_SYNTAX, 0, 0, 0},
	{"<sip:a@b>;tag",                     ERR_SYNTAX, 0, 0, 0},
	{"<sip:a@b>;tag=\"1\"2",              ERR_SYNTAX, 0, 0, 0},
	{"<sip:a@b>;tag=\"a;b\"",             ERR_SYNTAX, 0, 0, 0},
	{"<sip:a@b>;tag=1;tag=2",             ERR_SYNTAX, 0, 0, 0},
};
/* clang-format on */

Test(sip_nameaddr, parses_the_table)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sip_nameaddr a = {.tag = STR("untouched")};
		int ret = sip_nameaddr_parse(str_of(cases[i].in), &a);

		cr_expect_eq(ret, cases[i].ret, "%s: %d", cases[i].in, ret);
		if (cases[i].ret != 0) {
			cr_expect(str_eq(a.tag, STR("untouched")), "%s", cases[i].in);
			continue;
		}
		cr_expect(str_eq(a.display, str_of(cases[i].display)), "%s: %.*s",
			  cases[i].in, (int)a.display.n, a.display.p);
		cr_expect(str_eq(a.uri, str_of(cases[i].uri)), "%s", cases[i].in);
		cr_expect(str_eq(a.tag, str_of(cases[i].tag)), "%s", cases[i].in);
	}
}

Test(sip_nameaddr, nul_in_the_uri)
{
	struct sip_nameaddr a;

	cr_expect_eq(sip_nameaddr_parse(STR("<sip:a\0@b>"), &a), ERR_SYNTAX);
	cr_expect_eq(sip_nameaddr_parse(STR("<sip:a@b>;tag=a\0b"), &a), ERR_SYNTAX);
}

/* S20: what a backend gets to see of a name */
Test(sip_nameaddr, s20_display_names_are_read_as_meant)
{
	const struct {
		struct str in;
		const char *out;
	} rows[] = {
		{STR("John \\\"The Duke\\\" W\\\\ayne"), "John \"The Duke\" W\\ayne"},
		{STR("Alice"), "Alice"},
		{STR(""), ""},
		{STR("J\xc3\xbcrgen"), "J\xc3\xbcrgen"},
		{STR("\\A\\1"), "A1"},
		{STR("folded\r\n  name"), "folded name"},
		{STR("a\n\tb \r\n c"), "a b  c"},
		{STR("escaped\\\r\\\nends"), "escapedends"},
		{STR("bell\a\x7f\0del"), "belldel"},
		{STR("\\\0nul"), "nul"},
		{STR("last\\"), "last\\"},
		{STR("1234567890123456789012345678901"), "1234567890123456789012345678901"},
		{STR("12345678901234567890123456789012"), "1234567890123456789012345678901"},
		{STR("123456789012345678901234567890\\\""), "123456789012345678901234567890\""},
		{STR("1234567890123456789012345678901\\\""), "1234567890123456789012345678901"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char to[32];

		memset(to, 'x', sizeof to);
		sip_display_copy(to, sizeof to, rows[i].in);
		cr_expect_str_eq(to, rows[i].out, "%zu: %s", i, to);
	}
}

/* S1: where only the URI is used, nothing behind it is looked at */
Test(sip_nameaddr, s1_the_uri_alone)
{
	static const struct {
		const char *in, *uri; /* NULL: ERR_SYNTAX */
	} rows[] = {
		{"<sip:a@b>;", "sip:a@b"},
		{"\"A <x>\" <sip:a@b> ;;;=,", "sip:a@b"},
		{"sip:a@b", "sip:a@b"},
		{" sip:a@b ;;", "sip:a@b"},
		{"Al ice<sip:a@b>\r\n ;", "sip:a@b"},
		{"<sip:a@b> x", NULL},
		{"sip:a@b x", NULL},
		{"sip:a@b?c", NULL},
		{"sip:a@b,c", NULL},
		{"<sip:a@b", NULL},
		{"<a>", NULL},
		{"<>", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct str uri = STR("same");
		int err = sip_nameaddr_uri(str_of(rows[i].in), &uri);

		cr_expect_eq(err, rows[i].uri != NULL ? 0 : ERR_SYNTAX, "%s", rows[i].in);
		cr_expect(str_eq(uri, rows[i].uri != NULL ? str_of(rows[i].uri) : STR("same")),
			  "%s: %.*s", rows[i].in, (int)uri.n, uri.p);
	}
}
