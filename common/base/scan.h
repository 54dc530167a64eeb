/* scan.h - a cursor over untrusted text with a sticky error.
 *
 * Every scan_*() call is a no-op once `err` is set, so a parser reads like
 * the grammar it implements and checks for failure once, at the end. */
#pragma once

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

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
uint32_t scan_u32(struct scan *s);

/* RFC 3261 token: 1*(alphanum / "-" / "." / "!" / ...). Borrowed. */
struct str scan_token(struct scan *s);

/* Require end of input. */
void scan_end(struct scan *s);

/* The next octet without taking it; -1 at the end or after an error. */
static inline int scan_peek(const struct scan *s)
{
	return s->err == 0 && s->p < s->end ? (unsigned char)*s->p : -1;
}

/* Require this octet. */
void scan_char(struct scan *s, char c);

/* Take this octet when it is next. */
bool scan_try_char(struct scan *s, char c);

/* Everything before the first octet of `stops` (or the end); may be empty. Borrowed. */
struct str scan_until(struct scan *s, const char *stops);

/* RFC 3261 quoted-string: what stands between the quotes, escapes not resolved. ERR_SYNTAX when
 * it does not start with a quote or is not closed. Borrowed. */
struct str scan_quoted(struct scan *s);

/* Decimal u64, as scan_u32(). */
uint64_t scan_u64(struct scan *s);

/* All that is left. */
struct str scan_rest(struct scan *s);
