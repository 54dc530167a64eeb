/* metrics.h - the text of /metrics. */
#pragma once

#include "control/daemon/control.h"

/* Does this process run settings that the file does not have any more? `role`: its number in custody ids. */
bool metrics_config_differs(const struct control *k, uint32_t role, uint32_t index);
size_t metrics_print(struct control *k, char *out, size_t cap); /* bytes, 0 = did not fit */
