/* from_files.h - what the files process says. */
#pragma once

#include "control/daemon/control.h"

void from_files_hello(struct control *k); /* its roster follows */
void from_files_news(void *self, struct str peer, const Tipring__V1__Envelope *m);
/* The session of the call is over. True: what is recorded or played ends with it, and that has to be told first. */
bool from_files_hold(struct control *k, struct control_call *cc);
