/* test_reliable.c - mirrors signaling/leg/reliable.c: every event in every state, for every kind of caller. */
#include <criterion/criterion.h>
#include <string.h>

#include "signaling/leg/reliable.h"
#include "signaling/sip/txn.h"

#define NOW    1000u
#define CHANCE 41u /* the first RSeq is one more */

static struct reliable r;

static enum reliable_do feed(enum reliable_event ev, uint64_t now_ms)
{
	return reliable_event(&r, ev, 7, CHANCE, now_ms);
}

static enum reliable_do ring(uint32_t code, bool described)
{
	r.wish = (struct reliable_wish){code, described};
	return feed(RELIABLE_EV_RING, NOW);
}

static enum reliable_do prack(void)
{
	r.out.waits = 0;
	sip_rel100_stop(&r.out);
	return feed(RELIABLE_EV_PRACK, NOW + 100);
}

static void of(enum reliable_caller caller)
{
	memset(&r, 0, sizeof r);
	r.caller = (uint32_t)caller;
}

static void bring_to(enum reliable_state state)
{
	of(RELIABLE_REQUIRED);
	if (state == RELIABLE_FREE)
		return;
	cr_assert_eq(ring(183, state != RELIABLE_OUT), RELIABLE_RING);
	if (state == RELIABLE_RING_WAITS)
		cr_assert_eq(ring(180, false), RELIABLE_HOLD);
	if (state == RELIABLE_ANSWER_WAITS)
		cr_assert_eq(feed(RELIABLE_EV_ANSWER, NOW), RELIABLE_HOLD);
	cr_assert_eq(r.state, (uint32_t)state);
}

static const struct {
	enum reliable_state state;
	enum reliable_event ev;
	enum reliable_do todo;
	enum reliable_state next;
} rows[] = {
	{RELIABLE_FREE, RELIABLE_EV_RING, RELIABLE_RING, RELIABLE_OUT}, /* 182, which no other state has sent */
	{RELIABLE_FREE, RELIABLE_EV_ANSWER, RELIABLE_GO_ON, RELIABLE_FREE},
	{RELIABLE_FREE, RELIABLE_EV_PRACK, RELIABLE_HOLD, RELIABLE_FREE},
	{RELIABLE_FREE, RELIABLE_EV_OVER, RELIABLE_GO_ON, RELIABLE_FREE},
	{RELIABLE_OUT, RELIABLE_EV_RING, RELIABLE_HOLD, RELIABLE_RING_WAITS},
	{RELIABLE_OUT, RELIABLE_EV_ANSWER, RELIABLE_GO_ON, RELIABLE_FREE},
	{RELIABLE_OUT, RELIABLE_EV_PRACK, RELIABLE_HOLD, RELIABLE_FREE},
	{RELIABLE_OUT, RELIABLE_EV_OVER, RELIABLE_GO_ON, RELIABLE_FREE},
	{RELIABLE_DESCRIBED, RELIABLE_EV_RING, RELIABLE_HOLD, RELIABLE_RING_WAITS},
	{RELIABLE_DESCRIBED, RELIABLE_EV_ANSWER, RELIABLE_HOLD, RELIABLE_ANSWER_WAITS},
	{RELIABLE_DESCRIBED, RELIABLE_EV_PRACK, RELIABLE_HOLD, RELIABLE_FREE},
	{RELIABLE_DESCRIBED, RELIABLE_EV_OVER, RELIABLE_GO_ON, RELIABLE_FREE},
	{RELIABLE_RING_WAITS, RELIABLE_EV_RING, RELIABLE_HOLD, RELIABLE_RING_WAITS},
	{RELIABLE_RING_WAITS, RELIABLE_EV_ANSWER, RELIABLE_HOLD, RELIABLE_ANSWER_WAITS},
	{RELIABLE_RING_WAITS, RELIABLE_EV_PRACK, RELIABLE_RING, RELIABLE_OUT},
	{RELIABLE_RING_WAITS, RELIABLE_EV_OVER, RELIABLE_GO_ON, RELIABLE_FREE},
	{RELIABLE_ANSWER_WAITS, RELIABLE_EV_RING, RELIABLE_HOLD, RELIABLE_ANSWER_WAITS},
	{RELIABLE_ANSWER_WAITS, RELIABLE_EV_ANSWER, RELIABLE_HOLD, RELIABLE_ANSWER_WAITS},
	{RELIABLE_ANSWER_WAITS, RELIABLE_EV_PRACK, RELIABLE_ANSWER, RELIABLE_FREE},
	{RELIABLE_ANSWER_WAITS, RELIABLE_EV_OVER, RELIABLE_GO_ON, RELIABLE_FREE},
};

Test(reliable, every_state_and_event)
{
	cr_assert_eq(sizeof rows / sizeof rows[0], (size_t)RELIABLE_STATES * RELIABLE_EVENTS);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *name = reliable_state_name(rows[i].state);
		enum reliable_do todo;

		bring_to(rows[i].state);
		if (rows[i].ev == RELIABLE_EV_RING)
			todo = ring(182, false);
		else
			todo = rows[i].ev == RELIABLE_EV_PRACK ? prack() : feed(rows[i].ev, NOW);
		cr_expect_eq(todo, rows[i].todo, "%s %u: %u", name, rows[i].ev, todo);
		cr_expect_eq(r.state, (uint32_t)rows[i].next, "%s %u: %s", name, rows[i].ev, reliable_state_name((enum reliable_state)r.state));
		cr_expect(reliable_mend(&r, NOW + 100), "%s %u: a successor can go on", name, rows[i].ev);
	}
}

/* C175 C176 */
Test(reliable, C175_which_of_them_are)
{
	static const struct {
		enum reliable_caller caller;
		bool described, reliable;
	} cases[] = {
		{RELIABLE_UNKNOWN, false, false}, {RELIABLE_UNKNOWN, true, false},   {RELIABLE_SUPPORTED, false, false},
		{RELIABLE_SUPPORTED, true, true}, {RELIABLE_REQUIRED, false, true}, {RELIABLE_REQUIRED, true, true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		of(cases[i].caller);
		cr_expect_eq(ring(183, cases[i].described), RELIABLE_RING);
		cr_expect_eq(r.rseq, cases[i].reliable ? CHANCE + 1 : 0, "%zu", i);
		cr_expect_eq(sip_rel100_deadline(&r.out), cases[i].reliable ? NOW + SIP_T1_MS : UINT64_MAX, "%zu", i);
	}
}

Test(reliable, one_at_a_time_and_the_last_wish_wins)
{
	of(RELIABLE_REQUIRED);
	cr_expect_eq(ring(180, false), RELIABLE_RING);
	cr_expect_eq(ring(183, true), RELIABLE_HOLD);
	cr_expect_eq(ring(180, false), RELIABLE_HOLD);
	cr_expect_eq(r.state, (uint32_t)RELIABLE_OUT, "the one that is out is none");
	cr_expect_eq(ring(183, true), RELIABLE_HOLD);
	cr_expect_eq(prack(), RELIABLE_RING);
	cr_expect_eq(r.sent.code, 183u);
	cr_expect_eq(r.rseq, CHANCE + 2, "one more than the last (RFC 3262 3)");
	cr_expect_eq(r.state, (uint32_t)RELIABLE_DESCRIBED);
	cr_expect_eq(prack(), RELIABLE_HOLD);
	cr_expect_eq(r.agreed, 1u);
	cr_expect_eq(ring(183, true), RELIABLE_HOLD, "said again by a control that was replaced");
	cr_expect_eq(ring(180, true), RELIABLE_RING);
	cr_expect_eq(r.sent.described, 0u, "the answer is there");
}

Test(reliable, C180_the_2xx_waits_for_the_prack_of_an_answer)
{
	of(RELIABLE_SUPPORTED);
	cr_expect_eq(ring(183, true), RELIABLE_RING);
	cr_expect_not(reliable_is_due(&r));
	r.out.waits = 0;
	cr_expect(reliable_is_due(&r), "killed between the two: what comes later must not wait");
	r.out.waits = 1;
	cr_expect_eq(feed(RELIABLE_EV_ANSWER, NOW), RELIABLE_HOLD);
	cr_expect_not(reliable_is_due(&r));
	r.out.waits = 0;
	cr_expect(reliable_is_due(&r), "killed between the two");
	cr_expect_eq(prack(), RELIABLE_ANSWER);
	cr_expect_not(reliable_is_due(&r));
	of(RELIABLE_REQUIRED);
	cr_expect_eq(ring(180, false), RELIABLE_RING);
	cr_expect_eq(feed(RELIABLE_EV_ANSWER, NOW), RELIABLE_GO_ON, "of one without answer it does not");
	cr_expect_eq(sip_rel100_deadline(&r.out), UINT64_MAX);
	cr_expect_eq(r.out.waits, 1u, "its PRACK may still come");
}

Test(reliable, what_could_not_be_sent_waits_for_nothing)
{
	of(RELIABLE_REQUIRED);
	cr_expect_eq(ring(183, true), RELIABLE_RING);
	reliable_unsent(&r);
	cr_expect_eq(sip_rel100_deadline(&r.out), UINT64_MAX);
	cr_expect_eq(feed(RELIABLE_EV_ANSWER, NOW), RELIABLE_GO_ON);
	cr_expect_eq(ring(183, true), RELIABLE_RING);
	cr_expect_eq(r.rseq, CHANCE + 2, "no number twice");
}

Test(reliable, damaged_records)
{
	for (unsigned i = 0; i < 7; i++) {
		bring_to(RELIABLE_DESCRIBED);
		cr_assert(reliable_mend(&r, NOW));
		switch (i) {
		case 0: r.state = RELIABLE_STATES; break;
		case 1: r.caller = RELIABLE_REQUIRED + 1; break;
		case 2: r.out.interval_ms = 0; break;
		case 3: r.out.interval_ms = SIP_TIMEOUT_MS + 1; break;
		case 4: r.out.give_up_ms = NOW + SIP_TIMEOUT_MS + 1; break;
		case 5: r.out.rseq = 0; break;
		case 6: r.state = RELIABLE_FREE, r.out.interval_ms = 0; break;
		}
		cr_expect_not(reliable_mend(&r, NOW), "%u", i);
		cr_expect_eq(sip_rel100_deadline(&r.out), UINT64_MAX, "%u", i);
		cr_expect_eq(feed(RELIABLE_EV_ANSWER, NOW), RELIABLE_GO_ON, "%u: the call goes on", i);
	}
}
