/* test_attempt.c - mirrors signaling/leg/attempt.c: for every state and event the next one, and what there is to do. */
#include <criterion/criterion.h>

#include "signaling/leg/attempt.h"

#define INVITE ATTEMPT_SEND_INVITE
#define CANCEL ATTEMPT_SEND_CANCEL
#define ACK    ATTEMPT_SEND_ACK

/* clang-format off */
static const struct {
	enum attempt_state state;
	enum attempt_event ev;
	enum attempt_state next;
	unsigned todo;
} rules[] = {
	{ATTEMPT_NONE,       ATTEMPT_EV_DIAL,     ATTEMPT_CALLING,    INVITE},

	{ATTEMPT_CALLING,    ATTEMPT_EV_TRYING,   ATTEMPT_PROCEEDING, 0},
	{ATTEMPT_CALLING,    ATTEMPT_EV_EARLY,    ATTEMPT_EARLY,      0},
	{ATTEMPT_CALLING,    ATTEMPT_EV_ANSWERED, ATTEMPT_DONE,       ACK},
	{ATTEMPT_CALLING,    ATTEMPT_EV_OVER,     ATTEMPT_DONE,       0},
	{ATTEMPT_CALLING,    ATTEMPT_EV_CANCEL,   ATTEMPT_CANCELLING, CANCEL},

	{ATTEMPT_PROCEEDING, ATTEMPT_EV_TRYING,   ATTEMPT_PROCEEDING, 0},
	{ATTEMPT_PROCEEDING, ATTEMPT_EV_EARLY,    ATTEMPT_EARLY,      0},
	{ATTEMPT_PROCEEDING, ATTEMPT_EV_ANSWERED, ATTEMPT_DONE,       ACK},
	{ATTEMPT_PROCEEDING, ATTEMPT_EV_OVER,     ATTEMPT_DONE,       0},
	{ATTEMPT_PROCEEDING, ATTEMPT_EV_CANCEL,   ATTEMPT_CANCELLING, CANCEL},

	{ATTEMPT_EARLY,      ATTEMPT_EV_TRYING,   ATTEMPT_EARLY,      0},
	{ATTEMPT_EARLY,      ATTEMPT_EV_EARLY,    ATTEMPT_EARLY,      0},
	{ATTEMPT_EARLY,      ATTEMPT_EV_ANSWERED, ATTEMPT_DONE,       ACK},
	{ATTEMPT_EARLY,      ATTEMPT_EV_OVER,     ATTEMPT_DONE,       0},
	{ATTEMPT_EARLY,      ATTEMPT_EV_CANCEL,   ATTEMPT_CANCELLING, CANCEL},

	{ATTEMPT_CALLING,    ATTEMPT_EV_AGAIN,    ATTEMPT_CALLING,    INVITE},
	{ATTEMPT_PROCEEDING, ATTEMPT_EV_AGAIN,    ATTEMPT_CALLING,    INVITE},
	{ATTEMPT_EARLY,      ATTEMPT_EV_AGAIN,    ATTEMPT_CALLING,    INVITE},

	{ATTEMPT_CANCELLING, ATTEMPT_EV_ANSWERED, ATTEMPT_DONE,       ACK},
	{ATTEMPT_CANCELLING, ATTEMPT_EV_OVER,     ATTEMPT_DONE,       0},

	{ATTEMPT_DONE,       ATTEMPT_EV_ANSWERED, ATTEMPT_DONE,       ACK},
	{ATTEMPT_DONE,       ATTEMPT_EV_AGAIN,    ATTEMPT_CALLING,    INVITE},
};
/* clang-format on */

Test(attempt, every_rule_and_no_other)
{
	for (unsigned state = 0; state < ATTEMPT_STATES; state++) {
		for (unsigned ev = 0; ev < ATTEMPT_EVENTS; ev++) {
			struct attempt a = {.state = state, .cseq = 1};
			unsigned next = state, want = 0, todo;

			for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
				if (rules[i].state == state && rules[i].ev == ev) {
					next = rules[i].next;
					want = rules[i].todo;
				}
			}
			todo = attempt_event(&a, (enum attempt_event)ev);
			cr_expect_eq(a.state, next, "%s, event %u", attempt_state_name((enum attempt_state)state), ev);
			cr_expect_eq(todo, want, "%s, event %u", attempt_state_name((enum attempt_state)state), ev);
			cr_expect_eq(a.cseq, 1u);
		}
	}
}

Test(attempt, states_have_names_of_their_own)
{
	for (unsigned a = 0; a < ATTEMPT_STATES; a++)
		for (unsigned b = 0; b < a; b++)
			cr_expect_str_neq(attempt_state_name((enum attempt_state)a), attempt_state_name((enum attempt_state)b));
}
