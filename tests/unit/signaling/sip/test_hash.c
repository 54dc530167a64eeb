/* test_hash.c - mirrors signaling/sip/hash.c */
#include <criterion/criterion.h>

#include "signaling/sip/hash.h"

/* clang-format off */
static const struct {
	enum sip_hash h;
	const char *in, *out;
} cases[] = {
	{SIP_HASH_MD5,        "",    "d41d8cd98f00b204e9800998ecf8427e"}, /* RFC 1321 A.5 */
	{SIP_HASH_MD5,        "abc", "900150983cd24fb0d6963f7d28e17f72"},
	{SIP_HASH_SHA256,     "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{SIP_HASH_SHA512_256, "abc", "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"},
};
/* clang-format on */

Test(sip_hash, known_sums)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char out[SIP_HASH_HEX_BYTES];

		cr_assert_eq(sip_hash_hex(cases[i].h, str_of(cases[i].in), out), 0);
		cr_assert_str_eq(out, cases[i].out);
		cr_assert_eq(strlen(out), sip_hash_digits(cases[i].h));
	}
}

Test(sip_hash, what_is_none)
{
	char out[SIP_HASH_HEX_BYTES];

	cr_assert_eq(sip_hash_hex(SIP_HASHES, STR("abc"), out), ERR_UNSUPPORTED);
	cr_assert_str_eq(out, "");
	cr_assert_eq(sip_hash_digits(SIP_HASHES), 0);
}

/* RFC 4231 4.3 */
Test(sip_hash, hmac)
{
	static const uint8_t wanted[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e};
	uint8_t out[SIP_HMAC_BYTES];

	cr_assert_eq(sip_hash_hmac(STR("Jefe"), STR("what do ya want for nothing?"), out),
		     0);
	cr_assert_arr_eq(out, wanted, sizeof wanted);
}

Test(sip_hash, comparison)
{
	cr_assert(sip_hash_eq(STR("abc"), STR("abc")));
	cr_assert_not(sip_hash_eq(STR("abc"), STR("abd")));
	cr_assert_not(sip_hash_eq(STR("abc"), STR("ab")));
}

Test(sip_hash, wiping)
{
	char secret[] = "secret";

	sip_hash_wipe(secret, sizeof secret);
	for (size_t i = 0; i < sizeof secret; i++)
		cr_assert_eq(secret[i], 0);
}
