/* test_stun.c - mirrors media/rtp/stun.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/wire.h"
#include "media/rtp/stun.h"

static uint8_t out[STUN_BYTES_MAX];
static const struct addr v4 = {.family = ADDR_V4, .port = 32853, .ip = {192, 0, 2, 1}};
static const struct addr v6 = {.family = ADDR_V6, .port = 32853,
			       .ip = {0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77}};

/* A request with these attributes. */
static size_t request(uint8_t p[STUN_REQUEST_MAX + 8], const void *attributes, size_t n)
{
	memset(p, 0, STUN_REQUEST_MAX + 8);
	memcpy(p, "\x00\x01\x00\x00\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae", 20);
	wire_put_u16(p + 2, (uint16_t)n);
	if (n > 0)
		memcpy(p + 20, attributes, n);
	return 20 + n;
}

/* In memory of exactly that size. */
static size_t answered(const uint8_t *p, size_t n, const struct addr *from)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	size_t got;

	cr_assert_not_null(copy);
	if (n > 0)
		memcpy(copy, p, n);
	got = stun_answer(copy, n, from, out);
	free(copy);
	return got;
}

/* C357: the mapped addresses of RFC 5769 sections 2.2 and 2.3, whose transaction this is. */
Test(rtp_stun, c357_tells_where_it_comes_from)
{
	uint8_t p[STUN_REQUEST_MAX + 8];
	size_t n = request(p, NULL, 0);

	cr_assert_eq(answered(p, n, &v4), 32u);
	cr_expect_arr_eq(out, "\x01\x01\x00\x0c", 4);
	cr_expect_arr_eq(out + 4, p + 4, 16, "the transaction is echoed");
	cr_expect_arr_eq(out + 20, "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43", 12);
	cr_assert_eq(answered(p, n, &v6), 44u);
	cr_expect_arr_eq(out + 20,
			 "\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9", 24);
	cr_expect_eq(answered(p, n, &(struct addr){.family = ADDR_NONE}), 0u);
}

/* C358: what is no request gets no answer, so that two servers never talk to each other. */
Test(rtp_stun, c358_only_requests_are_answered)
{
	static const uint16_t types[] = {0x0101, 0x0111, 0x0011, 0x0003, 0x0000, 0x0002};
	uint8_t p[STUN_REQUEST_MAX + 8];
	size_t n = request(p, NULL, 0);

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		wire_put_u16(p, types[i]);
		cr_expect_eq(answered(p, n, &v4), 0u, "%x", types[i]);
	}
	n = request(p, NULL, 0);
	n = answered(p, n, &v4);
	memcpy(p, out, n);
	cr_expect_eq(answered(p, n, &v4), 0u);
}

Test(rtp_stun, malformed)
{
	static const uint8_t attributes[] = {0x80, 0x22, 0, 5, 'h', 'e', 'l', 'l', 'o', 0, 0, 0, 0, 0x06, 0, 1, 'u', 0, 0, 0};
	uint8_t p[STUN_REQUEST_MAX + 8];
	size_t n = request(p, attributes, sizeof attributes);

	cr_assert_eq(answered(p, n, &v4), 32u);
	for (size_t cut = 0; cut < n; cut++) {
		cr_expect_eq(answered(p, cut, &v4), 0u, "%zu", cut);
		if (cut < 20)
			continue;
		wire_put_u16(p + 2, (uint16_t)(cut - 20));
		cr_expect_eq(answered(p, cut, &v4) != 0, cut == 20 || cut == 32, "%zu", cut);
		wire_put_u16(p + 2, (uint16_t)(n - 20));
	}
	cr_expect_eq(answered(p, n + 4, &v4), 0u, "more than it says");
	p[4] ^= 1;
	cr_expect_eq(answered(p, n, &v4), 0u, "RFC 3489, or none at all");
	p[4] ^= 1;
	p[23] = 0xff;
	cr_expect_eq(answered(p, n, &v4), 0u, "longer than the packet");
	n = request(p, NULL, 0);
	for (size_t at = 20; at < STUN_REQUEST_MAX; at += 4)
		wire_put_u16(p + at, 0x8022);
	wire_put_u16(p + 2, STUN_REQUEST_MAX - 20);
	cr_expect_eq(answered(p, STUN_REQUEST_MAX, &v4), 32u);
	wire_put_u16(p + STUN_REQUEST_MAX, 0x8022);
	wire_put_u16(p + 2, STUN_REQUEST_MAX + 4 - 20);
	cr_expect_eq(answered(p, STUN_REQUEST_MAX + 4, &v4), 0u, "at the cap");
}

/* RFC 8489 section 6.3.1: what has to be understood and is not is named, at most so many. */
Test(rtp_stun, unknown_attributes_are_refused)
{
	uint8_t p[STUN_REQUEST_MAX + 8], attributes[4 * 6] = {0};
	size_t n;

	for (unsigned i = 0; i < 6; i++)
		wire_put_u16(attributes + 4 * i, (uint16_t)(0x7000 + i));
	n = request(p, attributes, 4);
	cr_assert_eq(answered(p, n, &v4), 36u);
	cr_expect_arr_eq(out, "\x01\x11\x00\x10", 4);
	cr_expect_arr_eq(out + 20, "\x00\x09\x00\x04\x00\x00\x04\x14\x00\x0a\x00\x02\x70\x00\x00\x00", 16);
	n = request(p, attributes, sizeof attributes);
	cr_assert_eq(answered(p, n, &v6), 40u);
	cr_expect_arr_eq(out + 28, "\x00\x0a\x00\x08\x70\x00\x70\x01\x70\x02\x70\x03", 12);
}

/* The sample request of RFC 5769 section 2.1 has credentials, which we do not look at, and a fingerprint, which we do. */
static const uint8_t sample[] =
	"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x80\x22\x00\x10STUN test client"
	"\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36"
	"\x76\x59\x20\x20\x20\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2"
	"\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

Test(rtp_stun, a_fingerprint_is_checked_and_given_back)
{
	uint8_t p[sizeof sample - 1], longer[sizeof sample + 3] = {0};
	size_t n;

	memcpy(p, sample, sizeof p);
	n = answered(p, sizeof p, &v4);
	cr_assert_eq(n, 40u);
	cr_expect_arr_eq(out, "\x01\x01\x00\x14", 4);
	cr_expect_arr_eq(out + 32, "\x80\x28\x00\x04", 4);
	for (size_t i = 8; i < sizeof p; i++) { /* any octet of it, but for those that make it no fingerprint */
		if (i == sizeof p - 8 || i == sizeof p - 7)
			continue;
		p[i] ^= 0x40;
		cr_expect_eq(answered(p, sizeof p, &v4), 0u, "%zu", i);
		p[i] ^= 0x40;
	}
	memcpy(longer, p, sizeof p);
	wire_put_u16(longer + 2, sizeof p + 4 - 20);
	cr_expect_eq(answered(longer, sizeof p + 4, &v4), 0u, "something behind it");
}
