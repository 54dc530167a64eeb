/* test_stack_parts.c - mirrors signaling/sip/stack_parts.c */
#include "signaling/sip/stack_parts.h"
#include "tests/unit/signaling/sip/kit.h"

static struct kit k;

static void open_kit(void)
{
	kit_open(&k);
}

static void close_kit(void)
{
	sip_stack_fini(&k.s);
}

TestSuite(sip_stack_parts, .init = open_kit, .fini = close_kit);

Test(sip_stack_parts, a_key_has_one_transaction)
{
	struct sip_server_txn *t = stack_add_server(&k.s, 7, 0);

	cr_assert_not_null(t);
	cr_expect_eq(t->key, 7u);
	cr_expect_eq(t->timer.owner, t);
	cr_expect_eq(stack_find_server(&k.s, 7), t);
	cr_expect_null(stack_add_server(&k.s, 7, 0));
	cr_expect_eq(k.s.servers.used, 1u);
	cr_expect_null(stack_find_server(&k.s, 8));
	stack_free_server(&k.s, t);
	cr_expect_null(stack_find_server(&k.s, 7));
	kit_expect_empty(&k.s, "freed");
}

Test(sip_stack_parts, cap)
{
	for (uint64_t key = 1; key <= 64; key++)
		cr_assert_not_null(stack_add_server(&k.s, key, key + 100));
	cr_expect_null(stack_add_server(&k.s, 65, 165));
	cr_expect_eq(k.s.server_keys.used, 64u);
	cr_expect_eq(k.s.merge_keys.used, 64u);
}

/* Of two of one request the first is the one others merge with, for as long as it does. */
Test(sip_stack_parts, merging)
{
	struct sip_server_txn *a = stack_add_server(&k.s, 1, 9), *b = stack_add_server(&k.s, 2, 9),
			      *none = stack_add_server(&k.s, 3, 0);

	cr_expect_eq(a->merge_key, 9u);
	cr_expect_eq(b->merge_key, 0u);
	cr_expect_eq(none->merge_key, 0u);
	cr_expect_eq(k.s.merge_keys.used, 1u);
	stack_free_server(&k.s, b);
	cr_expect_eq(k.s.merge_keys.used, 1u, "not its own");
	stack_unmerge(&k.s, a);
	cr_expect_eq(a->merge_key, 0u);
	cr_expect_eq(k.s.merge_keys.used, 0u);
	b = stack_add_server(&k.s, 2, 9);
	stack_unmerge(&k.s, a);
	cr_expect_eq(b->merge_key, 9u);
	stack_free_server(&k.s, a);
	stack_free_server(&k.s, none);
	cr_expect_eq(k.s.merge_keys.used, 1u);
	stack_free_server(&k.s, b);
	kit_expect_empty(&k.s, "freed");
}

/* What no rule foresaw is counted when a transaction goes. */
Test(sip_stack_parts, unexpected_events_are_counted)
{
	struct sip_server_txn *t = stack_add_server(&k.s, 1, 0);

	t->txn.unexpected = 3;
	stack_free_server(&k.s, t);
	cr_expect_eq(k.s.count.unexpected, 3u);
}

Test(sip_stack_parts, timers)
{
	struct sip_server_txn *t = stack_add_server(&k.s, 1, 0);

	t->txn.resend_ms = k.now_ms + 700;
	t->txn.timeout_ms = k.now_ms + 900;
	stack_arm(&k.s, &t->timer, &t->txn);
	cr_expect_eq(k.s.wheel.armed, 1u);
	cr_expect_leq(sip_stack_deadline(&k.s), k.now_ms + 710);
	t->txn.resend_ms = t->txn.timeout_ms = UINT64_MAX;
	stack_arm(&k.s, &t->timer, &t->txn);
	cr_expect_eq(k.s.wheel.armed, 0u);
	t->txn.timeout_ms = k.now_ms + 900;
	stack_arm(&k.s, &t->timer, &t->txn);
	stack_free_server(&k.s, t);
	kit_expect_empty(&k.s, "no timer of what is gone");
}

Test(sip_stack_parts, kinds_of_answers)
{
	cr_expect_eq(stack_event_of(100), TXN_EV_1XX);
	cr_expect_eq(stack_event_of(199), TXN_EV_1XX);
	cr_expect_eq(stack_event_of(200), TXN_EV_2XX);
	cr_expect_eq(stack_event_of(299), TXN_EV_2XX);
	cr_expect_eq(stack_event_of(300), TXN_EV_FAILURE);
}
