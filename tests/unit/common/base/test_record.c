/* test_record.c - mirrors common/base/record.c */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/record.h"

struct before {
	uint32_t a, b;
};

struct now {
	uint32_t a, b, c;
};

static size_t write(char *area, size_t cap, const void *p, size_t n)
{
	struct buf b = buf_of(area, cap);

	record_put(&b, p, n);
	return buf_ok(&b) ? b.n : 0;
}

Test(base_record, the_same_build_reads_what_it_wrote)
{
	struct now in = {1, 2, 3}, out = {9, 9, 9};
	char area[64];
	struct str s = {area, write(area, sizeof area, &in, sizeof in)};

	cr_assert_eq(record_take(&s, &out, sizeof out, sizeof(struct before)), 0);
	cr_expect_eq(memcmp(&in, &out, sizeof in), 0);
	cr_expect_eq(s.n, 0u);
}

Test(base_record, what_an_older_build_did_not_know_is_zero)
{
	struct before in = {1, 2};
	struct now out = {9, 9, 9};
	char area[64];
	struct str s = {area, write(area, sizeof area, &in, sizeof in)};

	cr_assert_eq(record_take(&s, &out, sizeof out, sizeof in), 0);
	cr_expect_eq(out.a, 1u);
	cr_expect_eq(out.b, 2u);
	cr_expect_eq(out.c, 0u);
}

Test(base_record, what_a_newer_build_added_is_skipped)
{
	struct now first = {1, 2, 3}, second = {4, 5, 6};
	struct before out;
	char area[64];
	struct buf b = buf_of(area, sizeof area);
	struct str s;

	record_put(&b, &first, sizeof first);
	record_put(&b, &second, sizeof second);
	s = buf_str(&b);
	cr_assert_eq(record_take(&s, &out, sizeof out, sizeof out), 0);
	cr_expect_eq(out.b, 2u);
	cr_assert_eq(record_take(&s, &out, sizeof out, sizeof out), 0, "the next part begins where it should");
	cr_expect_eq(out.a, 4u);
	cr_expect_eq(out.b, 5u);
}

Test(base_record, a_part_nobody_wrote)
{
	struct now out = {9, 9, 9}, zero = {0, 0, 0};
	struct str none = {NULL, 0}, text = STR("x");

	cr_assert_eq(record_take(&none, &out, sizeof out, 0), 0);
	cr_expect_eq(memcmp(&out, &zero, sizeof out), 0);
	cr_expect_eq(record_take(&none, &out, sizeof out, 1), ERR_CORRUPT);
	cr_assert_eq(record_take_str(&none, 8, &text), 0);
	cr_expect_eq(text.n, 0u);
}

Test(base_record, every_cut_is_noticed)
{
	struct before in = {1, 2};
	char area[64];
	size_t n = write(area, sizeof area, &in, sizeof in);

	for (size_t cut = 1; cut < n; cut++) {
		char *exact = malloc(cut);
		struct str s = {exact, cut}, text;
		struct before out;

		memcpy(exact, area, cut);
		cr_expect_eq(record_take(&s, &out, sizeof out, 0), ERR_CORRUPT, "cut %zu", cut);
		s = (struct str){exact, cut};
		cr_expect_eq(record_take_str(&s, 64, &text), ERR_CORRUPT, "cut %zu", cut);
		free(exact);
	}
}

Test(base_record, sizes_that_lie)
{
	uint32_t sizes[] = {5, 0x7fffffff, UINT32_MAX};
	char area[8] = {0};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct str s = {area, sizeof area}, text;

		memcpy(area, &sizes[i], sizeof sizes[i]);
		cr_expect_eq(record_take_str(&s, SIZE_MAX, &text), ERR_CORRUPT);
	}
}

Test(base_record, limits)
{
	char area[12], text[8] = "12345678";
	struct buf b = buf_of(area, sizeof area);
	struct str s, out;

	record_put(&b, text, sizeof text);
	cr_assert(buf_ok(&b), "to the last octet");
	s = buf_str(&b);
	cr_expect_eq(record_take_str(&s, 7, &out), ERR_CORRUPT);
	s = buf_str(&b);
	cr_assert_eq(record_take_str(&s, 8, &out), 0);
	cr_expect(str_eq(out, (struct str){text, 8}));
	record_put(&b, "", 0);
	cr_expect_not(buf_ok(&b), "not even its size fits");
}
