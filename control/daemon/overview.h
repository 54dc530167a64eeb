/* overview.h - GET /: what this host does, for a person with a browser. */
#pragma once

#include "control/daemon/control.h"

#define OVERVIEW_TYPE "text/html; charset=utf-8"

/* One page without scripts that reloads itself; octets, 0 = did not fit. What came from peers is escaped. */
size_t overview_print(struct control *k, bool ready, char *out, size_t cap);
