/* str.c - see str.h */
#include "common/base/str.h"

#include "common/base/err.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_ieq(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	if (str_eq(a, b))
		return true;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

struct str str_of(const char *z)
{
	return (struct str){z, z != NULL ? strlen(z) : 0};
}

struct str str_cut(struct str in, char c, struct str *rest)
{
	const char *at = in.n > 0 ? memchr(in.p, c, in.n) : NULL;
	struct str before = in;

	if (at == NULL) {
		*rest = (struct str){in.n > 0 ? in.p + in.n : in.p, 0};
		return before;
	}
	before.n = (size_t)(at - in.p);
	*rest = (struct str){at + 1, in.n - before.n - 1};
	return before;
}

bool str_has_prefix(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
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
