/* tick.h - the 1 ms clock of the worker. A session is served every 20th tick, in the bucket it joined, so sends are spread evenly. */
#pragma once

#include "media/daemon/media.h"

void tick_run(struct media *m);
/* hot. What is due of one session: packets, reports, news, its record. */
void tick_serve(struct media *m, struct media_session *ms);
