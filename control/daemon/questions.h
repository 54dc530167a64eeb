/* questions.h - what tools ask. Not remembered: the answer is as of now. */
#pragma once

#include "control/daemon/control.h"

void questions_list_calls(void *self, struct str peer, const Tipring__V1__Envelope *m);
void questions_get_status(void *self, struct str peer, const Tipring__V1__Envelope *m);
