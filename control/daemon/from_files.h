/* from_files.h - what the files process says. */
#pragma once

#include "control/daemon/control.h"

void from_files_news(void *self, struct str peer, const Tipring__V1__Envelope *m);
