/* counts.h - what sessions, ports and the loop have to say to the statistics page. */
#pragma once

#include "media/daemon/media.h"

void counts_session(struct media *m, struct media_session *ms); /* its news */
void counts_gauges(struct media *m);
