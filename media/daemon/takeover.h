/* takeover.h - go on with the sessions of a predecessor. Its records and tapes are hostile input. */
#pragma once

#include "media/daemon/media.h"

uint32_t takeover(struct media *m); /* how many go on */
