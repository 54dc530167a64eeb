/* filename.c - see filename.h */
#include "common/base/filename.h"

#include "common/base/scan.h"

bool filename_is_good(struct str name)
{
	static scan_set letters = {SCAN_ALNUM, ['-'] = 1, ['_'] = 1, ['.'] = 1};

	if (name.n == 0 || name.n >= FILENAME_BYTES || name.p[0] == '.')
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!letters[(unsigned char)name.p[i]])
			return false;
	return true;
}
