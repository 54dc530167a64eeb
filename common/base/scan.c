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

/* A set of octets: one bit each. */
struct set {
	uint64_t bits[4];
};

static bool has(const struct set *s, char c)
{
	return s->bits[(unsigned char)c >> 6] >> ((unsigned char)c & 63) & 1;
}

static struct set set_of(const char *z)
{
	struct set s = {{0}};

	for (; *z != '\0'; z++)
		s.bits[(unsigned char)*z >> 6] |= 1ull << ((unsigned char)*z & 63);
	return s;
}

static bool is_token(char c)
{
	/* letters, digits and "-.!%*_+`'~" */
	static const struct set token = {{0x03ff6ca200000000ull, 0x47ffffff87fffffeull}};

	return has(&token, c);
}

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

uint32_t scan_u32(struct scan *s)
{
	uint32_t v = 0;

	if (s->err != 0)
		return 0;

	if (s->p == s->end || !is_digit(*s->p)) {
		fail(s, ERR_SYNTAX);
		return 0;
	}

	for (; s->p < s->end && is_digit(*s->p); s->p++) {
		uint32_t d = (uint32_t)(*s->p - '0');

		if (v > (UINT32_MAX - d) / 10) {
			fail(s, ERR_RANGE);
			return 0;
		}
		v = v * 10 + d;
	}

	return v;
}

struct str scan_token(struct scan *s)
{
	struct str t = {s->p, 0};

	if (s->err != 0)
		return t;

	while (s->p < s->end && is_token(*s->p))
		s->p++;

	t.n = (size_t)(s->p - t.p);
	if (t.n == 0)
		fail(s, ERR_SYNTAX);

	return t;
}

void scan_end(struct scan *s)
{
	if (s->err == 0 && s->p != s->end)
		fail(s, ERR_SYNTAX);
}

bool scan_try_char(struct scan *s, char c)
{
	if (scan_peek(s) != (unsigned char)c)
		return false;

	s->p++;
	return true;
}

void scan_char(struct scan *s, char c)
{
	if (!scan_try_char(s, c))
		fail(s, ERR_SYNTAX);
}

struct str scan_until(struct scan *s, const char *stops)
{
	struct set set = set_of(stops);
	struct str t = {s->p, 0};

	while (s->err == 0 && s->p < s->end && !has(&set, *s->p))
		s->p++;

	t.n = (size_t)(s->p - t.p);
	return t;
}

struct str scan_quoted(struct scan *s)
{
	struct str t;

	scan_char(s, '"');
	t = (struct str){s->p, 0};
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
