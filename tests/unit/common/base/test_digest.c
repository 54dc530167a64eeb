/* test_digest.c - mirrors common/base/digest.c */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/rand.h"

static const uint8_t scsi_read[48] = {
	[0] = 0x01,  [1] = 0xc0,  [16] = 0x14, [22] = 0x04,
	[27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02,
};

static void expect_both(const void *p, size_t n, uint32_t want)
{
	cr_expect_eq(digest_crc32c(0, p, n), want);
	cr_expect_eq(digest_crc32c_soft(0, p, n), want);
}

/* RFC 3720 appendix B.4, read as little-endian numbers */
Test(base_digest, rfc3720_vectors)
{
	uint8_t p[32];

	memset(p, 0, sizeof p);
	expect_both(p, sizeof p, 0x8a9136aa);
	memset(p, 0xff, sizeof p);
	expect_both(p, sizeof p, 0x62a8ab43);
	for (uint8_t i = 0; i < sizeof p; i++)
		p[i] = i;
	expect_both(p, sizeof p, 0x46dd794e);
	for (uint8_t i = 0; i < sizeof p; i++)
		p[i] = (uint8_t)(31 - i);
	expect_both(p, sizeof p, 0x113fdb5c);
	expect_both(scsi_read, sizeof scsi_read, 0xd9963a56);
}

Test(base_digest, check_value)
{
	expect_both("123456789", 9, 0xe3069283);
	expect_both("", 0, 0);
	expect_both(NULL, 0, 0);
}

/* Every length and alignment of the wide steps, and every place to cut. */
Test(base_digest, both_ways_agree_and_chain)
{
	struct rand r;
	uint8_t p[96];

	rand_seed(&r, 3);
	for (size_t i = 0; i < sizeof p; i++)
		p[i] = (uint8_t)rand_u64(&r);

	for (size_t from = 0; from < 8; from++) {
		for (size_t n = 0; n + from <= sizeof p; n++) {
			uint32_t whole = digest_crc32c(0, p + from, n);
			size_t cut = n / 3;

			cr_assert_eq(digest_crc32c_soft(0, p + from, n), whole);
			cr_assert_eq(digest_crc32c(digest_crc32c(0, p + from, cut),
						   p + from + cut, n - cut),
				     whole);
		}
	}
}

Test(base_digest, one_flipped_bit_is_seen)
{
	uint8_t p[48];
	uint32_t whole = digest_crc32c(0, scsi_read, sizeof scsi_read);

	for (size_t bit = 0; bit < 8 * sizeof p; bit++) {
		memcpy(p, scsi_read, sizeof p);
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_expect_neq(digest_crc32c(0, p, sizeof p), whole);
	}
}
