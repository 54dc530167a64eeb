/* scan.c - see scan.h */
#include "common/base/scan.h"

static bool is_ws(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

scan_set scan_token_octets = {
	SCAN_ALNUM, ['-'] = 1, ['.'] = 1, ['!'] = 1, ['%'] = 1,  ['*'] = 1,
	['_'] = 1,  ['+'] = 1, ['`'] = 1, ['~'] = 1, ['\''] = 1,
};

static void fail(struct scan *s, int err)
{
	if (s->err == 0)
		s->err = err;
}

void scan_ws(struct scan *s)
{
	while (s->err == 0 && s->p < s->end && is_ws(*s->p))
		s->p++;
}

void scan_ws1(struct scan *s)
{
	if (s->err == 0 && (s->p == s->end || !is_ws(*s->p)))
		fail(s, ERR_SYNTAX);

	scan_ws(s);
}

struct str scan_quoted(struct scan *s)
{
	const char *end;
	struct str t;

	scan_char(s, '"');
	t = (struct str){s->p, 0};
	end = scan_peek(s) >= 0 ? memchr(s->p, '"', (size_t)(s->end - s->p)) : NULL;
	if (end != NULL && memchr(t.p, '\\', (size_t)(end - t.p)) == NULL) { /* nearly all */
		t.n = (size_t)(end - t.p);
		s->p = end + 1;
		return t;
	}
	while (scan_peek(s) >= 0 && *s->p != '"')
		s->p += *s->p == '\\' && s->p + 1 < s->end ? 2 : 1;

	t.n = (size_t)(s->p - t.p);
	scan_char(s, '"');
	if (s->err != 0)
		t.n = 0;
	return t;
}

uint64_t scan_u64(struct scan *s)
{
	uint64_t v = 0;

	if (scan_peek(s) < 0 || !is_digit(*s->p))
		fail(s, ERR_SYNTAX);

	for (; scan_peek(s) >= 0 && is_digit(*s->p); s->p++) {
		uint64_t d = (uint64_t)(*s->p - '0');

		if (v > (UINT64_MAX - d) / 10) {
			fail(s, ERR_RANGE);
			return 0;
		}
		v = v * 10 + d;
	}

	return v;
}

struct str scan_rest(struct scan *s)
{
	struct str t = {s->p, s->err == 0 ? (size_t)(s->end - s->p) : 0};

	if (s->err == 0)
		s->p = s->end;
	return t;
}
