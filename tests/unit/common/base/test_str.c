/* test_str.c - mirrors common/base/str.c */
#include <criterion/criterion.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define EXPECT_STR(got, want)                                                            \
	cr_expect(str_eq(got, str_of(want)), "got '%.*s', want '%s'", (int)(got).n,      \
		  (got).p != NULL ? (got).p : "", want)

Test(base_str, equality)
{
	static const struct {
		const char *a, *b;
		bool eq, ieq;
	} cases[] = {
		{"", "", true, true},
		{"via", "via", true, true},
		{"Via", "vIA", false, true},
		{"via", "vi", false, false},
		{"az", "AZ", false, true},
		{"@[`{", "`{@[", false, false}, /* the neighbours of the letters */
		{"\xc4", "\xe4", false, false}, /* ASCII only */
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct str a = str_of(cases[i].a), b = str_of(cases[i].b);

		cr_expect_eq(str_eq(a, b), cases[i].eq, "%s %s", cases[i].a, cases[i].b);
		cr_expect_eq(str_ieq(a, b), cases[i].ieq, "%s %s", cases[i].a,
			     cases[i].b);
		cr_expect_eq(str_ieq(b, a), cases[i].ieq, "%s %s", cases[i].b,
			     cases[i].a);
	}
	cr_expect(str_eq((struct str){"a\0b", 3}, (struct str){"a\0b", 3}));
	cr_expect_not(str_eq((struct str){"a\0b", 3}, (struct str){"a\0c", 3}));
	cr_expect(str_eq(str_of(NULL), STR("")));
}

Test(base_str, of)
{
	cr_expect_eq(str_of(NULL).n, 0u);
	cr_expect_eq(str_of("abc").n, 3u);
	cr_expect_eq(STR("abc").n, 3u);
}

Test(base_str, cut)
{
	static const struct {
		const char *in, *before, *rest;
	} cases[] = {
		{"a=b", "a", "b"}, {"a=b=c", "a", "b=c"}, {"=b", "", "b"},
		{"a=", "a", ""},   {"ab", "ab", ""},      {"", "", ""},
	};
	struct str rest;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct str before = str_cut(str_of(cases[i].in), '=', &rest);

		EXPECT_STR(before, cases[i].before);
		EXPECT_STR(rest, cases[i].rest);
	}
	cr_expect_eq(str_cut((struct str){NULL, 0}, '=', &rest).n, 0u);
	cr_expect_eq(rest.n, 0u);
}

Test(base_str, cut_may_write_over_its_input)
{
	struct str s = STR("a,b,c");

	EXPECT_STR(str_cut(s, ',', &s), "a");
	EXPECT_STR(str_cut(s, ',', &s), "b");
	EXPECT_STR(str_cut(s, ',', &s), "c");
	cr_expect_eq(s.n, 0u);
}

Test(base_str, trim)
{
	EXPECT_STR(str_trim(STR("  a b\t\r\n")), "a b");
	EXPECT_STR(str_trim(STR(" \t\r\n")), "");
	EXPECT_STR(str_trim(STR("")), "");
	EXPECT_STR(str_trim(STR("\v a")), "\v a"); /* only what SIP calls white space */
}

Test(base_str, prefix)
{
	cr_expect(str_has_prefix(STR("sip:a"), STR("sip:")));
	cr_expect(str_has_prefix(STR("sip:"), STR("sip:")));
	cr_expect(str_has_prefix(STR("x"), STR("")));
	cr_expect(str_has_prefix(str_of(NULL), str_of(NULL)));
	cr_expect_not(str_has_prefix(STR("sip"), STR("sip:")));
	cr_expect_not(str_has_prefix(STR("tel:a"), STR("sip:")));
}

Test(base_str, copy)
{
	char dst[4] = {'x', 'x', 'x', 'x'};

	cr_expect_eq(str_copy(dst, sizeof dst, STR("abc")), 0);
	cr_expect_str_eq(dst, "abc");
	cr_expect_eq(str_copy(dst, sizeof dst, STR("abcd")), ERR_NOSPC);
	cr_expect_str_eq(dst, "");
	cr_expect_eq(str_copy(dst, sizeof dst, str_of(NULL)), 0);
	cr_expect_str_eq(dst, "");

	dst[0] = 'y';
	cr_expect_eq(str_copy(dst, 0, STR("")), ERR_NOSPC);
	cr_expect_eq(dst[0], 'y');
}
