/* test_wire.c - mirrors common/base/wire.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/wire.h"

static const uint8_t octets[] = {0x01, 0xff, 0x02, 0x80, 0x00, 0x03, 0xde,
				 0xad, 0xbe, 0xef, 0x80, 0x02, 0x03, 0x04,
				 0x05, 0x06, 0x07, 0xff, 'x',  'y'};

static void read_all(struct wire *w)
{
	const uint8_t *tail;

	cr_expect_eq(wire_u8(w), 0x01);
	cr_expect_eq(wire_u16(w), 0xff02);
	cr_expect_eq(wire_u24(w), 0x800003u);
	cr_expect_eq(wire_u32(w), 0xdeadbeefu);
	cr_expect_eq(wire_u64(w), 0x80020304050607ffull);
	tail = wire_bytes(w, 2);
	cr_assert_not_null(tail);
	cr_expect_eq(memcmp(tail, "xy", 2), 0);
}

Test(base_wire, reads_network_order)
{
	struct wire w = wire_of(octets, sizeof octets);

	cr_expect_eq(wire_left(&w), sizeof octets);
	read_all(&w);
	cr_expect_eq(w.err, 0);
	cr_expect_eq(wire_left(&w), 0u);
}

Test(base_wire, past_the_end)
{
	for (size_t n = 0; n < 8; n++) {
		uint8_t *exact = malloc(n > 0 ? n : 1);
		struct wire w = wire_of(exact, n);

		memset(exact, 0xee, n > 0 ? n : 1);
		cr_expect_eq(wire_u64(&w), 0u);
		cr_expect_eq(w.err, ERR_SYNTAX);
		free(exact);
	}
}

Test(base_wire, an_error_stays)
{
	struct wire w = wire_of(octets, 3);

	cr_expect_eq(wire_u32(&w), 0u);
	cr_expect_eq(w.err, ERR_SYNTAX);
	cr_expect_eq(wire_u8(&w), 0, "one octet is there, but the message is broken");
	cr_expect_eq(wire_u16(&w), 0);
	cr_expect_eq(wire_u24(&w), 0u);
	cr_expect_eq(wire_u64(&w), 0u);
	cr_expect_null(wire_bytes(&w, 0));
	cr_expect_eq(wire_left(&w), 3u);

	w = wire_of(octets, 3);
	w.err = ERR_UNSUPPORTED;
	cr_expect_eq(wire_u8(&w), 0);
	cr_expect_eq(w.err, ERR_UNSUPPORTED, "the first error is the one told");
}

Test(base_wire, huge_length)
{
	struct wire w = wire_of(octets, sizeof octets);

	cr_expect_null(wire_bytes(&w, SIZE_MAX));
	cr_expect_eq(w.err, ERR_SYNTAX);
}

Test(base_wire, of_nothing)
{
	struct wire w = wire_of(NULL, 0);

	cr_expect_eq(wire_left(&w), 0u);
	cr_expect_eq(wire_u8(&w), 0);
	cr_expect_eq(w.err, ERR_SYNTAX);
}

Test(base_wire, put_and_get)
{
	uint8_t p[8];

	wire_put_u16(p, 0xfe01);
	cr_expect_eq(memcmp(p, "\xfe\x01", 2), 0);
	cr_expect_eq(wire_get_u16(p), 0xfe01);
	wire_put_u32(p, 0xfe010280);
	cr_expect_eq(memcmp(p, "\xfe\x01\x02\x80", 4), 0);
	cr_expect_eq(wire_get_u32(p), 0xfe010280u);
	wire_put_u64(p, 0xfe01028003040506);
	cr_expect_eq(memcmp(p, "\xfe\x01\x02\x80\x03\x04\x05\x06", 8), 0);
}
