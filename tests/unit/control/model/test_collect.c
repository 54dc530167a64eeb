/* test_collect.c - mirrors control/model/collect.c */
#include <criterion/criterion.h>
#include <string.h>

#include "control/model/collect.h"

static struct collect c;

static const char *type(const struct collect_wish *w, const char *keys)
{
	enum collect_end end = COLLECT_GOES_ON;

	collect_begin(&c, STR("c-1"), w, 1000);
	for (; *keys != '\0' && end == COLLECT_GOES_ON; keys++)
		end = collect_key(&c, *keys, 1000);
	return collect_end_name(end);
}

Test(collect, how_it_ends)
{
	static const struct {
		uint32_t max;
		const char *terminators, *keys, *digits, *end;
		uint32_t count;
	} cases[] = {
		{4, "#", "12#", "12", "terminator", 3},
		{4, "#", "1234", "1234", "max", 4},
		{4, "#*", "*", "", "terminator", 1},
		{4, "", "12#4", "12#4", "max", 4},
		{1, "#", "A", "A", "max", 1},
		{32, "#", "12", "12", "", 2},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct collect_wish w = {.max = cases[i].max, .terminators = str_of(cases[i].terminators)};

		cr_assert_null(collect_fault(&w));
		cr_expect_str_eq(type(&w, cases[i].keys), cases[i].end, "case %zu", i);
		cr_expect_str_eq(c.digits, cases[i].digits, "case %zu", i);
		cr_expect_eq(c.keys, cases[i].count, "case %zu", i);
	}
}

Test(collect, keys_up_to_the_cap)
{
	const struct collect_wish w = {.max = COLLECT_KEYS_MAX};
	char keys[COLLECT_KEYS_MAX + 1];

	memset(keys, '5', COLLECT_KEYS_MAX);
	keys[COLLECT_KEYS_MAX] = '\0';
	cr_expect_str_eq(type(&w, keys), "max");
	cr_expect_str_eq(c.digits, keys);
}

Test(collect, times)
{
	const struct collect_wish w = {.max = 4, .first_ms = 300, .next_ms = 200};

	collect_begin(&c, STR("c-1"), &w, 1000);
	cr_expect_eq(collect_tick(&c, 1299), COLLECT_GOES_ON);
	cr_expect_eq(collect_tick(&c, 1300), COLLECT_TIMEOUT_FIRST);
	cr_expect_eq(collect_key(&c, '1', 1250), COLLECT_GOES_ON);
	cr_expect_eq(collect_tick(&c, 1449), COLLECT_GOES_ON);
	cr_expect_eq(collect_tick(&c, 1450), COLLECT_TIMEOUT_NEXT);
}

Test(collect, no_times)
{
	const struct collect_wish w = {.max = 4};

	collect_begin(&c, STR("c-1"), &w, 1000);
	cr_expect_eq(collect_tick(&c, UINT64_MAX - 1), COLLECT_GOES_ON);
	(void)collect_key(&c, '1', 1000);
	cr_expect_eq(collect_tick(&c, UINT64_MAX - 1), COLLECT_GOES_ON);
}

Test(collect, another_one_knows_the_keys_of_the_last)
{
	const struct collect_wish w = {.max = 4};

	(void)type(&w, "12");
	c.number = 2;
	collect_begin(&c, STR("c-2"), &w, 2000);
	cr_expect(c.number == 2 && c.keys == 0 && c.digits[0] == '\0');
	cr_expect_str_eq(c.command, "c-2");
}

Test(collect, what_can_not_be)
{
	const struct collect_wish bad[] = {
		{.max = 0},
		{.max = COLLECT_KEYS_MAX + 1},
		{.max = 1, .terminators = STR("x")},
		{.max = 1, .terminators = STR("#w")},
		{.max = 1, .terminators = STR("0123456789*#ABCD0")},
		{.max = 1, .first_ms = COLLECT_WAIT_MAX_MS + 1},
		{.max = 1, .next_ms = COLLECT_WAIT_MAX_MS + 1},
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect_not_null(collect_fault(&bad[i]), "case %zu", i);
}
