/* stun.c - see stun.h */
#include "media/rtp/stun.h"

#include <string.h>

#include "common/base/wire.h"

#define HEADER_BYTES    20u
#define TXN_BYTES       12u
#define COOKIE          0x2112a442u
#define REQUEST         0x0001u
#define SUCCESS         0x0101u
#define FAILURE         0x0111u
#define ATTRIBUTE_BYTES 4u
#define MAY_IGNORE      0x8000u /* attributes from here on */
#define ERROR_CODE      0x0009u
#define UNKNOWN         0x000au
#define MAPPED          0x0020u
#define FINGERPRINT     0x8028u
#define FINGERPRINT_XOR 0x5354554eu
#define UNKNOWN_MAX     4u /* are named in an answer */

_Static_assert(HEADER_BYTES + ATTRIBUTE_BYTES + 4 + 16 + ATTRIBUTE_BYTES + 4 <= STUN_BYTES_MAX, "an IPv6 address and a fingerprint fit");
_Static_assert(HEADER_BYTES + 2 * ATTRIBUTE_BYTES + 4 + 2 * UNKNOWN_MAX + ATTRIBUTE_BYTES + 4 <= STUN_BYTES_MAX, "a refusal fits");

struct request {
	bool has_fingerprint;
	uint16_t unknown[UNKNOWN_MAX];
	unsigned unknown_n;
};

/* CRC-32 of ITU-T V.42. */
static uint32_t crc_of(const uint8_t *p, size_t n)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

/* USERNAME, MESSAGE-INTEGRITY, REALM, NONCE and their successors, PRIORITY and USE-CANDIDATE (RFC 8445). */
static bool is_known(uint16_t type)
{
	static const uint16_t types[] = {0x0006, 0x0008, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, 0x0024, 0x0025};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (types[i] == type)
			return true;
	return false;
}

/* Ours, whole and with nothing behind it? Values are padded to 32 bits (section 14). */
static bool read_attributes(const uint8_t *p, size_t n, struct request *r)
{
	struct wire w = wire_of(p + HEADER_BYTES, n - HEADER_BYTES);

	while (wire_left(&w) > 0 && !r->has_fingerprint) { /* which is the last (section 14.7) */
		size_t at = n - wire_left(&w);
		uint16_t type = wire_u16(&w), bytes = wire_u16(&w);
		const uint8_t *value = wire_bytes(&w, ((size_t)bytes + 3) & ~(size_t)3);

		if (w.err != 0)
			return false;
		if (type == FINGERPRINT) {
			if (bytes != 4 || (wire_get_u32(value) ^ FINGERPRINT_XOR) != crc_of(p, at))
				return false;
			r->has_fingerprint = true;
		} else if (type < MAY_IGNORE && !is_known(type) && r->unknown_n < UNKNOWN_MAX) {
			r->unknown[r->unknown_n++] = type;
		}
	}
	return wire_left(&w) == 0;
}

static bool read_request(const uint8_t *p, size_t n, struct request *r)
{
	return n >= HEADER_BYTES && n <= STUN_REQUEST_MAX && wire_get_u16(p) == REQUEST &&
	       wire_get_u16(p + 2) == n - HEADER_BYTES && n % 4 == 0 && wire_get_u32(p + 4) == COOKIE && read_attributes(p, n, r);
}

static uint8_t *put_attribute(uint8_t *p, uint16_t type, size_t bytes)
{
	wire_put_u16(p, type);
	wire_put_u16(p + 2, (uint16_t)bytes);
	return p + ATTRIBUTE_BYTES;
}

/* XOR-MAPPED-ADDRESS: what rewrites addresses on the way does not find it. */
static uint8_t *put_mapped(uint8_t *p, const struct addr *a, const uint8_t *cookie_and_txn)
{
	size_t bytes = a->family == ADDR_V6 ? 16 : 4;

	p = put_attribute(p, MAPPED, 4 + bytes);
	wire_put_u16(p, a->family == ADDR_V6 ? 2 : 1);
	wire_put_u16(p + 2, (uint16_t)(a->port ^ COOKIE >> 16));
	for (size_t i = 0; i < bytes; i++)
		p[4 + i] = a->ip[i] ^ cookie_and_txn[i];
	return p + 4 + bytes;
}

/* 420 (Unknown Attribute), without words for it. */
static uint8_t *put_unknown(uint8_t *p, const struct request *r)
{
	size_t bytes = 2 * r->unknown_n, padded = (bytes + 3) & ~(size_t)3;

	p = put_attribute(p, ERROR_CODE, 4);
	wire_put_u32(p, 4u << 8 | 20u);
	p = put_attribute(p + 4, UNKNOWN, bytes);
	memset(p, 0, padded);
	for (unsigned i = 0; i < r->unknown_n; i++)
		wire_put_u16(p + 2 * i, r->unknown[i]);
	return p + padded;
}

static uint8_t *put_fingerprint(uint8_t *p, uint8_t *begin)
{
	uint32_t crc;

	/* the length in the header counts it already */
	wire_put_u16(begin + 2, (uint16_t)((size_t)(p - begin) + ATTRIBUTE_BYTES + 4 - HEADER_BYTES));
	crc = crc_of(begin, (size_t)(p - begin));
	p = put_attribute(p, FINGERPRINT, 4);
	wire_put_u32(p, crc ^ FINGERPRINT_XOR);
	return p + 4;
}

size_t stun_answer(const uint8_t *p, size_t n, const struct addr *from, uint8_t out[STUN_BYTES_MAX])
{
	struct request r = {.unknown_n = 0};
	uint8_t *to = out + HEADER_BYTES;

	if (from->family == ADDR_NONE || !read_request(p, n, &r))
		return 0;
	wire_put_u16(out, r.unknown_n > 0 ? FAILURE : SUCCESS);
	memcpy(out + 4, p + 4, 4 + TXN_BYTES);
	to = r.unknown_n > 0 ? put_unknown(to, &r) : put_mapped(to, from, out + 4);
	wire_put_u16(out + 2, (uint16_t)((size_t)(to - out) - HEADER_BYTES));
	if (r.has_fingerprint)
		to = put_fingerprint(to, out);
	return (size_t)(to - out);
}
