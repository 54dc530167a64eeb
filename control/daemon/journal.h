/* journal.h - the lines that tell an operator of calls: one when a call ends, one when the host could not serve a caller. Whatever counts
 * calls by app, backend or code belongs here too. */
#pragma once

#include "control/daemon/control.h"

struct refusal {
	const char *app;    /* "" = no route */
	struct str request; /* request URI */
	uint32_t code;
	const char *reason;
};

void journal_refused(struct control *k, const struct refusal *r);
void journal_ended(struct control *k, const struct control_call *cc);
