/* test_statpage.c - mirrors common/shm/statpage.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/shm/statpage.h"

static const struct stat_row before[] = {
	{"requests", "requests received", STAT_COUNTER},
	{"legs", "legs that exist now", STAT_GAUGE},
	{"gone", "a row the next version has not", STAT_COUNTER},
};

static const struct stat_row after[] = {
	{"added", "a row the last version had not", STAT_COUNTER},
	{"legs", "legs that exist", STAT_GAUGE},
	{"requests", "requests received", STAT_COUNTER},
};

static struct statpage s;

static void open_page(void)
{
	cr_assert_eq(statpage_create("t", &s), 0);
}

static void close_page(void)
{
	statpage_close(&s);
}

TestSuite(shm_statpage, .init = open_page, .fini = close_page);

Test(shm_statpage, starts_empty)
{
	struct stat_value v;

	cr_expect_eq(s.count, 0u);
	cr_expect_eq(statpage_read(&s, 0, &v), ERR_NOENT);
}

Test(shm_statpage, another_process_reads_names_and_values)
{
	struct statpage view;
	struct stat_value v;

	cr_assert_eq(statpage_describe(&s, before, 3), 0);
	stat_add(&s, 0, 5);
	stat_add(&s, 0, 2);
	stat_set(&s, 1, 9);

	cr_assert_eq(statpage_adopt(dup(s.region.fd), false, &view), 0);
	cr_assert_eq(statpage_read(&view, 0, &v), 0);
	cr_expect_str_eq(v.name, "requests");
	cr_expect_str_eq(v.help, "requests received");
	cr_expect_eq(v.kind, STAT_COUNTER);
	cr_expect_eq(v.value, 7u);
	cr_assert_eq(statpage_read(&view, 1, &v), 0);
	cr_expect_eq(v.kind, STAT_GAUGE);
	cr_expect_eq(v.value, 9u);
	cr_expect_eq(statpage_read(&view, 3, &v), ERR_NOENT);
	cr_expect_eq(statpage_read(&view, UINT32_MAX, &v), ERR_NOENT);
	statpage_close(&view);
}

Test(shm_statpage, values_follow_their_names_across_a_restart)
{
	struct statpage next;
	struct stat_value v;

	cr_assert_eq(statpage_describe(&s, before, 3), 0);
	stat_set(&s, 0, 100);
	stat_set(&s, 1, 200);
	stat_set(&s, 2, 300);

	cr_assert_eq(statpage_adopt(dup(s.region.fd), true, &next), 0);
	cr_assert_eq(statpage_describe(&next, after, 3), 0);
	cr_expect_eq(next.count, 3u);
	for (uint32_t i = 0; i < 3; i++) {
		static const uint64_t want[] = {0, 200, 100};

		cr_assert_eq(statpage_read(&s, i, &v), 0);
		cr_expect_str_eq(v.name, after[i].name);
		cr_expect_str_eq(v.help, after[i].help);
		cr_expect_eq(v.value, want[i]);
	}

	cr_assert_eq(statpage_describe(&next, after, 1), 0);
	cr_expect_eq(statpage_read(&s, 1, &v), ERR_NOENT);
	cr_assert_eq(statpage_describe(&next, after, 3), 0);
	cr_assert_eq(statpage_read(&s, 1, &v), 0);
	cr_expect_eq(v.value, 0u, "a forgotten row came back with a value");
	statpage_close(&next);
}

Test(shm_statpage, table_at_the_cap)
{
	static char names[STATPAGE_CAP + 1][8];
	struct stat_row rows[STATPAGE_CAP + 1];
	struct stat_value v;

	for (unsigned i = 0; i <= STATPAGE_CAP; i++) {
		snprintf(names[i], sizeof names[i], "row%u", i);
		rows[i] = (struct stat_row){names[i], "", STAT_GAUGE};
	}
	cr_expect_eq(statpage_describe(&s, rows, STATPAGE_CAP + 1), ERR_NOSPC);
	cr_expect_eq(statpage_describe(&s, rows, UINT32_MAX), ERR_NOSPC);
	cr_assert_eq(statpage_describe(&s, rows, STATPAGE_CAP), 0);
	stat_set(&s, STATPAGE_CAP - 1, 3);
	cr_assert_eq(statpage_describe(&s, rows, STATPAGE_CAP), 0, "again, in place");
	cr_assert_eq(statpage_read(&s, STATPAGE_CAP - 1, &v), 0);
	cr_expect_str_eq(v.name, names[STATPAGE_CAP - 1]);
	cr_expect_eq(v.value, 3u);
	cr_expect_eq(statpage_read(&s, STATPAGE_CAP, &v), ERR_NOENT);
}

static char name_max[STAT_NAME_BYTES];
static char name_over[STAT_NAME_BYTES + 1];
static char help_max[STAT_HELP_BYTES];
static char help_over[STAT_HELP_BYTES + 1];

Test(shm_statpage, bad_rows)
{
	const struct {
		const char *why;
		struct stat_row row;
		int ret;
	} cases[] = {
		{"longest name", {name_max, "", STAT_GAUGE}, 0},
		{"longest help", {"x", help_max, STAT_GAUGE}, 0},
		{"name too long", {name_over, "", STAT_GAUGE}, ERR_INVAL},
		{"help too long", {"x", help_over, STAT_GAUGE}, ERR_INVAL},
		{"no name", {"", "", STAT_GAUGE}, ERR_INVAL},
		{"upper case", {"Legs", "", STAT_GAUGE}, ERR_INVAL},
		{"dash", {"a-b", "", STAT_GAUGE}, ERR_INVAL},
		{"control in help", {"x", "a\nb", STAT_GAUGE}, ERR_INVAL},
		{"no such kind", {"x", "", STAT_KINDS}, ERR_INVAL},
		{"repeated name", {"legs", "", STAT_GAUGE}, ERR_INVAL},
	};

	memset(name_max, 'n', sizeof name_max - 1);
	memset(name_over, 'n', sizeof name_over - 1);
	memset(help_max, 'h', sizeof help_max - 1);
	memset(help_over, 'h', sizeof help_over - 1);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct stat_row rows[] = {{"legs", "", STAT_GAUGE}, cases[i].row};
		struct stat_value v;

		cr_assert_eq(statpage_describe(&s, before, 3), 0);
		cr_expect_eq(statpage_describe(&s, rows, 2), cases[i].ret, "%s",
			     cases[i].why);
		if (cases[i].ret != 0) {
			cr_assert_eq(statpage_read(&s, 0, &v), 0);
			cr_expect_str_eq(v.name, "requests", "%s: changed", cases[i].why);
		}
	}
}

Test(shm_statpage, hostile_page_is_read_in_bounds)
{
	static const unsigned char fills[] = {0xff, 'a', '\n', 0x80, 1};

	cr_assert_eq(statpage_describe(&s, before, 3), 0);
	for (size_t k = 0; k < sizeof fills; k++) {
		char *p = s.region.p;
		struct stat_value v;
		uint32_t i = 0;

		memset(p + 8, fills[k], s.region.bytes - 8); /* all but the magic */
		for (; statpage_read(&s, i, &v) == 0; i++) {
			cr_assert_lt(strnlen(v.name, sizeof v.name), sizeof v.name);
			cr_assert_lt(strnlen(v.help, sizeof v.help), sizeof v.help);
			cr_assert_lt(v.kind, STAT_KINDS);
			cr_assert_eq(v.name[0], fills[k] == 'a' ? 'a' : '_');
			cr_assert_eq(v.help[0], fills[k] == 'a' ? 'a' : '_');
		}
		cr_assert_eq(i, STATPAGE_CAP);
		cr_assert_eq(statpage_describe(&s, before, 3), 0,
			     "owner can not recover");
	}
}

Test(shm_statpage, adopts_only_pages)
{
	struct statpage t;
	struct region r;

	cr_assert_eq(region_create("zero", s.region.bytes, &r), 0);
	cr_expect_eq(statpage_adopt(r.fd, true, &t), ERR_CORRUPT);
	region_close(&r);
	cr_assert_eq(region_create("small", 4096, &r), 0);
	cr_expect_eq(statpage_adopt(r.fd, true, &t), ERR_CORRUPT);
	region_close(&r);
	cr_expect_eq(statpage_adopt(0, true, &t), ERR_INVAL);
}

Test(shm_statpage, turns)
{
	statpage_turn(&s, 1000000000, 1005000000);
	cr_expect_eq(atomic_load(s.heartbeat_ms), 1005u);
	cr_expect_eq(atomic_load(s.slowest_turn_us), 5000u);
	statpage_turn(&s, 2000000000, 2001000000);
	cr_expect_eq(atomic_load(s.heartbeat_ms), 2001u);
	cr_expect_eq(atomic_load(s.slowest_turn_us), 5000u, "not the slowest any more");
	statpage_turn(&s, 3000000000, 2000000000);
	cr_expect_eq(atomic_load(s.slowest_turn_us), 5000u, "clock went backwards");
}
