/* test_rooms.c - mirrors control/model/rooms.c: which calls sit in which room. */
#include "control/model/rooms.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct rooms *r;

static void setup(void)
{
	r = calloc(1, sizeof *r);
}

static void teardown(void)
{
	free(r);
}

TestSuite(rooms, .init = setup, .fini = teardown);

Test(rooms, one_begins_with_its_first_member_and_ends_with_its_last)
{
	cr_expect_null(rooms_find(r, 7));
	cr_expect_null(rooms_find(r, 0), "a free row is no room");
	cr_assert_eq(rooms_enter(r, 7, 0, 100), 0);
	cr_assert_eq(rooms_enter(r, 7, 0, 101), 0);
	cr_assert_eq(rooms_enter(r, 7, 0, 101), 0, "said again");
	cr_assert_eq(rooms_find(r, 7)->count, 2u);
	cr_expect_eq(rooms_leave(r, 7, 100), 1u);
	cr_expect_eq(rooms_leave(r, 7, 100), 1u, "it had left");
	cr_expect_eq(rooms_find(r, 7)->calls[0], 101u);
	cr_expect_eq(rooms_leave(r, 7, 101), 0u);
	cr_expect_null(rooms_find(r, 7));
	cr_expect_eq(rooms_leave(r, 7, 101), 0u);
}

Test(rooms, lie_in_one_media_worker)
{
	cr_assert_eq(rooms_enter(r, 7, 1, 100), 0);
	cr_expect_eq(rooms_enter(r, 7, 0, 101), ERR_UNSUPPORTED);
	cr_expect_eq(rooms_admit(r, 7, 0, 1), ERR_UNSUPPORTED);
	cr_expect_eq(rooms_enter(r, 8, 0, 101), 0);
}

Test(rooms, have_a_cap_of_members)
{
	for (uint64_t i = 1; i <= ROOMS_MEMBERS_MAX; i++) {
		cr_expect_eq(rooms_admit(r, 7, 0, (uint32_t)(ROOMS_MEMBERS_MAX - i + 1)), 0);
		cr_expect_eq(rooms_admit(r, 7, 0, (uint32_t)(ROOMS_MEMBERS_MAX - i + 2)), ERR_NOSPC);
		cr_assert_eq(rooms_enter(r, 7, 0, i), 0);
	}
	cr_expect_eq(rooms_enter(r, 7, 0, 1000), ERR_NOSPC);
	cr_expect_eq(rooms_enter(r, 7, 0, 5), 0, "it is in it");
	cr_expect_eq(rooms_leave(r, 7, 5), ROOMS_MEMBERS_MAX - 1);
	cr_expect_eq(rooms_enter(r, 7, 0, 1000), 0);
}

Test(rooms, have_a_cap_themselves)
{
	for (uint64_t id = 1; id <= ROOMS_MAX; id++)
		cr_assert_eq(rooms_enter(r, id, 0, id), 0);
	cr_expect_eq(rooms_enter(r, 1000, 0, 1), ERR_NOSPC);
	cr_expect_eq(rooms_enter(r, 9, 0, 1000), 0, "those that are there have places");
	cr_expect_eq(rooms_leave(r, 17, 17), 0u);
	cr_expect_eq(rooms_enter(r, 1000, 0, 1), 0);
}

Test(rooms, are_named_by_the_command_that_makes_them)
{
	uint64_t id = rooms_id_of(str_of("bot"), 5, str_of("c-1"));

	cr_expect_neq(id, 0u);
	cr_expect_eq(rooms_id_of(str_of("bot"), 5, str_of("c-1")), id);
	cr_expect_neq(rooms_id_of(str_of("bot"), 5, str_of("c-2")), id);
	cr_expect_neq(rooms_id_of(str_of("bot"), 6, str_of("c-1")), id);
	cr_expect_neq(rooms_id_of(str_of("bo"), 5, str_of("tc-1")), id);
}
