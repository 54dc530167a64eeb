/* takeover.h - the legs of a predecessor go on. */
#pragma once

#include "signaling/daemon/signaling.h"

/* Of the format: rows of parts (common/base/record.h), which older and newer builds read. */
#define TAKEOVER_SCHEMA 0x6c65672d70617274ull

MUST_USE int takeover_slab(struct signaling *s, uint32_t cap);
/* The hash key of the predecessor, or a new one. */
void takeover_key(struct signaling *s);
/* How many legs go on. */
uint32_t takeover_legs(struct signaling *s);
