/* test_call_renew.c - mirrors control/model/call_renew.c: what the backend changes in mid-call. */
#include "tests/unit/control/model/answered.h"

TestSuite(call_renew, .init = setup, .fini = teardown);

static void want(enum call_renewal_kind kind)
{
	(void)!str_copy(c->command, sizeof c->command, STR("c1"));
	c->wanted = (struct call_renewal){.kind = kind};
	feed(CALL_EV_RENEW);
}

/* As the daemon does: what changed first, then how it ended. */
static void decided(uint32_t code, uint32_t generation, uint32_t direction)
{
	c->heard = (struct call_heard){.generation = generation, .media = {.direction = direction}};
	if (code == 200)
		feed(CALL_EV_LEG_AGREED);
	c->renewal.code = code;
	c->renewal.generation = generation;
	feed(CALL_EV_RENEWED);
}

static void media_follows(uint32_t generation)
{
	c->media_generation = generation;
	feed(CALL_EV_SESSION_UPDATED);
}

Test(call_renew, C214_held_and_taken_back)
{
	uint64_t number;

	want(CALL_RENEW_HOLD);
	cr_assert_eq(out.n, 2u);
	cr_expect(out.v[0].kind == CALL_FX_ANNOTATE && out.v[1].kind == CALL_FX_LEG_CHANGE, "in this order: a successor knows who waits");
	number = c->renewal.number;
	cr_expect_neq(number, 0u);
	decided(200, 2, SENDONLY);
	cr_expect_eq(code_of(CALL_FX_HELD), (uint32_t)CALL_HELD_BY_BACKEND);
	cr_expect(c->holding && !c->held);
	cr_expect_not(did(CALL_FX_COMPLETE), "not before media follows");
	media_follows(2);
	cr_expect(did(CALL_FX_COMPLETE) && did(CALL_FX_ANNOTATE));
	cr_expect_eq(c->renewal.number, 0u);
	c->command[0] = '\0';
	want(CALL_RENEW_UNHOLD);
	decided(200, 3, SENDRECV);
	cr_expect_eq(code_of(CALL_FX_RESUMED), (uint32_t)CALL_HELD_BY_BACKEND);
	media_follows(3);
	cr_expect(did(CALL_FX_COMPLETE) && !c->holding);
}

Test(call_renew, C215_refused)
{
	want(CALL_RENEW_HOLD);
	decided(488, 0, 0);
	cr_expect(did(CALL_FX_FAIL) && !did(CALL_FX_HELD) && !did(CALL_FX_SESSION_UPDATE));
	cr_expect(!c->holding && c->renewal.number == 0 && c->state == CALL_ANSWERED);
}

Test(call_renew, one_at_a_time_and_only_when_answered)
{
	want(CALL_RENEW_CODECS);
	cr_expect_not(call_input(c, CALL_EV_RENEW, &world, &out));
	decided(200, 1, SENDRECV);
	cr_expect(did(CALL_FX_COMPLETE) && !did(CALL_FX_SESSION_UPDATE), "nothing has changed");
	feed(CALL_EV_HANGUP);
	cr_expect_not(call_input(c, CALL_EV_RENEW, &world, &out));
	feed(CALL_EV_RENEWED);
	cr_expect_eq(out.n, 0u);
}

/* Both may hold it: each says so by itself. */
Test(call_renew, C214_both)
{
	want(CALL_RENEW_HOLD);
	decided(200, 2, SENDONLY);
	media_follows(2);
	c->command[0] = '\0';
	c->heard = (struct call_heard){.generation = 3, .media = {.direction = CALL_INACTIVE}};
	feed(CALL_EV_LEG_OFFER);
	media_follows(3);
	cr_expect_eq(code_of(CALL_FX_HELD), (uint32_t)CALL_HELD_BY_PEER);
	cr_expect(c->held && c->holding);
	want(CALL_RENEW_UNHOLD);
	decided(200, 4, CALL_RECVONLY);
	cr_expect_eq(code_of(CALL_FX_RESUMED), (uint32_t)CALL_HELD_BY_BACKEND);
	cr_expect(c->held && !c->holding);
}

Test(call_renew, asked_again_by_a_signaling_that_was_replaced)
{
	uint64_t number;

	want(CALL_RENEW_HOLD);
	number = c->renewal.number;
	feed(CALL_EV_SIGNALING_BACK);
	cr_expect(did(CALL_FX_LEG_CHANGE) && c->renewal.number == number);
	decided(200, 2, SENDONLY);
	feed(CALL_EV_SIGNALING_BACK);
	cr_expect_not(did(CALL_FX_LEG_CHANGE), "it has decided");
	feed(CALL_EV_MEDIA_BACK);
	cr_expect(did(CALL_FX_SESSION_UPDATE));
	media_follows(2);
	cr_expect(did(CALL_FX_COMPLETE));
}

/* After a restart of control: what is not done yet is not completed by the owner's return. */
Test(call_renew, the_owner_comes_back)
{
	want(CALL_RENEW_HOLD);
	feed(CALL_EV_BACKEND_BACK);
	cr_expect_not(did(CALL_FX_COMPLETE));
	backends->v[0].here = false;
	decided(488, 0, 0);
	cr_expect_not(did(CALL_FX_FAIL), "nobody would hear it");
	backends->v[0].here = true;
	feed(CALL_EV_BACKEND_BACK);
	cr_expect(did(CALL_FX_FAIL) && c->renewal.number == 0);
}

Test(call_renew, the_owner_is_lost)
{
	policy.reoffer = true;
	want(CALL_RENEW_HOLD);
	c->command[0] = '\0';
	feed(CALL_EV_BACKEND_LOST);
	cr_assert_eq(c->state, CALL_OFFERED);
	decided(200, 2, SENDONLY);
	cr_expect_eq(code_of(CALL_FX_HELD), (uint32_t)CALL_HELD_BY_BACKEND, "it is held, whoever has it next");
	media_follows(2);
	cr_expect_eq(c->renewal.number, 0u);
	policy.reoffer = false;
}

Test(call_renew, media_can_not_follow)
{
	want(CALL_RENEW_CODECS);
	decided(200, 2, SENDRECV);
	feed(CALL_EV_SESSION_REFUSED);
	cr_expect(did(CALL_FX_FAIL) && c->state == CALL_ANSWERED);
}

Test(call_renew, the_call_ends_meanwhile)
{
	want(CALL_RENEW_HOLD);
	c->leg_over = true;
	feed(CALL_EV_LEG_ENDED);
	cr_expect(did(CALL_FX_FAIL));
	cr_expect_eq(c->state, CALL_CLOSING);
}
