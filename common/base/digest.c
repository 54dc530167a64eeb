/* digest.c - see digest.h */
#include "common/base/digest.h"

#include <stdbool.h>
#include <string.h>

#define POLY 0x82f63b78u /* 0x1edc6f41 reflected */

/* The remainder of each byte, two steps of four bits at a time: small, and fast enough
 * where the processor has no instruction for it. */
/* clang-format off */
#define STEP(c)  ((c) >> 1 ^ ((c) & 1 ? POLY : 0))
#define STEP4(c) STEP(STEP(STEP(STEP((uint32_t)(c)))))
static const uint32_t nibble[16] = {
	STEP4(0),  STEP4(1),  STEP4(2),  STEP4(3),  STEP4(4),  STEP4(5),  STEP4(6),  STEP4(7),
	STEP4(8),  STEP4(9),  STEP4(10), STEP4(11), STEP4(12), STEP4(13), STEP4(14), STEP4(15),
};
/* clang-format on */

static uint32_t soft(uint32_t c, const uint8_t *p, size_t n)
{
	for (; n > 0; n--) {
		c ^= *p++;
		c = c >> 4 ^ nibble[c & 15];
		c = c >> 4 ^ nibble[c & 15];
	}
	return c;
}

#if defined(__x86_64__)
/* clang-format off */
__attribute__((target("sse4.2")))
static uint32_t hard(uint32_t c, const uint8_t *p, size_t n)
/* clang-format on */
{
	uint64_t wide = c;

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t w;

		memcpy(&w, p, sizeof w);
		wide = __builtin_ia32_crc32di(wide, w);
	}
	c = (uint32_t)wide;
	for (; n > 0; n--)
		c = __builtin_ia32_crc32qi(c, *p++);
	return c;
}

static bool has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#else
static uint32_t hard(uint32_t c, const uint8_t *p, size_t n)
{
	return soft(c, p, n);
}

static bool has_instruction(void)
{
	return false;
}
#endif

uint32_t digest_crc32c_soft(uint32_t crc, const void *p, size_t n)
{
	return ~soft(~crc, p, n);
}

uint32_t digest_crc32c(uint32_t crc, const void *p, size_t n)
{
	return has_instruction() ? ~hard(~crc, p, n) : digest_crc32c_soft(crc, p, n);
}
