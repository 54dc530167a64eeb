/* test_backend.c - mirrors control/model/{backend,route,dedup}.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/model/backend.h"
#include "control/model/dedup.h"
#include "control/model/route.h"

Test(backend, table_has_a_cap)
{
	struct backends *t = calloc(1, sizeof *t);
	struct backend *b;
	char name[16];

	for (unsigned i = 0; i < BACKENDS_MAX; i++) {
		snprintf(name, sizeof name, "b%u", i);
		cr_assert_eq(backend_hello(t, str_of(name), 0, 5, &b), 0);
	}
	cr_expect_eq(backend_hello(t, STR("one-more"), 0, 5, &b), ERR_NOSPC);
	cr_expect_eq(backend_expect(t, &(struct backend_owner){STR("one-more"), STR("x"), 0}, 9000, &b), ERR_NOSPC);
	cr_assert_eq(backend_serve(t, STR("b7"), STR("x"), &b), 0);
	cr_expect_eq(backend_serve(t, STR("b7"), STR("y"), &b), ERR_NOSPC);
	cr_expect_eq(backend_hello(t, STR("b7"), 0, 9, &b), 0, "it is known");
	cr_expect_eq(b->heard_ms, 9u);
	backend_remove(t, STR("b7"));
	cr_expect_eq(backend_hello(t, STR("one-more"), 0, 5, &b), 0);
	cr_expect_eq(backend_hello(t, STR(""), 0, 5, &b), ERR_RANGE);
	free(t);
}

Test(backend, names_can_be_shown)
{
	struct backends *t = calloc(1, sizeof *t);
	static const struct str bad[] = {{"", 0}, {"a b", 3}, {"a\nb", 3}, {"a\xff", 2}, {"a\0b", 3}, {"\x7f", 1}};
	char longest[BACKEND_NAME_BYTES];
	struct backend *b;

	memset(longest, '~', sizeof longest);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect_eq(backend_hello(t, bad[i], 0, 5, &b), ERR_RANGE, "case %zu", i);
	cr_expect_eq(backend_hello(t, (struct str){longest, BACKEND_NAME_BYTES}, 0, 5, &b), ERR_RANGE);
	cr_expect_eq(backend_hello(t, (struct str){longest, BACKEND_NAME_BYTES - 1}, 0, 5, &b), 0);
	free(t);
}

Test(backend, one_process_may_serve_several_apps)
{
	struct backends *t = calloc(1, sizeof *t);
	struct backend *one, *two, *b;

	cr_expect_eq(backend_serve(t, STR("p"), STR("x"), &b), ERR_NOENT, "hello comes first");
	cr_assert_eq(backend_hello(t, STR("p"), 0, 7, &b), 0);
	cr_assert_eq(backend_serve(t, STR("p"), STR("x"), &one), 0);
	cr_assert_eq(backend_serve(t, STR("p"), STR("y"), &two), 0);
	cr_assert_eq(backend_serve(t, STR("p"), STR("x"), &b), 0);
	cr_expect(one == b && one != two, "registering again changes the row");
	one->capacity = two->capacity = 1;
	cr_expect_eq(backend_choose(t, STR("x"), STR("")), one);
	cr_expect_eq(backend_choose(t, STR("y"), STR("")), two);
	backend_heard(t, STR("p"), 100);
	cr_expect(one->heard_ms == 100 && two->heard_ms == 100, "one process, one life");
	backend_remove(t, STR("p"));
	cr_expect_null(backend_find(t, STR("p")));
	free(t);
}

Test(backend, an_expected_owner_is_lost_when_it_does_not_come)
{
	struct backends *t = calloc(1, sizeof *t);
	struct backend *b, *same;

	cr_expect_eq(backend_expect(t, &(struct backend_owner){STR("bad name"), STR("x"), 0}, 6000, &b), ERR_RANGE);
	cr_assert_eq(backend_expect(t, &(struct backend_owner){STR("p"), STR("x"), 0}, 6000, &b), 0);
	cr_expect(!backend_is_here(t, STR("p")) && backend_silent(t, 6000) == NULL);
	cr_expect_eq(backend_silent(t, 6001), b);
	cr_expect_null(backend_choose(t, STR("x"), STR("")), "nobody is asked who is not there");
	cr_expect_eq(backend_serve(t, STR("p"), STR("x"), &same), ERR_NOENT);
	cr_assert_eq(backend_hello(t, STR("p"), 0, 5000, &same), 0);
	cr_expect(same == b && b->here && backend_silent(t, 6001) == NULL);
	free(t);
}

Test(backend, expected_after_it_said_hello)
{
	struct backends *t = calloc(1, sizeof *t);
	struct backend *b, *same;

	cr_assert_eq(backend_hello(t, STR("p"), 7, 5000, &b), 0);
	cr_assert_eq(backend_expect(t, &(struct backend_owner){STR("p"), STR("x"), 7}, 6000, &same), 0);
	cr_expect_eq(same, b, "one row, not a nameless one beside it");
	cr_expect(b->here && b->instance == 7 && b->heard_ms == 5000 && str_eq(str_of(b->app), STR("x")));
	free(t);
}

Test(backend, another_process_under_the_same_name)
{
	struct backends *t = calloc(1, sizeof *t);
	struct backend *b;

	cr_expect_not(backend_is_replaced(t, STR("p"), 7), "nobody is known");
	cr_expect_eq(backend_instance(t, STR("p")), 0u);
	cr_assert_eq(backend_hello(t, STR("p"), 7, 0, &b), 0);
	cr_expect_not(backend_is_replaced(t, STR("p"), 7), "the same says hello again");
	cr_expect_not(backend_is_replaced(t, STR("p"), 0), "it does not say who it is");
	cr_expect(backend_is_replaced(t, STR("p"), 8));
	cr_expect_eq(backend_instance(t, STR("p")), 7u);
	free(t);
}

Test(backend, every_app_of_a_process_has_its_instance)
{
	struct backends *t = calloc(1, sizeof *t);
	struct backend *b;

	cr_assert_eq(backend_hello(t, STR("p"), 11, 700, &b), 0);
	cr_assert_eq(backend_serve(t, STR("p"), STR("x"), &b), 0);
	cr_assert_eq(backend_serve(t, STR("p"), STR("y"), &b), 0);
	cr_expect(b->instance == 11 && b->here && b->heard_ms == 700);
	cr_assert_eq(backend_expect(t, &(struct backend_owner){STR("p"), STR("z"), 0}, 6000, &b), 0);
	cr_expect(b->instance == 11 && b->here && b->heard_ms == 700, "its call was found again");
	cr_assert_eq(backend_hello(t, STR("p"), 11, 900, &b), 0);
	for (unsigned i = 0; i < 3; i++)
		cr_expect(t->v[i].here && t->v[i].instance == 11 && t->v[i].heard_ms == 900);
	free(t);
}

/* A row in front that does not know the instance hides nothing. */
Test(backend, a_replaced_process_is_noticed_whatever_the_order_of_rows)
{
	struct backends *t = calloc(1, sizeof *t);
	struct backend *b;

	cr_assert_eq(backend_hello(t, STR("a"), 0, 0, &b), 0);
	cr_assert_eq(backend_hello(t, STR("p"), 11, 0, &b), 0);
	cr_assert_eq(backend_serve(t, STR("p"), STR("x"), &b), 0);
	backend_remove(t, STR("a"));
	cr_assert_eq(backend_expect(t, &(struct backend_owner){STR("p"), STR("y"), 0}, 6000, &b), 0);
	cr_expect_eq(b, &t->v[0]);
	cr_expect(backend_is_replaced(t, STR("p"), 12));
	b->instance = 0;
	cr_expect(backend_is_replaced(t, STR("p"), 12));
	cr_expect_not(backend_is_replaced(t, STR("p"), 11));
	cr_expect_not(backend_is_replaced(t, STR("q"), 12));
	free(t);
}

/* Control and backend died together, and the new backend is quicker than the roster. */
Test(backend, an_owner_whose_name_has_another_process_is_dead)
{
	struct backends *t = calloc(1, sizeof *t);
	struct backend *b;

	cr_assert_eq(backend_hello(t, STR("p"), 12, 0, &b), 0);
	cr_assert_eq(backend_serve(t, STR("p"), STR("x"), &b), 0);
	cr_expect_eq(backend_expect(t, &(struct backend_owner){STR("p"), STR("x"), 11}, 6000, &b), ERR_STALE);
	cr_expect_eq(backend_expect(t, &(struct backend_owner){STR("p"), STR("y"), 11}, 6000, &b), ERR_STALE);
	cr_expect_null(backend_find_app(t, STR("p"), STR("y")));
	cr_expect_eq(backend_expect(t, &(struct backend_owner){STR("p"), STR("x"), 12}, 6000, &b), 0);
	cr_expect_eq(b->instance, 12u);
	cr_expect_eq(backend_expect(t, &(struct backend_owner){STR("q"), STR("x"), 5}, 6000, &b), 0);
	cr_expect(!b->here && b->instance == 5, "so that another one is told from it");
	free(t);
}

Test(backend, capacity_0_serves_nobody)
{
	struct backends *t = calloc(1, sizeof *t);
	struct backend *b;

	cr_assert_eq(backend_hello(t, STR("p"), 0, 0, &b), 0);
	cr_assert_eq(backend_serve(t, STR("p"), STR("x"), &b), 0);
	cr_expect_not(backend_serves(t, STR("x")));
	cr_expect_null(backend_choose(t, STR("x"), STR("")));
	b->capacity = 1;
	cr_expect(backend_serves(t, STR("x")));
	cr_expect_eq(backend_choose(t, STR("x"), STR("")), b);
	free(t);
}

Test(backend, what_does_not_fit_leaves_nothing_behind)
{
	struct backends *t = calloc(1, sizeof *t);
	char longest[BACKEND_APP_BYTES];
	struct backend *b;

	memset(longest, 'a', sizeof longest);
	cr_assert_eq(backend_hello(t, STR("p"), 0, 0, &b), 0);
	cr_assert_eq(backend_serve(t, STR("p"), STR("x"), &b), 0);
	cr_expect_eq(backend_serve(t, STR("p"), (struct str){longest, sizeof longest}, &b), ERR_RANGE);
	cr_expect_eq(t->v[1].name[0], '\0');
	free(t);
}

/* The memory behind the table is none of its rows. */
Test(backend, the_table_ends_with_its_last_row)
{
	struct {
		struct backends t;
		struct backend behind;
	} *both = calloc(1, sizeof *both);
	struct backends *t = &both->t;
	struct backend *b;

	both->behind = (struct backend){.name = "p", .app = "x", .capacity = 5, .instance = 7, .here = true, .heard_ms = 1};
	cr_expect_null(backend_find(t, STR("p")));
	cr_expect_null(backend_find_app(t, STR("p"), STR("x")));
	cr_expect_not(backend_is_here(t, STR("p")));
	cr_expect_eq(backend_instance(t, STR("p")), 0u);
	cr_expect_null(backend_choose(t, STR("x"), STR("")));
	cr_expect_not(backend_serves(t, STR("x")));
	cr_expect_null(backend_silent(t, 100000));
	backend_heard(t, STR("p"), 99);
	cr_assert_eq(backend_hello(t, STR("p"), 8, 50, &b), 0);
	backend_remove(t, STR("p"));
	cr_expect(both->behind.heard_ms == 1 && both->behind.instance == 7 && both->behind.capacity == 5);
	both->behind.name[0] = '\0';
	for (unsigned i = 0; i < BACKENDS_MAX; i++)
		t->v[i].name[0] = 'q';
	cr_expect_eq(backend_hello(t, STR("p"), 8, 50, &b), ERR_NOSPC);
	free(both);
}

Test(backend, names_of_apps)
{
	char longest[BACKEND_APP_BYTES];

	memset(longest, 'a', sizeof longest);
	cr_expect(backend_app_is_valid((struct str){longest, BACKEND_APP_BYTES - 1}));
	cr_expect_not(backend_app_is_valid((struct str){longest, BACKEND_APP_BYTES}));
	memset(longest, '~', sizeof longest);
	cr_expect(backend_name_is_valid((struct str){longest, BACKEND_NAME_BYTES - 1}));
	cr_expect_not(backend_name_is_valid((struct str){longest, BACKEND_NAME_BYTES}));
	cr_expect(backend_app_is_valid(STR("az-09")));
	cr_expect_not(backend_app_is_valid(STR("a:")));
	cr_expect_not(backend_app_is_valid(STR("a`")));
	cr_expect_not(backend_app_is_valid(STR("a{")));
	cr_expect(backend_app_is_valid(STR("support-bot2")));
	cr_expect_not(backend_app_is_valid(STR("")));
	cr_expect_not(backend_app_is_valid(STR("Bot")));
	cr_expect_not(backend_app_is_valid(STR("a/b")));
	cr_expect_not(backend_app_is_valid((struct str){"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 64}));
}

Test(backend, the_least_loaded_with_room_is_chosen)
{
	struct backends *t = calloc(1, sizeof *t);
	struct backend *a, *b;

	cr_assert_eq(backend_hello(t, STR("a"), 0, 0, &a), 0);
	cr_assert_eq(backend_hello(t, STR("b"), 0, 0, &b), 0);
	(void)!str_copy(a->app, sizeof a->app, STR("x"));
	(void)!str_copy(b->app, sizeof b->app, STR("x"));
	a->capacity = 2, a->used = 1;
	b->capacity = 10, b->used = 4;
	cr_expect_eq(backend_choose(t, STR("x"), STR("")), b, "40 % against 50 %");
	cr_expect_eq(backend_choose(t, STR("x"), STR("b")), a);
	b->used = 10;
	cr_expect_eq(backend_choose(t, STR("x"), STR("")), a);
	a->used = 2;
	cr_expect_null(backend_choose(t, STR("x"), STR("")));
	cr_expect(backend_serves(t, STR("x")));
	cr_expect_not(backend_serves(t, STR("y")));
	cr_expect_null(backend_silent(t, BACKEND_LOST_MS));
	cr_expect_eq(backend_silent(t, BACKEND_LOST_MS + 1), a);
	free(t);
}

Test(route, first_match_wins)
{
	static const struct {
		const char *uri, *app;
	} cases[] = {
		{"sip:100@h", "one"},       {"sip:+4930123@h", "berlin"}, {"sip:+49@h", "berlin"}, {"sip:bob;x=y@h;p", "bob"},
		{"sip:anything@h", "rest"}, {"sip:h", "rest"},            {"", "rest"},
	};
	struct routes r = {.v = {{"100", "one"}, {"+49*", "berlin"}, {"bob", "bob"}, {"*", "rest"}}, .count = 4};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_str_eq(route_find(&r, route_user(str_of(cases[i].uri))), cases[i].app, "%s", cases[i].uri);
	cr_expect_eq(route_user(STR("sip:h")).n, 0u, "a host is no number");
	r.count = 3;
	cr_expect_null(route_find(&r, STR("anything")));
}

Test(dedup, answers_are_remembered_for_two_minutes_and_bounded)
{
	struct dedup *d = calloc(1, sizeof *d);
	uint64_t key;

	cr_assert_eq(dedup_init(d, &(struct map_key){1, 2}), 0);
	key = dedup_key(d, STR("a"), 7, STR("1"));
	cr_expect_neq(key, dedup_key(d, STR("b"), 7, STR("1")), "ids are per backend");
	cr_expect_neq(key, dedup_key(d, STR("a"), 8, STR("1")), "and per process");
	cr_expect_neq(key, dedup_key(d, STR("a"), 7, STR("2")));
	cr_expect_eq(key, dedup_key(d, STR("a"), 7, STR("1")));
	cr_expect_null(dedup_find(d, key, 0));
	dedup_put(d, &(struct dedup_row){.key = key, .at_ms = 1000, .code = 7});
	cr_assert_not_null(dedup_find(d, key, 1000 + DEDUP_MS));
	cr_expect_eq(dedup_find(d, key, 1000)->code, 7u);
	cr_expect_null(dedup_find(d, key, 1001 + DEDUP_MS));
	for (uint64_t i = 1; i < DEDUP_ROWS; i++)
		dedup_put(d, &(struct dedup_row){.key = i + 1000, .at_ms = 1000});
	cr_expect_not_null(dedup_find(d, key, 1000), "the table is full");
	dedup_put(d, &(struct dedup_row){.key = 1, .at_ms = 1000});
	cr_expect_null(dedup_find(d, key, 1000), "the oldest is forgotten at the cap");
	dedup_fini(d);
	free(d);
}

/* Nobody outside can make two commands meet in one key. */
Test(dedup, keys_are_secret)
{
	struct dedup *one = calloc(1, sizeof *one), *two = calloc(1, sizeof *two);

	cr_assert_eq(dedup_init(one, &(struct map_key){1, 2}), 0);
	cr_assert_eq(dedup_init(two, &(struct map_key){1, 3}), 0);
	cr_expect_neq(dedup_key(one, STR("a"), 7, STR("1")), dedup_key(two, STR("a"), 7, STR("1")));
	dedup_fini(one);
	dedup_fini(two);
	free(one);
	free(two);
}

Test(dedup, a_command_answered_anew_is_not_forgotten_with_its_old_answer)
{
	struct dedup *d = calloc(1, sizeof *d);

	cr_assert_eq(dedup_init(d, &(struct map_key){1, 2}), 0);
	dedup_put(d, &(struct dedup_row){.key = 5, .at_ms = 0, .code = 1});
	dedup_put(d, &(struct dedup_row){.key = 5, .at_ms = DEDUP_MS + 1, .code = 2});
	for (uint64_t i = 1; i < DEDUP_ROWS; i++)
		dedup_put(d, &(struct dedup_row){.key = i + 1000, .at_ms = DEDUP_MS + 1});
	cr_assert_not_null(dedup_find(d, 5, DEDUP_MS + 1));
	cr_expect_eq(dedup_find(d, 5, DEDUP_MS + 1)->code, 2u);
	dedup_fini(d);
	free(d);
}
