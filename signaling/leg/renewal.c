/* renewal.c - see renewal.h */
#include "signaling/leg/renewal.h"

struct rule {
	uint8_t todo; /* bits of enum renewal_action */
	uint8_t next;
};

enum {
	nothing = RENEWAL_KNOWN,
	send_invite = RENEWAL_KNOWN | RENEWAL_SEND_INVITE,
	send_cancel = RENEWAL_KNOWN | RENEWAL_SEND_CANCEL,
	send_ack = RENEWAL_KNOWN | RENEWAL_SEND_ACK,
	tell = RENEWAL_KNOWN | RENEWAL_TELL,
	ack_and_tell = RENEWAL_KNOWN | RENEWAL_SEND_ACK | RENEWAL_TELL
};

/* clang-format off */
static const struct rule rules[RENEWAL_STATES][RENEWAL_EVENTS] = {
	[RENEWAL_NONE] = {
		[RENEWAL_EV_WANTED]     = {nothing,      RENEWAL_WAITING},
		[RENEWAL_EV_ACK_WANTED] = {send_ack,     RENEWAL_NONE},
	},
	[RENEWAL_WAITING] = {
		[RENEWAL_EV_WANTED]     = {nothing,      RENEWAL_WAITING}, /* it is the next one */
		[RENEWAL_EV_DUE]        = {send_invite,  RENEWAL_OUT},
		[RENEWAL_EV_ACK_WANTED] = {send_ack,     RENEWAL_WAITING}, /* of the one before */
	},
	[RENEWAL_OUT] = {
		[RENEWAL_EV_WANTED]     = {nothing,      RENEWAL_OUT},
		[RENEWAL_EV_DUE]        = {send_cancel,  RENEWAL_STOPPING},
		[RENEWAL_EV_ANSWERED]   = {ack_and_tell, RENEWAL_NONE},
		[RENEWAL_EV_OVER]       = {tell,         RENEWAL_NONE},
		[RENEWAL_EV_LATER]      = {nothing,      RENEWAL_WAITING},
		[RENEWAL_EV_AGAIN]      = {send_invite,  RENEWAL_OUT},
	},
	[RENEWAL_STOPPING] = {
		[RENEWAL_EV_WANTED]     = {nothing,      RENEWAL_STOPPING},
		[RENEWAL_EV_ANSWERED]   = {ack_and_tell, RENEWAL_NONE},
		[RENEWAL_EV_OVER]       = {tell,         RENEWAL_NONE},
	},
};
/* clang-format on */

unsigned renewal_event(struct renewal *n, enum renewal_event ev)
{
	const struct rule *r = &rules[n->state][ev];

	if (r->todo != 0)
		n->state = r->next;
	return r->todo;
}

void renewal_next(struct renewal *n, uint64_t now_ms)
{
	n->now = n->next;
	n->next = (struct renewal_wish){.kind = RENEWAL_OF_NOTHING};
	n->tries = 0;
	n->at_ms = now_ms;
	if (n->now.kind != RENEWAL_OF_NOTHING)
		(void)renewal_event(n, RENEWAL_EV_WANTED);
}

const char *renewal_state_name(enum renewal_state s)
{
	static const char *const names[RENEWAL_STATES] = {"none", "waiting", "out", "stopping"};

	return names[s];
}
