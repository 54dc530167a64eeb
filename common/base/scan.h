/* scan.h - a cursor over untrusted text with a sticky error.
 *
 * Every scan_*() call is a no-op once `err` is set, so a parser reads like
 * the grammar it implements and checks for failure once, at the end. */
#pragma once

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

/* A set of octets: static scan_set ends = {[';'] = 1, [','] = 1}; */
typedef const bool scan_set[256];

/* clang-format off */
#define SCAN_ALNUM                                                                                         \
	['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, \
	['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, \
	['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,            \
	['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, \
	['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1, \
	['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1,            \
	['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, \
	['9'] = 1
/* clang-format on */

struct scan {
	const char *p;
	const char *end;
	int err; /* 0, or the first error met */
};

static inline struct scan scan_of(struct str in)
{
	return (struct scan){in.p, in.n > 0 ? in.p + in.n : in.p, 0};
}

/* Skip optional linear whitespace. */
void scan_ws(struct scan *s);

/* Require at least one whitespace octet, then skip the rest. */
void scan_ws1(struct scan *s);

/* Decimal u32; ERR_SYNTAX if no digit, ERR_RANGE on overflow. */
static inline uint32_t scan_u32(struct scan *s)
{
	const char *p = s->p;
	uint64_t v = 0;

	if (s->err != 0)
		return 0;
	for (; p < s->end && *p >= '0' && *p <= '9' && v <= UINT32_MAX; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	if (p == s->p)
		s->err = ERR_SYNTAX;
	else if (v > UINT32_MAX)
		s->err = ERR_RANGE;
	s->p = s->err == ERR_RANGE ? p - 1 : p; /* at the digit that is too much */
	return s->err == 0 ? (uint32_t)v : 0;
}

/* Require end of input. */
static inline void scan_end(struct scan *s)
{
	if (s->err == 0 && s->p != s->end)
		s->err = ERR_SYNTAX;
}

/* The next octet without taking it; -1 at the end or after an error. */
static inline int scan_peek(const struct scan *s)
{
	return s->err == 0 && s->p < s->end ? (unsigned char)*s->p : -1;
}

/* Take this octet when it is next. */
static inline bool scan_try_char(struct scan *s, char c)
{
	if (scan_peek(s) != (unsigned char)c)
		return false;
	s->p++;
	return true;
}

/* Require this octet. */
static inline void scan_char(struct scan *s, char c)
{
	if (!scan_try_char(s, c) && s->err == 0)
		s->err = ERR_SYNTAX;
}

/* Everything that is of `set`; may be empty. Borrowed. */
static inline struct str scan_while(struct scan *s, scan_set set)
{
	struct str t = {s->p, 0};
	const char *p = s->p;

	if (s->err != 0)
		return t;
	while (p < s->end && set[(unsigned char)*p])
		p++;
	s->p = p;
	t.n = (size_t)(p - t.p);
	return t;
}

extern scan_set scan_token_octets;

/* RFC 3261 token: 1*(alphanum / "-" / "." / "!" / ...). Borrowed. */
static inline struct str scan_token(struct scan *s)
{
	struct str t = scan_while(s, scan_token_octets);

	if (t.n == 0 && s->err == 0)
		s->err = ERR_SYNTAX;
	return t;
}

/* Everything before the first octet of `stops` (or the end); may be empty. Borrowed. */
static inline struct str scan_until(struct scan *s, scan_set stops)
{
	struct str t = {s->p, 0};
	const char *p = s->p;

	while (p < s->end && !stops[(unsigned char)*p])
		p++;
	if (s->err == 0)
		s->p = p;
	t.n = (size_t)(s->p - t.p);
	return t;
}

/* Everything before the first `c` (or the end); may be empty. Borrowed. */
static inline struct str scan_until_char(struct scan *s, char c)
{
	struct str t = {s->p, s->err == 0 ? (size_t)(s->end - s->p) : 0};
	const char *at = t.n > 0 ? memchr(t.p, c, t.n) : NULL;

	if (at != NULL)
		t.n = (size_t)(at - t.p);
	s->p += t.n;
	return t;
}

/* RFC 3261 quoted-string: what stands between the quotes, escapes not resolved. ERR_SYNTAX when
 * it does not start with a quote or is not closed. Borrowed. */
struct str scan_quoted(struct scan *s);

/* Decimal u64, as scan_u32(). */
uint64_t scan_u64(struct scan *s);

/* All that is left. */
struct str scan_rest(struct scan *s);
