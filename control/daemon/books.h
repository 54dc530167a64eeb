/* books.h - what is remembered of calls that are over: for metrics and for whoever looks. */
#pragma once

#include "control/daemon/control.h"

void books_ended(struct control *k, const struct control_call *cc);
void books_refused(struct control *k, const char *app, uint32_t code); /* an INVITE that became no call */
void books_answered(struct control *k, const struct control_call *cc); /* the ACK arrived */
