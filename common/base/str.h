/* str.h - borrowed byte ranges.
 *
 * A struct str never owns memory: it is valid exactly as long as the buffer
 * it points into. Copy the bytes (arena_dup) before keeping one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The same in two cases? Of equal lengths. */
bool str_same_letters(struct str a, struct str b);

/* ASCII case-insensitive equality (SIP tokens, header names). */
static inline bool str_ieq(struct str a, struct str b)
{
	return a.n == b.n &&
	       (a.n == 0 || memcmp(a.p, b.p, b.n) == 0 || str_same_letters(a, b));
}

/* A NUL-terminated string borrowed as a range. NULL gives the empty range. */
struct str str_of(const char *z);

/* Everything before / after the first `c`; `*rest` is empty when `c` is absent. */
static inline struct str str_cut(struct str in, char c, struct str *rest)
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

/* Without leading and trailing SP, HTAB, CR, LF. */
static inline struct str str_trim(struct str in)
{
	static const bool space[256] = {[' '] = 1, ['\t'] = 1, ['\r'] = 1, ['\n'] = 1};

	if (in.n > 0 && in.p[0] > ' ' && in.p[in.n - 1] > ' ') /* nearly all */
		return in;
	for (; in.n > 0 && space[(unsigned char)in.p[0]]; in.n--)
		in.p++;
	while (in.n > 0 && space[(unsigned char)in.p[in.n - 1]])
		in.n--;
	return in;
}

static inline bool str_has_prefix(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* Copy into `dst` of `cap` bytes, always NUL-terminated.
 * 0, or ERR_NOSPC with `dst` set to "" when it does not fit. */
int str_copy(char *dst, size_t cap, struct str s);
