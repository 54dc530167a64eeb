/* config_places.h - whether sockets, sizes and addresses of a configuration fit together, and the kernel's ports beside them. */
#pragma once

#include "control/supervisor/config.h"
#include "control/supervisor/config_wrong.h"

/* ERR_RANGE, with the first fault. */
MUST_USE int config_places_check(const struct config *c, struct config_wrong *ret);

/* Behind the `n` notes there are, at most `max`: ports of the pool that the kernel gives to others. How many now. */
uint32_t config_places_note(const struct config *c, struct config_error *ret, uint32_t n, uint32_t max);
