/* str.c - see str.h */
#include "common/base/str.h"

#include "common/base/err.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_same_letters(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

struct str str_of(const char *z)
{
	return (struct str){z, z != NULL ? strlen(z) : 0};
}

int str_copy(char *dst, size_t cap, struct str s)
{
	if (cap == 0)
		return ERR_NOSPC;
	dst[0] = '\0';
	if (s.n >= cap)
		return ERR_NOSPC;
	if (s.n > 0)
		memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
	return 0;
}
