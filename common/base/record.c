/* record.c - see record.h */
#include "common/base/record.h"

#include <stdint.h>
#include <string.h>

#define SIZE_BYTES sizeof(uint32_t)

void record_put(struct buf *b, const void *p, size_t n)
{
	uint32_t size = (uint32_t)n;

	if (n > UINT32_MAX) {
		b->full = true;
		return;
	}
	buf_bytes(b, &size, SIZE_BYTES);
	buf_bytes(b, p, n);
}

/* One part off the front; the empty one at the end of the record. */
static int next(struct str *in, struct str *ret)
{
	uint32_t size;

	if (in->n == 0) {
		*ret = (struct str){in->p, 0};
		return 0;
	}
	if (in->n < SIZE_BYTES)
		return ERR_CORRUPT;
	memcpy(&size, in->p, SIZE_BYTES);
	if (size > in->n - SIZE_BYTES)
		return ERR_CORRUPT;
	*ret = (struct str){in->p + SIZE_BYTES, size};
	in->p += SIZE_BYTES + size;
	in->n -= SIZE_BYTES + size;
	return 0;
}

int record_take(struct str *in, void *part, size_t cap, size_t least)
{
	struct str got;
	int err = next(in, &got);
	size_t n;

	if (err != 0)
		return err;
	if (got.n < least)
		return ERR_CORRUPT;
	n = got.n < cap ? got.n : cap;
	if (n > 0)
		memcpy(part, got.p, n);
	memset((char *)part + n, 0, cap - n);
	return 0;
}

int record_take_str(struct str *in, size_t most, struct str *ret)
{
	struct str got;
	int err = next(in, &got);

	if (err != 0)
		return err;
	if (got.n > most)
		return ERR_CORRUPT;
	*ret = got;
	return 0;
}
