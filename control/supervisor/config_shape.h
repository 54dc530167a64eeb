/* config_shape.h - is this text a configuration by its keys, lists and kinds of values, and if not: in words to act on. */
#pragma once

#include "control/supervisor/locate.h"

struct config_fault {
	struct place at; /* line 0: nowhere */
	char text[320];
};

/* 0 or ERR_SYNTAX. */
MUST_USE int config_shape(const char *text, size_t bytes, struct config_fault *ret);
