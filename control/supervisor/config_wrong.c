/* config_wrong.c - see config_wrong.h */
#include "control/supervisor/config_wrong.h"

#include <stdarg.h>
#include <stdio.h>

int config_wrong(struct config_wrong *ret, const char *key, const char *fmt, ...)
{
	va_list args;

	snprintf(ret->key, sizeof ret->key, "%s", key);
	va_start(args, fmt);
	vsnprintf(ret->text, sizeof ret->text, fmt, args);
	va_end(args);
	return ERR_RANGE;
}
