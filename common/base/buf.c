/* buf.c - see buf.h */
#include "common/base/buf.h"

#define DECIMAL_MAX 20 /* digits of 2**64 - 1 */

void *buf_take(struct buf *b, size_t n)
{
	if (b->full || n > b->cap - b->n) {
		b->full = true;
		return NULL;
	}
	b->n += n;
	return b->p + (b->n - n);
}

void buf_bytes(struct buf *b, const void *p, size_t n)
{
	void *to = n > 0 ? buf_take(b, n) : NULL;

	if (to != NULL)
		memcpy(to, p, n);
}

void buf_str_put(struct buf *b, struct str s)
{
	buf_bytes(b, s.p, s.n);
}

void buf_z(struct buf *b, const char *z)
{
	buf_bytes(b, z, strlen(z));
}

void buf_char(struct buf *b, char c)
{
	buf_bytes(b, &c, 1);
}

void buf_u64(struct buf *b, uint64_t v)
{
	char digits[DECIMAL_MAX];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	buf_bytes(b, digits + at, sizeof digits - at);
}

void buf_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_char(b, '-');
	buf_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_hex(struct buf *b, uint64_t v, int digits)
{
	for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
		buf_char(b, "0123456789abcdef"[shift < 64 ? v >> shift & 15 : 0]);
}
