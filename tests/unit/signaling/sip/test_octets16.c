/* Every octet at every place of texts of every length up to three vectors, against what it is. */
#include <criterion/criterion.h>

#include "signaling/sip/octets16.h"

#define BELOW 0x21u
#define EQUAL 0x3cu

static inline octets16_mask below(octets16 v)
{
	return v < BELOW;
}

static inline octets16_mask below_high(octets16 v)
{
	return v < 0x80;
}

static inline octets16_mask equal(octets16 v)
{
	return v == EQUAL;
}

static inline octets16_mask equal_nul(octets16 v)
{
	return v == 0;
}

static void check(const unsigned char *text, size_t n, unsigned char c)
{
	struct str s = {(const char *)text, n};

	cr_assert_eq(octets16_any(s, below), c < BELOW, "%02x of %zu", c, n);
	cr_assert_eq(octets16_any(s, below_high), c < 0x80, "%02x of %zu", c, n);
	cr_assert_eq(octets16_any(s, equal), c == EQUAL, "%02x of %zu", c, n);
	cr_assert_eq(octets16_any(s, equal_nul), c == 0, "%02x of %zu", c, n);
}

Test(sip_octets16, one_octet_anywhere)
{
	unsigned char text[48];

	for (size_t n = 1; n <= sizeof text; n++) {
		for (size_t at = 0; at < n; at++) {
			memset(text, 0x80, sizeof text);
			for (unsigned c = 0; c < 256; c++) {
				text[at] = (unsigned char)c;
				check(text, n, (unsigned char)c);
			}
		}
	}
}

Test(sip_octets16, nothing_has_nothing)
{
	cr_expect_not(octets16_any((struct str){NULL, 0}, below));
}
