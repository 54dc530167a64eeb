/* attempt.c - see attempt.h */
#include "signaling/leg/attempt.h"

struct rule {
	uint8_t todo; /* bits of enum attempt_action */
	uint8_t next; /* ATTEMPT_NONE: no rule */
};

enum {
	nothing = 0,
	send_invite = ATTEMPT_SEND_INVITE,
	send_cancel = ATTEMPT_SEND_CANCEL,
	send_ack = ATTEMPT_SEND_ACK
};

/* clang-format off */
static const struct rule rules[ATTEMPT_STATES][ATTEMPT_EVENTS] = {
	[ATTEMPT_NONE] = {
		[ATTEMPT_EV_DIAL]     = {send_invite, ATTEMPT_CALLING},
	},
	[ATTEMPT_CALLING] = {
		[ATTEMPT_EV_TRYING]   = {nothing,     ATTEMPT_PROCEEDING},
		[ATTEMPT_EV_EARLY]    = {nothing,     ATTEMPT_EARLY},
		[ATTEMPT_EV_ANSWERED] = {send_ack,    ATTEMPT_DONE},
		[ATTEMPT_EV_OVER]     = {nothing,     ATTEMPT_DONE},
		[ATTEMPT_EV_CANCEL]   = {send_cancel, ATTEMPT_CANCELLING},
		[ATTEMPT_EV_AGAIN]    = {send_invite, ATTEMPT_CALLING},
	},
	[ATTEMPT_PROCEEDING] = {
		[ATTEMPT_EV_TRYING]   = {nothing,     ATTEMPT_PROCEEDING},
		[ATTEMPT_EV_EARLY]    = {nothing,     ATTEMPT_EARLY},
		[ATTEMPT_EV_ANSWERED] = {send_ack,    ATTEMPT_DONE},
		[ATTEMPT_EV_OVER]     = {nothing,     ATTEMPT_DONE},
		[ATTEMPT_EV_CANCEL]   = {send_cancel, ATTEMPT_CANCELLING},
		[ATTEMPT_EV_AGAIN]    = {send_invite, ATTEMPT_CALLING},
	},
	[ATTEMPT_EARLY] = {
		[ATTEMPT_EV_TRYING]   = {nothing,     ATTEMPT_EARLY},
		[ATTEMPT_EV_EARLY]    = {nothing,     ATTEMPT_EARLY},
		[ATTEMPT_EV_ANSWERED] = {send_ack,    ATTEMPT_DONE},
		[ATTEMPT_EV_OVER]     = {nothing,     ATTEMPT_DONE},
		[ATTEMPT_EV_CANCEL]   = {send_cancel, ATTEMPT_CANCELLING},
		[ATTEMPT_EV_AGAIN]    = {send_invite, ATTEMPT_CALLING},
	},
	[ATTEMPT_CANCELLING] = {
		[ATTEMPT_EV_ANSWERED] = {send_ack,    ATTEMPT_DONE}, /* it was there before the wish */
		[ATTEMPT_EV_OVER]     = {nothing,     ATTEMPT_DONE},
	},
	[ATTEMPT_DONE] = {
		[ATTEMPT_EV_ANSWERED] = {send_ack,    ATTEMPT_DONE}, /* the same 2xx again */
		[ATTEMPT_EV_AGAIN]    = {send_invite, ATTEMPT_CALLING}, /* it was sent elsewhere */
	},
};
/* clang-format on */

unsigned attempt_event(struct attempt *a, enum attempt_event ev)
{
	const struct rule *r = &rules[a->state][ev];

	if (r->next != ATTEMPT_NONE)
		a->state = r->next;
	return r->todo;
}

const char *attempt_state_name(enum attempt_state s)
{
	static const char *const names[ATTEMPT_STATES] = {
		"none", "calling", "proceeding", "early", "cancelling", "done",
	};

	return names[s];
}
