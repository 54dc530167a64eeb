/* buf.c - see buf.h */
#include "common/base/buf.h"

#define DECIMAL_MAX 20 /* digits of 2**64 - 1 */

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
