/* test_said.c - mirrors control/daemon/said.c: header lines of a backend, as rows of a message again. */
#include <criterion/criterion.h>
#include <string.h>

#include "control/daemon/said.h"

static struct said said;
static struct said_rows rows;

static Tipring__V1__Header header(const char *name, const char *value)
{
	Tipring__V1__Header h = TIPRING__V1__HEADER__INIT;

	h.name = (char *)(uintptr_t)name;
	h.value = (char *)(uintptr_t)value;
	return h;
}

Test(said, comes_back_for_its_purpose)
{
	Tipring__V1__Header a = header("X-Room", "7"), b = header("x-ODD", ""), *both[] = {&a, &b};

	cr_assert_eq(said_take(&said, SAID_ANSWER, both, 2), 0u);
	cr_expect_eq(said_fill(&said, SAID_RING, &rows), 0u);
	cr_assert_eq(said_fill(&said, SAID_ANSWER, &rows), 2u);
	cr_expect_str_eq(rows.rows[0]->name, "X-Room");
	cr_expect_str_eq(rows.rows[0]->value, "7");
	cr_expect_str_eq(rows.rows[1]->name, "x-ODD");
	cr_expect_str_eq(rows.rows[1]->value, "");
	cr_assert_eq(said_take(&said, SAID_END, NULL, 0), 0u);
	cr_expect_eq(said_fill(&said, SAID_ANSWER, &rows), 0u, "the last ones go");
}

Test(said, as_many_as_there_is_room_for)
{
	static char value[SAID_BYTES_MAX];
	Tipring__V1__Header one = header("X-A", "b"), *many[SAID_HEADERS_MAX + 2];

	for (size_t i = 0; i < SAID_HEADERS_MAX + 2; i++)
		many[i] = &one;
	cr_expect_eq(said_take(&said, SAID_END, many, SAID_HEADERS_MAX), 0u);
	cr_expect_eq(said_take(&said, SAID_END, many, SAID_HEADERS_MAX + 2), 2u);
	cr_expect_eq(said_fill(&said, SAID_END, &rows), SAID_HEADERS_MAX);
	memset(value, 'v', sizeof value - 5);
	one = header("X-A", value);
	cr_expect_eq(said_take(&said, SAID_END, many, 1), 0u, "exactly full");
	value[sizeof value - 5] = 'v';
	cr_expect_eq(said_take(&said, SAID_END, many, 1), 1u);
}
