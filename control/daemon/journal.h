/* journal.h - what an operator is told of calls: a line when one ends, a line when the host could not serve a caller; counts by app,
 * backend and code, the times of set-ups, and the calls that ended lately. */
#pragma once

#include "control/daemon/control.h"

struct refusal {
	const char *app;    /* "" = no route */
	struct str request; /* request URI */
	uint32_t code;
	const char *reason;
};

void journal_refused(struct control *k, const struct refusal *r);
void journal_answered(struct control *k, const struct control_call *cc); /* the ACK arrived */
void journal_ended(struct control *k, const struct control_call *cc);
