/* takeover.h - the recordings of a predecessor go on. */
#pragma once

#include "media/files/files.h"

uint32_t takeover(struct files *f); /* how many */
