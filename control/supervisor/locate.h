/* locate.h - where in a YAML text a key stands. */
#pragma once

#include <stddef.h>

#include "common/base/err.h"

struct place {
	unsigned line;   /* from 1 */
	unsigned column; /* from 1 */
};

/* `path` such as "rtp.port_min" or "routes[2].app": the place of its value. ERR_NOENT. */
MUST_USE int locate_key(const char *text, size_t bytes, const char *path, struct place *ret);

/* The first mapping key called `name` in line `from_line` or later. ERR_NOENT. */
MUST_USE int locate_name(const char *text, size_t bytes, const char *name, unsigned from_line,
			 struct place *ret);
