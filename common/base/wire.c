/* wire.c - see wire.h */
#include "common/base/wire.h"

const uint8_t *wire_bytes(struct wire *w, size_t n)
{
	const uint8_t *at = w->p;

	if (w->err != 0 || n > wire_left(w)) {
		if (w->err == 0)
			w->err = ERR_SYNTAX;
		return NULL;
	}
	w->p += n;
	return at;
}

static uint64_t read_be(struct wire *w, size_t n)
{
	const uint8_t *p = wire_bytes(w, n);
	uint64_t v = 0;

	for (size_t i = 0; p != NULL && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t wire_u8(struct wire *w)
{
	return (uint8_t)read_be(w, 1);
}

uint16_t wire_u16(struct wire *w)
{
	return (uint16_t)read_be(w, 2);
}

uint32_t wire_u24(struct wire *w)
{
	return (uint32_t)read_be(w, 3);
}

uint32_t wire_u32(struct wire *w)
{
	return (uint32_t)read_be(w, 4);
}

uint64_t wire_u64(struct wire *w)
{
	return read_be(w, 8);
}

void wire_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void wire_put_u32(uint8_t *p, uint32_t v)
{
	wire_put_u16(p, (uint16_t)(v >> 16));
	wire_put_u16(p + 2, (uint16_t)v);
}

void wire_put_u64(uint8_t *p, uint64_t v)
{
	wire_put_u32(p, (uint32_t)(v >> 32));
	wire_put_u32(p + 4, (uint32_t)v);
}

uint16_t wire_get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t wire_get_u32(const uint8_t *p)
{
	return (uint32_t)wire_get_u16(p) << 16 | wire_get_u16(p + 2);
}
