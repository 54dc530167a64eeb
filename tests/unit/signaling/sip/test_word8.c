/* Every octet at every place of texts of every length up to three words, against a plain loop. */
#include <criterion/criterion.h>

#include "signaling/sip/word8.h"

#define BELOW 0x21u
#define EQUAL 0x3cu

static bool below(uint64_t w)
{
	return word8_below(w, BELOW);
}

static bool below_high(uint64_t w)
{
	return word8_below(w, 0x80);
}

static bool equal(uint64_t w)
{
	return word8_equal(w, EQUAL);
}

static bool equal_nul(uint64_t w)
{
	return word8_equal(w, 0);
}

static void check(unsigned char *text, size_t n, unsigned char c)
{
	struct str s = {(const char *)text, n};

	cr_assert_eq(word8_any(s, below), c < BELOW, "%02x of %zu", c, n);
	cr_assert_eq(word8_any(s, below_high), c < 0x80, "%02x of %zu", c, n);
	cr_assert_eq(word8_any(s, equal), c == EQUAL, "%02x of %zu", c, n);
	cr_assert_eq(word8_any(s, equal_nul), c == 0, "%02x of %zu", c, n);
}

Test(sip_word8, one_octet_anywhere)
{
	unsigned char text[24];

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

Test(sip_word8, nothing_has_nothing)
{
	cr_expect_not(word8_any((struct str){NULL, 0}, below));
}
