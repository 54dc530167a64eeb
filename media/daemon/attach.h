/* attach.h - backends come for the descriptors of their tapes (protocol: end of common/shm/layout.h). */
#pragma once

#include "media/daemon/media.h"

MUST_USE int attach_open(struct media *m);
void attach_accept(struct media *m);
void attach_request(struct media *m, uint32_t connection);
