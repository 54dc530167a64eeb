/* test_list.c - mirrors common/base/list.h */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/list.h"

struct item {
	char name;
	struct list link;
};

static const char *names(const struct list *head)
{
	static char text[16];
	size_t n = 0;

	for (const struct list *l = head->next; l != head && n < sizeof text - 1;
	     l = l->next) {
		cr_assert_eq(l->next->prev, l);
		text[n++] = list_entry(l, struct item, link)->name;
	}
	text[n] = '\0';
	return text;
}

Test(base_list, keeps_order_under_removal)
{
	struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
	struct list head;

	list_init(&head);
	cr_expect(list_empty(&head));
	list_push(&head, &a.link);
	list_push(&head, &b.link);
	list_push(&head, &c.link);
	cr_expect_str_eq(names(&head), "abc");
	cr_expect_not(list_empty(&head));

	list_del(&b.link);
	cr_expect_str_eq(names(&head), "ac");
	list_push(&head, &b.link);
	cr_expect_str_eq(names(&head), "acb");
	list_del(&a.link);
	list_del(&b.link);
	list_del(&c.link);
	cr_expect(list_empty(&head));
}

Test(base_list, removing_twice_or_never_pushed_is_harmless)
{
	struct item a = {.name = 'a'}, never = {.name = 'n'};
	struct list head;

	list_init(&head);
	list_push(&head, &a.link);
	list_del(&never.link);
	list_del(&a.link);
	list_del(&a.link);
	cr_expect(list_empty(&head));
	cr_expect(list_empty(&a.link));
}
