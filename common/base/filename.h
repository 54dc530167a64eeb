/* filename.h - names of files that others choose. */
#pragma once

#include <stdbool.h>

#include "common/base/str.h"

#define FILENAME_BYTES 128u /* with its NUL */

/* 1 to 127 of letters, digits, "-", "_" and ".", no "." first: it can not leave its directory, is not hidden, and means nothing to a shell. */
bool filename_is_good(struct str name);
