/* test_packet.c - mirrors media/rtp/packet.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/packet.h"

/* An exact copy on the heap, so that the sanitizer sees a read behind the end. */
static enum rtp_fault parse_exact(const uint8_t *p, size_t n, struct rtp_packet *ret)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	enum rtp_fault f;

	cr_assert_not_null(copy);
	if (n > 0)
		memcpy(copy, p, n);
	f = rtp_parse(copy, n, ret);
	free(copy);
	return f;
}

#define HEAD 0x80, 0x00, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef, 0x01, 0x02, 0x03, 0x04

/* C270: what a phone sends, field by field, and the same octets written again. */
Test(rtp_packet, pcmu_with_marker)
{
	uint8_t p[12 + 160] = {0x80, 0x80, 0xff, 0xfe, 0x00, 0x00,
			       0x00, 0xa0, 0xca, 0xfe, 0xba, 0xbe};
	uint8_t again[RTP_HEADER_BYTES];
	struct rtp_packet r;

	cr_assert_eq(rtp_parse(p, sizeof p, &r), RTP_SOUND);
	cr_expect(r.marker);
	cr_expect_eq(r.payload_type, 0);
	cr_expect_eq(r.seq, 0xfffe);
	cr_expect_eq(r.ts, 160);
	cr_expect_eq(r.ssrc, 0xcafebabe);
	cr_expect_eq(r.csrc_count, 0);
	cr_expect_not(r.has_extension);
	cr_expect_eq(r.payload, p + 12);
	cr_expect_eq(r.payload_bytes, 160);
	rtp_header_write(again, &r);
	cr_expect_arr_eq(again, p, sizeof again);
}

/* The marker is one bit, whatever is next to it. */
Test(rtp_packet, marker_and_its_neighbours)
{
	static const struct {
		uint8_t second, third;
		bool marker;
		uint8_t payload_type;
	} cases[] = {{0x80, 0x00, true, 0}, {0x00, 0xff, false, 0}, {0x7f, 0x80, false, 127}, {0xff, 0x7f, true, 127}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t p[] = {HEAD}, again[RTP_HEADER_BYTES];
		struct rtp_packet r;

		p[1] = cases[i].second;
		p[2] = cases[i].third;
		cr_assert_eq(rtp_parse(p, sizeof p, &r), RTP_SOUND);
		cr_expect_eq(r.marker, cases[i].marker, "case %zu", i);
		cr_expect_eq(r.payload_type, cases[i].payload_type);
		rtp_header_write(again, &r);
		cr_expect_arr_eq(again, p, sizeof again);
	}
}

/* An extension may end with the packet, and be empty. */
Test(rtp_packet, extension_to_the_end)
{
	for (uint8_t words = 0; words < 3; words++) {
		uint8_t p[12 + 4 + 8] = {HEAD, 0xbe, 0xde, 0, words};
		size_t n = 16u + 4u * words;
		struct rtp_packet r;

		p[0] = 0x90;
		cr_assert_eq(rtp_parse(p, n, &r), RTP_SOUND, "%u words", words);
		cr_expect(r.has_extension);
		cr_expect_eq(r.extension_bytes, 4u * words);
		cr_expect_eq(r.payload_bytes, 0u);
		cr_expect_eq(rtp_parse(p, n - 1, &r), RTP_BAD_EXT);
	}
}

Test(rtp_packet, c270_telephone_event)
{
	uint8_t p[] = {0x80, 0x65, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef,
		       0x01, 0x02, 0x03, 0x04, 0x05, 0x8a, 0x05, 0x00};
	uint8_t again[RTP_HEADER_BYTES];
	struct rtp_packet r;

	cr_assert_eq(rtp_parse(p, sizeof p, &r), RTP_SOUND);
	cr_expect_eq(r.payload_type, 101);
	cr_expect_not(r.marker);
	cr_expect_eq(r.payload_bytes, 4);
	rtp_header_write(again, &r);
	cr_expect_arr_eq(again, p, sizeof again);
}

Test(rtp_packet, c270_csrc_list)
{
	uint8_t p[] = {0x82, 0x08, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00,
		       0x03, 0xaa, 0xaa, 0xaa, 0xaa, 0xbb, 0xbb, 0xbb, 0xbb, 0x55};
	struct rtp_packet r;

	cr_assert_eq(rtp_parse(p, sizeof p, &r), RTP_SOUND);
	cr_expect_eq(r.csrc_count, 2);
	cr_expect_eq(r.csrc, p + 12);
	cr_expect_eq(r.payload, p + 20);
	cr_expect_eq(r.payload_bytes, 1);
}

/* C270: RFC 8285 one-byte elements (mid, abs-send-time) are borrowed as they are. */
Test(rtp_packet, c270_extension)
{
	uint8_t p[] = {0x90, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, 0x00,
		       0x00, 0x00, 0x03, 0xbe, 0xde, 0x00, 0x02, 0x10, 0x30,
		       0x22, 0x11, 0x22, 0x33, 0x00, 0x00, 0x7f, 0x7e};
	struct rtp_packet r;

	cr_assert_eq(rtp_parse(p, sizeof p, &r), RTP_SOUND);
	cr_expect(r.has_extension);
	cr_expect_eq(r.extension_profile, 0xbede);
	cr_expect_eq(r.extension, p + 16);
	cr_expect_eq(r.extension_bytes, 8);
	cr_expect_eq(r.payload, p + 24);
	cr_expect_eq(r.payload_bytes, 2);
}

Test(rtp_packet, c270_padding_only)
{
	uint8_t p[] = {0xa0, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02,
		       0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x04};
	struct rtp_packet r;

	cr_assert_eq(rtp_parse(p, sizeof p, &r), RTP_SOUND);
	cr_expect_eq(r.payload_bytes, 0);
}

/* C271: every cause is told apart, and nothing is written. */
Test(rtp_packet, c271_faults)
{
	static const struct {
		const char *what;
		enum rtp_fault fault;
		size_t n;
		uint8_t p[24];
	} cases[] = {
		{"empty", RTP_SHORT, 0, {0}},
		{"one octet", RTP_SHORT, 1, {HEAD}},
		{"eleven octets", RTP_SHORT, 11, {HEAD}},
		{"version 0", RTP_NOT_V2, 12, {0x00}},
		{"version 1", RTP_NOT_V2, 12, {0x40}},
		{"version 3", RTP_NOT_V2, 12, {0xc0}},
		{"one CSRC missing", RTP_BAD_CSRC, 12, {0x81}},
		{"CSRC cut", RTP_BAD_CSRC, 15, {0x81}},
		{"15 CSRC, room for one", RTP_BAD_CSRC, 16, {0x8f}},
		{"no extension header", RTP_BAD_EXT, 12, {0x90}},
		{"extension header cut", RTP_BAD_EXT, 15, {0x90}},
		{"extension too long", RTP_BAD_EXT, 16, {0x90, [15] = 1}},
		{"extension of 65535 words", RTP_BAD_EXT, 16, {0x90, [14] = 0xff, 0xff}},
		{"extension behind CSRC", RTP_BAD_EXT, 17, {0x91}},
		{"padding 0", RTP_BAD_PAD, 16, {0xa0}},
		{"padding too long", RTP_BAD_PAD, 16, {0xa0, [15] = 5}},
		{"padding without payload", RTP_BAD_PAD, 12, {0xa0, [11] = 4}},
		{"padding over extension", RTP_BAD_PAD, 17, {0xb0, [16] = 2}},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rtp_packet r = {.seq = 4711};

		cr_expect_eq(parse_exact(cases[i].p, cases[i].n, &r), cases[i].fault,
			     "%s", cases[i].what);
		cr_expect_eq(r.seq, 4711, "%s", cases[i].what);
	}
}

/* Any prefix of a packet with everything in it is judged without reading behind its end.
 */
Test(rtp_packet, truncation_anywhere)
{
	uint8_t p[] = {0xb1, 0x00, 0x00, 0x01, 0,    0,    0,    2,    0,    0,
		       0,    3,    9,    9,    9,    9,    0xbe, 0xde, 0x00, 0x01,
		       1,    2,    3,    4,    0x55, 0x55, 0x00, 0x02};
	struct rtp_packet r;

	for (size_t n = 0; n < sizeof p; n++)
		cr_expect_neq(parse_exact(p, n, &r), RTP_SOUND, "%zu octets", n);
	cr_assert_eq(rtp_parse(p, sizeof p, &r), RTP_SOUND);
	cr_expect_eq(r.payload_bytes, 2);
}

/* C283: RFC 5761, by the second octet. */
Test(rtp_packet, c283_demux)
{
	for (unsigned second = 0; second < 256; second++) {
		uint8_t p[2] = {0x80, (uint8_t)second};

		cr_expect_eq(rtp_is_rtcp(p, 2), second >= 192 && second <= 223, "%u",
			     second);
	}
	cr_expect_not(rtp_is_rtcp((const uint8_t *)"\x80\xc8", 1));
	cr_expect_not(rtp_is_rtcp(NULL, 0));
}

Test(rtp_packet, every_fault_has_its_own_name)
{
	for (int a = 0; a < RTP_FAULTS; a++)
		for (int b = 0; b < a; b++)
			cr_expect_str_neq(rtp_fault_name((enum rtp_fault)a),
					  rtp_fault_name((enum rtp_fault)b));
}
