/* test_renewal.c - mirrors signaling/leg/renewal.c: for every state and event what there is to be done. */
#include <criterion/criterion.h>
#include <string.h>

#include "signaling/leg/renewal.h"

enum { ACK = RENEWAL_SEND_ACK, INVITE = RENEWAL_SEND_INVITE, CANCEL = RENEWAL_SEND_CANCEL, TELL = RENEWAL_TELL };

/* clang-format off */
static const struct {
	enum renewal_state state;
	enum renewal_event ev;
	unsigned todo;
	enum renewal_state next;
} rules[] = {
	{RENEWAL_NONE,     RENEWAL_EV_WANTED,     0,          RENEWAL_WAITING},
	{RENEWAL_NONE,     RENEWAL_EV_ACK_WANTED, ACK,        RENEWAL_NONE},
	{RENEWAL_WAITING,  RENEWAL_EV_WANTED,     0,          RENEWAL_WAITING},
	{RENEWAL_WAITING,  RENEWAL_EV_DUE,        INVITE,     RENEWAL_OUT},
	{RENEWAL_WAITING,  RENEWAL_EV_ACK_WANTED, ACK,        RENEWAL_WAITING},
	{RENEWAL_OUT,      RENEWAL_EV_WANTED,     0,          RENEWAL_OUT},
	{RENEWAL_OUT,      RENEWAL_EV_DUE,        CANCEL,     RENEWAL_STOPPING},
	{RENEWAL_OUT,      RENEWAL_EV_ANSWERED,   ACK | TELL, RENEWAL_NONE},
	{RENEWAL_OUT,      RENEWAL_EV_OVER,       TELL,       RENEWAL_NONE},
	{RENEWAL_OUT,      RENEWAL_EV_LATER,      0,          RENEWAL_WAITING},
	{RENEWAL_OUT,      RENEWAL_EV_AGAIN,      INVITE,     RENEWAL_OUT},
	{RENEWAL_STOPPING, RENEWAL_EV_WANTED,     0,          RENEWAL_STOPPING},
	{RENEWAL_STOPPING, RENEWAL_EV_ANSWERED,   ACK | TELL, RENEWAL_NONE},
	{RENEWAL_STOPPING, RENEWAL_EV_OVER,       TELL,       RENEWAL_NONE},
};
/* clang-format on */

Test(renewal, every_state_and_event)
{
	for (unsigned state = 0; state < RENEWAL_STATES; state++) {
		for (unsigned ev = 0; ev < RENEWAL_EVENTS; ev++) {
			struct renewal n = {.state = state, .cseq = 7};
			unsigned todo = 0, next = state, got;

			for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
				if (rules[i].state != state || rules[i].ev != ev)
					continue;
				todo = rules[i].todo | RENEWAL_KNOWN;
				next = rules[i].next;
			}
			got = renewal_event(&n, (enum renewal_event)ev);
			cr_expect_eq(got, todo, "%s %u", renewal_state_name((enum renewal_state)state), ev);
			cr_expect_eq(n.state, next, "%s %u", renewal_state_name((enum renewal_state)state), ev);
			cr_expect_eq(n.cseq, 7u);
		}
	}
}

Test(renewal, the_next_one_waits_for_this_one)
{
	struct renewal n = {.tries = 3, .now = {.number = 1, .kind = RENEWAL_OF_HOLD}, .next = {.number = 2, .kind = RENEWAL_OF_SAME}};

	renewal_next(&n, 500);
	cr_expect(n.state == RENEWAL_WAITING && n.at_ms == 500 && n.tries == 0);
	cr_expect(n.now.number == 2 && n.next.kind == RENEWAL_OF_NOTHING);
	n.state = RENEWAL_NONE;
	renewal_next(&n, 600);
	cr_expect(n.state == RENEWAL_NONE && n.now.kind == RENEWAL_OF_NOTHING);
}
