/* config_wrong.h - what is wrong in a configuration, and where. Pure. */
#pragma once

#include "common/base/err.h"

struct config_wrong {
	char key[64]; /* "sip.auth.users[3].username" */
	char text[200];
};

/* Always ERR_RANGE. Longer texts are cut. */
MUST_USE int config_wrong(struct config_wrong *ret, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
