/* scan64.c - see scan64.h: the portable implementation, and the end of a text. */
#include "signaling/sip/scan64.h"

#include <endian.h>

#define ONES 0x0101010101010101ull
#define LOW7 0x7f7f7f7f7f7f7f7full

/* Bit i: octet i of `w` is `c`. Exact: no carry leaves an octet (Warren, Hacker's
 * Delight, 6-1), and the multiplication gathers the eight flags in its top octet. */
static uint64_t equal8(uint64_t w, char c)
{
	uint64_t x = w ^ ONES * (unsigned char)c;
	uint64_t zero = ~(((x & LOW7) + LOW7) | x | LOW7);

	return (zero >> 7) * 0x0102040810204080ull >> 56;
}

void sip_scan64_swar(const char *p, struct sip_block *ret, size_t blocks)
{
	for (size_t b = 0; b < blocks; b++) {
		struct sip_block m = {0, 0, 0, 0};

		for (unsigned i = 0; i < SIP_BLOCK_BYTES; i += 8, p += 8) {
			uint64_t w;

			memcpy(&w, p, sizeof w);
			w = le64toh(w);
			m.lf |= equal8(w, '\n') << i;
			m.colon |= equal8(w, ':') << i;
			m.cr |= equal8(w, '\r') << i;
			m.nul |= equal8(w, '\0') << i;
		}
		ret[b] = m;
	}
}

size_t sip_scan64(struct str text, struct sip_block *ret, size_t blocks)
{
	sip_scan64_fn *scan = sip_scan64_best();
	size_t whole = text.n / SIP_BLOCK_BYTES, rest = text.n % SIP_BLOCK_BYTES;
	char last[SIP_BLOCK_BYTES] = {0};

	if (whole >= blocks) {
		scan(text.p, ret, blocks);
		return blocks;
	}
	scan(text.p, ret, whole);
	if (rest == 0)
		return whole;
	memcpy(last, text.p + whole * SIP_BLOCK_BYTES, rest);
	scan(last, &ret[whole], 1);
	ret[whole].nul &= (1ull << rest) - 1; /* the padding is not text */
	return whole + 1;
}
