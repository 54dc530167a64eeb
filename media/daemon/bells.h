/* bells.h - connections of backends, each the doorbell of the tapes attached over it (common/shm/doorbell.h). */
#pragma once

#include "media/daemon/media.h"

void bells_init(struct media *m);
/* hot. Its backend may have to be woken. */
void bells_look(struct media *m, struct media_session *ms);
void bells_tell_end(struct media *m, const struct media_session *ms); /* its reader learns that the tape is closed */
/* hot. Once a turn. */
void bells_ring(struct media *m);
/* A row for a new connection; when there is none, that of one over which no tape is attached: who needs it connects again. NULL: none. */
struct connection *bells_take(struct media *m);
void bells_hang_up(struct media *m, struct connection *c);
void bells_close_all(struct media *m);
