/* test_call_transfer.c - mirrors control/model/call_transfer.c: transfers, ours and theirs, and calls that replace others. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "control/model/call.h"

static struct call *c;
static struct backends *backends;
static struct call_effects out;
static struct call_policy policy = {.claim_timeout_ms = 5000};
static struct call_world world;

static void feed(enum call_event ev)
{
	cr_assert(call_input(c, ev, &world, &out), "%s in %s", call_event_name(ev), call_state_name(c->state));
}

static int at(enum call_fx_kind kind)
{
	for (uint32_t i = 0; i < out.n; i++)
		if (out.v[i].kind == kind)
			return (int)i;
	return -1;
}

static bool did(enum call_fx_kind kind)
{
	return at(kind) >= 0;
}

static uint32_t code_of(enum call_fx_kind kind)
{
	return did(kind) ? out.v[at(kind)].code : 0;
}

static void serve(const char *name, const char *app)
{
	struct backend *b;

	cr_assert_eq(backend_hello(backends, str_of(name), 0, 0, &b), 0);
	cr_assert_eq(backend_serve(backends, str_of(name), str_of(app), &b), 0);
	b->capacity = 5;
}

static void setup(void)
{
	static const enum call_event path[] = {CALL_EV_SESSION_OPENED, CALL_EV_SESSION_UPDATED, CALL_EV_CLAIM,
					       CALL_EV_ANSWER,         CALL_EV_SESSION_STARTED, CALL_EV_CONFIRMED};

	c = calloc(1, sizeof *c);
	backends = calloc(1, sizeof *backends);
	world = (struct call_world){.policy = &policy, .backends = backends, .now_ms = 1000, .random = 77};
	serve("one", "bot");
	(void)!str_copy(c->app, sizeof c->app, STR("bot"));
	call_begin(c, &world, &out);
	for (size_t i = 0; i < sizeof path / sizeof path[0]; i++)
		feed(path[i]);
	cr_assert_eq(c->state, CALL_ANSWERED);
}

static void teardown(void)
{
	free(c);
	free(backends);
}

TestSuite(call_transfer, .init = setup, .fini = teardown);

/* C258: progress, then one end. */
Test(call_transfer, C258_ours)
{
	struct transfer *t = &c->transfer;

	cr_assert_null(transfer_begin(t, "x-1", 1000));
	cr_expect_not_null(transfer_begin(t, "x-2", 1000), "one at a time");
	cr_expect(transfer_heard(t, 100, "Trying", false));
	feed(CALL_EV_TRANSFER);
	cr_expect(did(CALL_FX_TRANSFER) && !did(CALL_FX_TRANSFERRED));
	cr_expect_not(transfer_heard(t, 100, "Trying", false), "said again");
	cr_expect(transfer_heard(t, 200, "OK", true));
	feed(CALL_EV_TRANSFER);
	cr_expect(did(CALL_FX_TRANSFER) && at(CALL_FX_TRANSFERRED) > at(CALL_FX_TRANSFER));
	cr_expect(did(CALL_FX_ANNOTATE) && t->told);
	cr_expect_not(transfer_heard(t, 486, "", true), "one end");
	cr_expect_eq(c->state, CALL_ANSWERED);
	t->command[0] = '\0';
	cr_expect_null(transfer_begin(t, "x-2", 2000));
	cr_expect(!t->told && !t->over && t->code == 0);
}

Test(call_transfer, the_call_ends_first)
{
	cr_assert_null(transfer_begin(&c->transfer, "x-1", 1000));
	c->has_session = false; /* over at once: told before the last event */
	feed(CALL_EV_LEG_ENDED);
	cr_assert(did(CALL_FX_TRANSFERRED) && did(CALL_FX_ENDED));
	cr_expect_lt(at(CALL_FX_TRANSFERRED), at(CALL_FX_ENDED));
	cr_expect_str_eq(c->transfer.reason, "the call ended");
	cr_expect_eq(c->transfer.code, 0u);
}

/* An owner that is on its way back hears it then. */
Test(call_transfer, told_when_the_owner_is_back)
{
	struct backend *b;

	cr_assert_null(transfer_begin(&c->transfer, "x-1", 1000));
	backend_remove(backends, STR("one"));
	cr_assert(transfer_heard(&c->transfer, 603, "Decline", true));
	feed(CALL_EV_TRANSFER);
	cr_expect_not(did(CALL_FX_TRANSFERRED));
	cr_assert_eq(backend_hello(backends, STR("one"), 0, 0, &b), 0);
	feed(CALL_EV_BACKEND_BACK);
	cr_expect(did(CALL_FX_TRANSFERRED));
}

Test(call_transfer, reasons_are_cut_between_characters)
{
	char reason[100];

	memset(reason, 'a', sizeof reason);
	memcpy(reason + 62, "\xc3\xa4", 3);
	cr_assert_null(transfer_begin(&c->transfer, "x-1", 1000));
	transfer_lost(&c->transfer, reason);
	cr_expect_eq(strlen(c->transfer.reason), 62u);
}

static struct transfer_asked asks = {.refer_id = 8, .target = "sip:carol@192.0.2.7", .replaces = "", .referred_by = "", .until_ms = 3000};

/* C259 C260 */
Test(call_transfer, C259_theirs)
{
	struct transfer *t = &c->transfer;

	cr_assert(transfer_asked(t, &asks, false, 1000));
	feed(CALL_EV_REFERRED);
	cr_expect(did(CALL_FX_REFERRED));
	cr_expect_not(transfer_asked(t, &asks, false, 1000), "said again");
	cr_expect_null(transfer_fault(t, 8, 3000));
	cr_expect_not_null(transfer_fault(t, 8, 3001));
	cr_expect_not_null(transfer_fault(t, 7, 2000));
	cr_expect_not_null(transfer_fault(t, 0, 2000));
	t->open = false;
	cr_expect_not_null(transfer_fault(t, 8, 2000), "decided");
}

Test(call_transfer, nobody_could_decide)
{
	cr_assert(transfer_asked(&c->transfer, &asks, false, 1000));
	c->owned = false;
	feed(CALL_EV_REFERRED);
	cr_expect_eq(code_of(CALL_FX_REFUSE_REFER), 603u);
	cr_expect_not_null(transfer_fault(&c->transfer, 8, 1000));
}

Test(call_transfer, too_long)
{
	static char target[300];
	struct transfer_asked a = asks;

	memset(target, 'x', sizeof target - 1);
	a.target = target;
	cr_expect_not(transfer_asked(&c->transfer, &a, false, 1000));
	cr_expect_eq(c->transfer.refer_id, 0u);
}

/* What a control that died had accepted may be accepted once more. */
Test(call_transfer, accepted_before)
{
	struct transfer_asked a = asks;

	a.accepted = true;
	cr_expect_not(transfer_asked(&c->transfer, &a, true, 1000), "no event");
	cr_expect(c->transfer.orphan);
	cr_expect_null(transfer_fault(&c->transfer, 8, 1000 + TRANSFER_ORPHAN_MS));
	cr_expect_not_null(transfer_fault(&c->transfer, 8, 1001 + TRANSFER_ORPHAN_MS));
}

static void dial(void)
{
	memset(c, 0, sizeof *c);
	(void)!str_copy(c->app, sizeof c->app, STR("bot"));
	(void)!str_copy(c->backend, sizeof c->backend, STR("one"));
	c->transfer.referrer = 5;
	c->transfer.referrer_id = 8;
	c->transfer.referrer_code = 100;
	call_dial(c, &world, &out);
	feed(CALL_EV_SESSION_OPENED);
	feed(CALL_EV_DIALLED);
	cr_expect_not(did(CALL_FX_TELL_REFERRER), "100 was said");
}

/* C261 */
Test(call_transfer, C261_the_referrer_hears)
{
	dial();
	c->heard = (struct call_heard){.code = 180};
	feed(CALL_EV_PROGRESS);
	cr_expect_eq(code_of(CALL_FX_TELL_REFERRER), 180u);
	feed(CALL_EV_PROGRESS);
	cr_expect_not(did(CALL_FX_TELL_REFERRER));
	feed(CALL_EV_PICKED_UP);
	cr_expect_eq(code_of(CALL_FX_TELL_REFERRER), 200u);
	feed(CALL_EV_LEG_ENDED);
	cr_expect_not(did(CALL_FX_TELL_REFERRER), "one final word");
}

Test(call_transfer, C261_the_referrer_hears_how_it_failed)
{
	dial();
	call_set_reason(c, CALL_BY_CALLER, 486, "Busy Here");
	c->has_session = false;
	feed(CALL_EV_LEG_ENDED);
	cr_expect_eq(code_of(CALL_FX_TELL_REFERRER), 486u);
	cr_expect_lt(at(CALL_FX_TELL_REFERRER), at(CALL_FX_FREE));
	dial();
	call_set_reason(c, CALL_BY_BACKEND, 200, "");
	feed(CALL_EV_HANGUP);
	cr_expect_eq(code_of(CALL_FX_TELL_REFERRER), 487u);
}

static void incoming(const char *only)
{
	memset(c, 0, sizeof *c);
	(void)!str_copy(c->app, sizeof c->app, STR("bot"));
	(void)!str_copy(c->transfer.only, sizeof c->transfer.only, str_of(only));
	c->transfer.replaces_leg = 9;
	call_begin(c, &world, &out);
	feed(CALL_EV_SESSION_OPENED);
	feed(CALL_EV_SESSION_UPDATED);
}

/* RFC 3891: to the owner of the other call, and to nobody else; that one ends with the answer. */
Test(call_transfer, replaces)
{
	static const enum call_event path[] = {CALL_EV_CLAIM, CALL_EV_ANSWER, CALL_EV_SESSION_STARTED};

	serve("two", "bot");
	for (int i = 0; i < 2; i++) {
		const char *only = i == 0 ? "one" : "two";

		incoming(only);
		cr_assert(did(CALL_FX_OFFER));
		cr_expect_str_eq(c->backend, only);
	}
	for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
		feed(path[i]);
		cr_expect_not(did(CALL_FX_REPLACE));
	}
	feed(CALL_EV_CONFIRMED);
	cr_expect(did(CALL_FX_REPLACE));
	feed(CALL_EV_CONFIRMED);
	cr_expect_not(did(CALL_FX_REPLACE), "once");
}

Test(call_transfer, replaces_and_the_owner_does_not_take_it)
{
	serve("two", "bot");
	incoming("one");
	feed(CALL_EV_TIMEOUT);
	cr_expect_not(did(CALL_FX_OFFER));
	cr_expect(did(CALL_FX_LEG_REJECT));
	incoming("three");
	cr_expect(did(CALL_FX_LEG_REJECT), "it is gone");
}
