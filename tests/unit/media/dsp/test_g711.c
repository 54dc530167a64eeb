/* test_g711.c - mirrors media/dsp/g711.c
 *
 * Two judges: the definition of the ITU's reference implementation (G.191), written down
 * here from its rules; and spandsp, which agrees with it in everything but one convention
 * of mu-law encoding that Recommendation G.711 leaves open. */
#include <criterion/criterion.h>
#include <spandsp.h>
#include <stdlib.h>

#include "media/dsp/g711.h"

#define LEAST (-32768)
#define MOST  32767

static uint8_t ulaw_of(int pcm)
{
	int16_t in = (int16_t)pcm;
	uint8_t out;

	g711_ulaw_encode(&in, 1, &out);
	return out;
}

static uint8_t alaw_of(int pcm)
{
	int16_t in = (int16_t)pcm;
	uint8_t out;

	g711_alaw_encode(&in, 1, &out);
	return out;
}

static int ulaw_value(uint8_t code)
{
	int16_t out;

	g711_ulaw_decode(&code, 1, &out);
	return out;
}

static int alaw_value(uint8_t code)
{
	int16_t out;

	g711_alaw_decode(&code, 1, &out);
	return out;
}

/* G.191: 14 bits, one's complement magnitude, thresholds shifted by 33, segments by
 * halving. */
static uint8_t g191_ulaw(int pcm)
{
	int size = ((pcm < 0 ? ~pcm : pcm) >> 2) + 33, segment = 1;

	if (size > 8191)
		size = 8191;
	while (size >> (segment + 5) != 0)
		segment++;
	return (uint8_t)((pcm < 0 ? 0 : 0x80) | (8 - segment) << 4 |
			 (15 - (size >> segment & 15)));
}

/* G.191: 12 bits and sign, one's complement magnitude, two linear segments. */
static uint8_t g191_alaw(int pcm)
{
	int size = (pcm < 0 ? ~pcm : pcm) >> 4, segment = 1;

	if (size > 15) {
		for (; size > 31; size >>= 1)
			segment++;
		size += segment * 16 - 16;
	}
	return (uint8_t)((size | (pcm < 0 ? 0 : 0x80)) ^ 0x55);
}

/* C350 */
Test(dsp_g711, c350_encode_is_g191)
{
	for (int pcm = LEAST; pcm <= MOST; pcm++) {
		cr_assert_eq(ulaw_of(pcm), g191_ulaw(pcm), "mu-law of %d", pcm);
		cr_assert_eq(alaw_of(pcm), g191_alaw(pcm), "A-law of %d", pcm);
	}
}

/* C350 */
Test(dsp_g711, c350_decode_is_spandsp)
{
	for (unsigned code = 0; code < 256; code++) {
		cr_expect_eq(ulaw_value((uint8_t)code), ulaw_to_linear((uint8_t)code));
		cr_expect_eq(alaw_value((uint8_t)code), alaw_to_linear((uint8_t)code));
	}
}

/* C350 */
Test(dsp_g711, c350_alaw_encode_is_spandsp)
{
	for (int pcm = LEAST; pcm <= MOST; pcm++)
		cr_assert_eq(alaw_of(pcm), linear_to_alaw(pcm), "%d", pcm);
}

/* C350: spandsp gives a negative value that lies exactly on a decision value to the
 * larger magnitude, G.191 to the smaller. These 127 inputs, where both are as near or
 * ours nearer, are all the difference there is. */
Test(dsp_g711, c350_ulaw_encode_and_spandsp)
{
	unsigned differ = 0;

	for (int pcm = LEAST; pcm <= MOST; pcm++) {
		uint8_t ours = ulaw_of(pcm), theirs = linear_to_ulaw(pcm);

		if (ours == theirs)
			continue;
		differ++;
		cr_assert_lt(pcm, 0);
		cr_assert_eq(ours, theirs + 1, "%d", pcm);
		cr_assert_eq(ours, linear_to_ulaw(pcm + 1), "%d", pcm);
		cr_assert_leq(abs(ulaw_value(ours) - pcm), abs(ulaw_value(theirs) - pcm));
	}
	cr_expect_eq(differ, 127, "%u", differ);
}

/* C350: coding what was decoded changes nothing, but that zero has one sign only. */
Test(dsp_g711, c350_stable)
{
	for (unsigned code = 0; code < 256; code++) {
		uint8_t u = ulaw_of(ulaw_value((uint8_t)code));

		cr_expect_eq(u, code == 0x7f ? 0xff : code);
		cr_expect_eq(alaw_of(alaw_value((uint8_t)code)), code);
	}
}

/* C351 */
Test(dsp_g711, c351_error)
{
	for (int pcm = -10000; pcm <= 10000; pcm++) {
		int limit = abs(pcm) / 20 + 16;

		cr_assert_leq(abs(ulaw_value(ulaw_of(pcm)) - pcm), limit, "%d", pcm);
		cr_assert_leq(abs(alaw_value(alaw_of(pcm)) - pcm), limit, "%d", pcm);
	}
}

/* C351 */
Test(dsp_g711, c351_silence)
{
	cr_expect_eq(ulaw_of(0), G711_ULAW_SILENCE);
	cr_expect_eq(alaw_of(0), G711_ALAW_SILENCE);
	cr_expect_eq(ulaw_value(G711_ULAW_SILENCE), 0);
	cr_expect_eq(alaw_value(G711_ALAW_SILENCE), 8);
}

Test(dsp_g711, polarity_and_order)
{
	cr_expect_eq(ulaw_value(0x80), 32124);
	cr_expect_eq(ulaw_value(0x00), -32124);
	cr_expect_eq(alaw_value(0xaa), 32256);
	cr_expect_eq(alaw_value(0x2a), -32256);
	for (int pcm = LEAST; pcm < MOST; pcm++) {
		cr_assert_leq(ulaw_value(ulaw_of(pcm)), ulaw_value(ulaw_of(pcm + 1)));
		cr_assert_leq(alaw_value(alaw_of(pcm)), alaw_value(alaw_of(pcm + 1)));
	}
}

/* Vector code: any length, at any address, and nothing behind the end. */
Test(dsp_g711, lengths_and_alignment)
{
	int16_t pcm[80], back[80];
	uint8_t code[80];

	for (size_t at = 0; at < 8; at++) {
		for (size_t n = 0; n + at < 72; n++) {
			for (size_t i = 0; i < 80; i++) {
				pcm[i] = (int16_t)(i * 811 - 30000);
				code[i] = 0xee;
				back[i] = 0x1234;
			}
			g711_ulaw_encode(pcm + at, n, code + at);
			g711_ulaw_decode(code + at, n, back + at);
			for (size_t i = 0; i < 80; i++) {
				bool inside = i >= at && i < at + n;
				uint8_t want = inside ? g191_ulaw(pcm[i]) : 0xee;

				cr_assert_eq(code[i], want);
				cr_assert_eq(back[i],
					     inside ? ulaw_to_linear(want) : 0x1234);
			}
			g711_alaw_encode(pcm + at, n, code + at);
			g711_alaw_decode(code + at, n, back + at);
			for (size_t i = at; i < at + n; i++) {
				cr_assert_eq(code[i], g191_alaw(pcm[i]));
				cr_assert_eq(back[i], alaw_to_linear(code[i]));
			}
			cr_assert_eq(code[at + n], 0xee);
			cr_assert_eq(back[at + n], 0x1234);
		}
	}
}
