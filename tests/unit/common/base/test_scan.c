/* test_scan.c - mirrors common/base/scan.c */
#include <criterion/criterion.h>

#include "common/base/scan.h"

/* Results of one call: what it took, the error, and what is left. */
struct result {
	struct str text;
	uint64_t number;
};

typedef struct result call_fn(struct scan *s);

static scan_set list_ends = {[';'] = 1, [','] = 1};

static struct result call_ws(struct scan *s)
{
	scan_ws(s);
	return (struct result){.number = 0};
}

static struct result call_ws1(struct scan *s)
{
	scan_ws1(s);
	return (struct result){.number = 0};
}

static struct result call_u32(struct scan *s)
{
	return (struct result){.number = scan_u32(s)};
}

static struct result call_u64(struct scan *s)
{
	return (struct result){.number = scan_u64(s)};
}

static struct result call_token(struct scan *s)
{
	return (struct result){.text = scan_token(s)};
}

static struct result call_end(struct scan *s)
{
	scan_end(s);
	return (struct result){.number = 0};
}

static struct result call_char(struct scan *s)
{
	scan_char(s, ';');
	return (struct result){.number = 0};
}

static struct result call_try(struct scan *s)
{
	return (struct result){.number = scan_try_char(s, ';')};
}

static struct result call_until(struct scan *s)
{
	return (struct result){.text = scan_until(s, list_ends)};
}

static struct result call_until_char(struct scan *s)
{
	return (struct result){.text = scan_until_char(s, ';')};
}

static struct result call_quoted(struct scan *s)
{
	return (struct result){.text = scan_quoted(s)};
}

static struct result call_rest(struct scan *s)
{
	return (struct result){.text = scan_rest(s)};
}

/* clang-format off */
static const struct {
	call_fn *call;
	const char *in;
	int err;
	const char *text; /* taken */
	uint64_t number;
	const char *left; /* NULL: an error, the place is not promised */
} cases[] = {
	{call_ws,     " \t x",        0, "", 0, "x"},
	{call_ws,     "x",            0, "", 0, "x"},
	{call_ws,     "\r\n",         0, "", 0, "\r\n"}, /* folding is undone before */
	{call_ws,     "",             0, "", 0, ""},
	{call_ws1,    "  x",          0, "", 0, "x"},
	{call_ws1,    "x",            ERR_SYNTAX, "", 0, NULL},
	{call_ws1,    "",             ERR_SYNTAX, "", 0, NULL},

	{call_u32,    "0",            0, "", 0, ""},
	{call_u32,    "007x",         0, "", 7, "x"},
	{call_u32,    "4294967295",   0, "", UINT32_MAX, ""},
	{call_u32,    "4294967296",   ERR_RANGE, "", 0, NULL},
	{call_u32,    "99999999999999999999999999", ERR_RANGE, "", 0, NULL},
	{call_u32,    "-1",           ERR_SYNTAX, "", 0, NULL},
	{call_u32,    "+1",           ERR_SYNTAX, "", 0, NULL},
	{call_u32,    " 1",           ERR_SYNTAX, "", 0, NULL},
	{call_u32,    "",             ERR_SYNTAX, "", 0, NULL},
	{call_u64,    "18446744073709551615 ", 0, "", UINT64_MAX, " "},
	{call_u64,    "18446744073709551616",  ERR_RANGE, "", 0, NULL},
	{call_u64,    "184467440737095516150", ERR_RANGE, "", 0, NULL},
	{call_u64,    "x",            ERR_SYNTAX, "", 0, NULL},
	{call_u64,    "",             ERR_SYNTAX, "", 0, NULL},

	{call_token,  "INVITE sip",   0, "INVITE", 0, " sip"},
	{call_token,  "aZ09-.!%*_+`'~;", 0, "aZ09-.!%*_+`'~", 0, ";"}, /* RFC 3261 25.1 */
	{call_token,  "a@b",          0, "a", 0, "@b"},
	{call_token,  "a\xc3\xa4",    0, "a", 0, "\xc3\xa4"},
	{call_token,  "\"a\"",        ERR_SYNTAX, "", 0, NULL},
	{call_token,  "",             ERR_SYNTAX, "", 0, NULL},

	{call_end,    "",             0, "", 0, ""},
	{call_end,    " ",            ERR_SYNTAX, "", 0, NULL},

	{call_char,   ";x",           0, "", 0, "x"},
	{call_char,   "x",            ERR_SYNTAX, "", 0, NULL},
	{call_char,   "",             ERR_SYNTAX, "", 0, NULL},
	{call_try,    ";;",           0, "", 1, ";"},
	{call_try,    "x;",           0, "", 0, "x;"},
	{call_try,    "",             0, "", 0, ""},

	{call_until,  "ab;c",         0, "ab", 0, ";c"},
	{call_until,  "ab,c;",        0, "ab", 0, ",c;"},
	{call_until,  ";",            0, "", 0, ";"},
	{call_until,  "abc",          0, "abc", 0, ""},
	{call_until,  "",             0, "", 0, ""},
	{call_until_char, "ab,c;d;",  0, "ab,c", 0, ";d;"},
	{call_until_char, ";",        0, "", 0, ";"},
	{call_until_char, "abc",      0, "abc", 0, ""},
	{call_until_char, "",         0, "", 0, ""},

	{call_quoted, "\"a b\" <",    0, "a b", 0, " <"},
	{call_quoted, "\"\"",         0, "", 0, ""},
	{call_quoted, "\"a\\\"b\"c",  0, "a\\\"b", 0, "c"},
	{call_quoted, "\"a\\\\\"c",   0, "a\\\\", 0, "c"},
	{call_quoted, "\"a\\\\\\\"c", ERR_SYNTAX, "", 0, NULL}, /* the last quote is escaped */
	{call_quoted, "\"a",          ERR_SYNTAX, "", 0, NULL},
	{call_quoted, "\"a\\",        ERR_SYNTAX, "", 0, NULL},
	{call_quoted, "\"",           ERR_SYNTAX, "", 0, NULL},
	{call_quoted, "a\"",          ERR_SYNTAX, "", 0, NULL},
	{call_quoted, "",             ERR_SYNTAX, "", 0, NULL},

	{call_rest,   "a;b",          0, "a;b", 0, ""},
	{call_rest,   "",             0, "", 0, ""},
};
/* clang-format on */

#define CASES (sizeof cases / sizeof cases[0])

Test(base_scan, table)
{
	for (size_t i = 0; i < CASES; i++) {
		struct scan s = scan_of(str_of(cases[i].in));
		struct result r = cases[i].call(&s);

		cr_expect_eq(s.err, cases[i].err, "row %zu '%s'", i, cases[i].in);
		cr_expect(str_eq(r.text, str_of(cases[i].text)), "row %zu '%s'", i,
			  cases[i].in);
		cr_expect_eq(r.number, cases[i].number, "row %zu '%s'", i, cases[i].in);
		cr_expect(s.p <= s.end, "row %zu '%s'", i, cases[i].in);
		if (cases[i].left != NULL)
			cr_expect_str_eq(s.p, cases[i].left, "row %zu", i);
	}
}

/* Each row once more on a copy of exact size, so that the sanitizer sees an over-read. */
Test(base_scan, never_reads_past_the_end)
{
	for (size_t i = 0; i < CASES; i++) {
		size_t n = strlen(cases[i].in);
		char *exact = malloc(n > 0 ? n : 1);
		struct scan s = scan_of((struct str){exact, n});

		memcpy(exact, cases[i].in, n);
		cases[i].call(&s);
		cr_expect_eq(s.err, cases[i].err, "row %zu", i);
		free(exact);
	}
}

Test(base_scan, an_error_stays_and_stops_everything)
{
	for (size_t i = 0; i < CASES; i++) {
		struct scan s = scan_of(STR("; 1a\"b\""));
		const char *p = s.p;
		struct result r;

		s.err = ERR_RANGE;
		r = cases[i].call(&s);
		cr_expect_eq(s.err, ERR_RANGE, "row %zu", i);
		cr_expect_eq(s.p, p, "row %zu", i);
		cr_expect_eq(r.text.n, 0u, "row %zu", i);
		cr_expect_eq(r.number, 0u, "row %zu", i);
		cr_expect_eq(scan_peek(&s), -1);
	}
}

Test(base_scan, peek)
{
	struct scan s = scan_of((struct str){"\xff\0", 2});

	cr_expect_eq(scan_peek(&s), 0xff);
	cr_expect(scan_try_char(&s, '\xff'));
	cr_expect_eq(scan_peek(&s), 0);
	cr_expect(scan_try_char(&s, '\0'));
	cr_expect_eq(scan_peek(&s), -1);
}

Test(base_scan, zero_octets_are_octets_like_others)
{
	struct scan s = scan_of((struct str){"a\0b;", 4});

	cr_expect_eq(scan_token(&s).n, 1u);
	cr_expect_eq(scan_until_char(&s, ';').n, 2u);
	scan_char(&s, ';');
	scan_end(&s);
	cr_expect_eq(s.err, 0);
}

Test(base_scan, of_nothing)
{
	struct scan s = scan_of(str_of(NULL));

	scan_ws(&s);
	cr_expect_eq(scan_until_char(&s, ';').n, 0u);
	cr_expect_eq(scan_rest(&s).n, 0u);
	scan_end(&s);
	cr_expect_eq(s.err, 0);
}
