/* test_call_change.c - mirrors control/model/call_change.c: offers in mid-call, and holds. */
#include "tests/unit/control/model/answered.h"

TestSuite(call_change, .init = setup, .fini = teardown);

static void hear(enum call_event ev, uint32_t generation, uint32_t direction)
{
	c->heard = (struct call_heard){.generation = generation, .media = {.direction = direction, .payload_type = 0, .towards.port = 5}};
	feed(ev);
}

static void media_follows(uint32_t generation)
{
	c->media_generation = generation;
	feed(CALL_EV_SESSION_UPDATED);
}

Test(call_change, C184_media_is_asked_before_the_leg_hears)
{
	hear(CALL_EV_LEG_OFFER, 2, SENDRECV);
	cr_expect(did(CALL_FX_SESSION_UPDATE));
	cr_expect_eq(out.n, 1u);
	cr_expect_eq(c->generation, 2u);
	cr_expect_eq(c->media.payload_type, 0u);
	cr_expect_eq(c->media.towards.port, 77u, "our address stays");
	media_follows(1); /* late */
	cr_expect_eq(out.n, 0u);
	media_follows(2);
	cr_expect_eq(code_of(CALL_FX_LEG_ACCEPT), 2u);
	cr_expect(did(CALL_FX_ANNOTATE));
	cr_expect_not(did(CALL_FX_HELD));
	cr_expect_eq(c->change, 0u);
	cr_expect_eq(c->state, CALL_ANSWERED);
	media_follows(2);
	cr_expect_eq(out.n, 0u, "once");
}

Test(call_change, C184_refused_everything_is_as_it_was)
{
	hear(CALL_EV_LEG_OFFER, 2, CALL_RECVONLY);
	hear(CALL_EV_LEG_OFFER, 3, SENDRECV); /* the first was withdrawn unheard */
	feed(CALL_EV_SESSION_REFUSED);
	cr_expect_eq(code_of(CALL_FX_LEG_REFUSE), 3u);
	cr_expect_eq(out.n, 1u);
	cr_expect_eq(c->generation, 1u);
	cr_expect_eq(c->media.payload_type, 8u);
	cr_expect_eq(c->media.direction, (uint32_t)SENDRECV);
	cr_expect_eq(c->state, CALL_ANSWERED);
	cr_expect_not(call_input(c, CALL_EV_SESSION_REFUSED, &world, &out), "nothing waits");
	hear(CALL_EV_LEG_OFFER, 4, SENDRECV);
	cr_expect(did(CALL_FX_SESSION_UPDATE));
}

Test(call_change, C214_held_and_resumed_once)
{
	static const uint32_t held[] = {CALL_RECVONLY, CALL_INACTIVE}, not_held[] = {SENDRECV, SENDONLY};

	for (uint32_t i = 0; i < 2; i++) {
		uint32_t generation = 2 + 3 * i;

		hear(CALL_EV_LEG_OFFER, generation, held[i]);
		cr_expect_not(did(CALL_FX_HELD), "not before media follows");
		media_follows(generation);
		cr_expect(did(CALL_FX_LEG_ACCEPT) && did(CALL_FX_HELD) && c->held);
		hear(CALL_EV_LEG_OFFER, generation + 1, held[1 - i]);
		media_follows(generation + 1);
		cr_expect_not(did(CALL_FX_HELD), "it is held already");
		hear(CALL_EV_LEG_OFFER, generation + 2, not_held[i]);
		media_follows(generation + 2);
		cr_expect(did(CALL_FX_RESUMED) && !c->held);
	}
	setup_in(CALL_RECVONLY);
	cr_expect(did(CALL_FX_ANSWERED) && did(CALL_FX_HELD), "by the INVITE");
}

Test(call_change, asked_again_by_a_leg_that_waits)
{
	hear(CALL_EV_LEG_OFFER, 2, SENDRECV);
	hear(CALL_EV_LEG_OFFER, 2, SENDRECV);
	cr_expect(did(CALL_FX_SESSION_UPDATE), "the first may be lost");
	feed(CALL_EV_MEDIA_BACK);
	cr_expect(did(CALL_FX_SESSION_UPDATE), "by a worker that was replaced");
	c->media_generation = 2; /* it had written it down */
	feed(CALL_EV_MEDIA_BACK);
	hear(CALL_EV_LEG_OFFER, 2, SENDRECV);
	cr_expect_eq(code_of(CALL_FX_LEG_ACCEPT), 2u);
	hear(CALL_EV_LEG_OFFER, 2, SENDRECV);
	cr_expect_eq(code_of(CALL_FX_LEG_ACCEPT), 2u, "signaling was replaced before it read the first");
	hear(CALL_EV_LEG_OFFER, 1, SENDRECV);
	cr_expect_eq(out.n, 0u, "an old one");
}

/* Media followed what the peer took back. */
Test(call_change, withdrawn_while_media_was_asked)
{
	hear(CALL_EV_LEG_OFFER, 2, CALL_RECVONLY);
	hear(CALL_EV_LEG_AGREED, 3, SENDRECV);
	cr_expect(did(CALL_FX_SESSION_UPDATE) && did(CALL_FX_ANNOTATE));
	cr_expect_eq(c->generation, 3u);
	media_follows(3);
	cr_expect_not(did(CALL_FX_LEG_ACCEPT) || did(CALL_FX_HELD));
	hear(CALL_EV_LEG_AGREED, 3, SENDRECV);
	cr_expect_eq(out.n, 0u, "said again");
}

/* A control that comes later finds out. */
Test(call_change, what_was_agreed_on_while_nobody_listened)
{
	hear(CALL_EV_LEG_AGREED, 2, CALL_INACTIVE);
	cr_expect(did(CALL_FX_SESSION_UPDATE) && did(CALL_FX_HELD));
}

Test(call_change, nothing_to_change)
{
	feed(CALL_EV_HANGUP);
	hear(CALL_EV_LEG_OFFER, 2, SENDRECV);
	cr_expect_eq(out.n, 0u);
	hear(CALL_EV_LEG_AGREED, 2, SENDRECV);
	cr_expect_eq(out.n, 0u);
	feed(CALL_EV_SESSION_REFUSED);
	cr_expect_eq(out.n, 0u);
	cr_expect_eq(c->generation, 1u);
}

/* Whoever has the call, or nobody. */
Test(call_change, in_every_state_of_a_call_that_is_up)
{
	hear(CALL_EV_LEG_OFFER, 2, CALL_RECVONLY);
	policy.reoffer = true;
	feed(CALL_EV_BACKEND_LOST);
	cr_assert_eq(c->state, CALL_OFFERED);
	media_follows(2);
	cr_expect(did(CALL_FX_LEG_ACCEPT) && did(CALL_FX_HELD));
	feed(CALL_EV_CLAIM);
	hear(CALL_EV_LEG_OFFER, 3, SENDRECV);
	media_follows(3);
	cr_expect(did(CALL_FX_LEG_ACCEPT) && did(CALL_FX_RESUMED));
	policy.reoffer = false;
}
