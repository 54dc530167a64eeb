/* metrics.h - the text of /metrics. */
#pragma once

#include "control/daemon/control.h"

size_t metrics_print(struct control *k, char *out, size_t cap); /* bytes, 0 = did not fit */
