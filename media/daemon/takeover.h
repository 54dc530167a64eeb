/* takeover.h - go on with the sessions of a predecessor. Its records and tapes are hostile input. */
#pragma once

#include "media/daemon/media.h"

/* The sessions that go on; each has sent what was due when this returns. ERR_NOMEM. */
MUST_USE int takeover(struct media *m, uint32_t *ret_kept);
