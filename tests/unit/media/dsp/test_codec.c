/* test_codec.c - mirrors media/dsp/codec.c, g722.c, opus.c and l16.c: the table of codecs and what each row does. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rand.h"
#include "media/dsp/codec.h"
#include "media/dsp/g711.h"
#include "media/dsp/level.h"

#define PI       3.14159265358979323846
#define SAMPLES_MAX (CODEC_DECODED_MS_MAX * CODEC_SAMPLES_PER_MS_MAX)
#define TAPE_HZ  16000u
#define GUARD    0x5a

static const struct codec_terms no_terms;

/* States that end where the codec says they do. */
struct both {
	uint8_t *encoder, *decoder;
	size_t encoder_bytes, decoder_bytes;
};

static struct both open_both(const struct audio_codec *c, uint32_t rate_hz, const struct codec_terms *t)
{
	struct both b = {.encoder_bytes = c->acts->encoder_bytes(), .decoder_bytes = c->acts->decoder_bytes()};

	b.encoder = malloc(b.encoder_bytes + 16);
	b.decoder = malloc(b.decoder_bytes + 16);
	memset(b.encoder, GUARD, b.encoder_bytes + 16);
	memset(b.decoder, GUARD, b.decoder_bytes + 16);
	if (c->acts->encoder_reset != NULL)
		c->acts->encoder_reset(b.encoder, rate_hz, t);
	if (c->acts->decoder_reset != NULL)
		c->acts->decoder_reset(b.decoder, rate_hz);
	return b;
}

static void close_both(struct both *b)
{
	for (size_t i = 0; i < 16; i++) {
		cr_assert_eq(b->encoder[b->encoder_bytes + i], GUARD);
		cr_assert_eq(b->decoder[b->decoder_bytes + i], GUARD);
	}
	free(b->encoder);
	free(b->decoder);
}

static void tone(int16_t *pcm, size_t n, uint32_t rate_hz, size_t from)
{
	for (size_t i = 0; i < n; i++) {
		double t = (double)(from + i) / rate_hz;

		pcm[i] = (int16_t)lrint(8000 * sin(2 * PI * 440 * t) + 4000 * sin(2 * PI * 1250 * t));
	}
}

Test(codec, rows_are_what_the_registry_says) /* RFC 3551 section 6, 4.5.2; RFC 7587 4.1 */
{
	static const struct {
		enum codec_id id;
		const char *name;
		uint32_t clock_hz, rate_hz;
	} want[CODECS] = {
		{CODEC_PCMU, "PCMU", 8000, 8000},  {CODEC_PCMA, "PCMA", 8000, 8000},	{CODEC_G722, "G722", 8000, 16000},
		{CODEC_OPUS, "opus", 48000, 0},	   {CODEC_L16, "L16", 8000, 8000},	{CODEC_L16_16K, "L16", 16000, 16000},
		{CODEC_L16_48K, "L16", 48000, 48000},
	};

	for (size_t i = 0; i < CODECS; i++) {
		const struct audio_codec *c = &audio_codecs[want[i].id];

		cr_expect_eq(want[i].id, i, "numbers are kept in records");
		cr_expect_str_eq(c->name, want[i].name);
		cr_expect_eq(c->clock_hz, want[i].clock_hz);
		cr_expect_eq(c->rate_hz, want[i].rate_hz);
		cr_expect_leq(c->acts->encoder_bytes(), CODEC_ENCODER_MAX);
		cr_expect_leq(c->acts->decoder_bytes(), CODEC_DECODER_MAX);
		cr_expect_eq(codec_is_plain(c), i == CODEC_PCMU || i == CODEC_PCMA);
	}
}

Test(codec, packet_times_are_those_it_has)
{
	static const struct {
		enum codec_id id;
		uint32_t wanted, is;
	} rows[] = {
		{CODEC_PCMU, 30, 30}, {CODEC_G722, 60, 60}, {CODEC_OPUS, 30, 20},    {CODEC_OPUS, 50, 40},    {CODEC_OPUS, 60, 60},
		{CODEC_L16, 60, 60},  {CODEC_L16_16K, 60, 40}, {CODEC_L16_48K, 20, 10}, {CODEC_L16_48K, 60, 10}, {CODEC_PCMA, 10, 10},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_expect_eq(codec_ptime(&audio_codecs[rows[i].id], rows[i].wanted), rows[i].is, "row %zu", i);
}

Test(codec, each_law_is_its_own)
{
	const int16_t pcm[3] = {0, 4000, -4000};
	uint8_t ulaw[3], alaw[3], out[3];

	g711_ulaw_encode(pcm, 3, ulaw);
	g711_alaw_encode(pcm, 3, alaw);
	cr_expect_eq(audio_codecs[CODEC_PCMU].acts->encode(NULL, pcm, 3, out, 3), 3u);
	cr_expect_arr_eq(out, ulaw, 3);
	cr_expect_eq(audio_codecs[CODEC_PCMA].acts->encode(NULL, pcm, 3, out, 3), 3u);
	cr_expect_arr_eq(out, alaw, 3);
}

/* The best correlation of what came out with what went in, at any delay up to 30 ms. */
static double likeness(const int16_t *in, const int16_t *out, size_t n, size_t lags)
{
	double best = 0;

	for (size_t lag = 0; lag < lags; lag++) {
		double xy = 0, xx = 1, yy = 1;

		for (size_t i = lag; i < n; i++) {
			xy += (double)in[i - lag] * out[i];
			xx += (double)in[i - lag] * in[i - lag];
			yy += (double)out[i] * out[i];
		}
		best = xy / sqrt(xx * yy) > best ? xy / sqrt(xx * yy) : best;
	}
	return best;
}

/* Every row, at every packet time and every rate of a tape: what comes back is what was said, at its level. */
static void round_trip(const struct audio_codec *c, uint32_t tape_hz, uint32_t ptime_ms)
{
	uint32_t rate = codec_rate(c, tape_hz), n = ptime_ms * (rate / 1000), total = 400 * (rate / 1000) / n * n;
	struct both b = open_both(c, rate, &no_terms);
	int16_t *in = malloc(total * sizeof *in), *out = malloc((total + SAMPLES_MAX) * sizeof *out);
	uint8_t payload[CODEC_OCTETS_MAX + 1];
	size_t got = 0;
	double ratio;

	tone(in, total, rate, 0);
	for (size_t at = 0; at < total; at += n) {
		size_t octets, part;

		payload[CODEC_OCTETS_MAX] = GUARD;
		octets = c->acts->encode(b.encoder, in + at, n, payload, CODEC_OCTETS_MAX);
		cr_assert(octets > 0 && octets <= CODEC_OCTETS_MAX && payload[CODEC_OCTETS_MAX] == GUARD);
		part = octets;
		got += c->acts->decode(b.decoder, payload, &part, out + got, SAMPLES_MAX);
		cr_assert_eq(part, octets, "all of it");
		cr_assert_eq(got, at + n, "%s: as many samples as went in", c->name);
	}
	cr_expect_gt(likeness(in + total / 2, out + total / 2, total / 2, 30 * (rate / 1000)), 0.95, "%s at %u Hz, %u ms", c->name, rate, ptime_ms);
	ratio = (double)level_rms(out + total / 2, total / 2) / level_rms(in + total / 2, total / 2);
	cr_expect(ratio > 0.8 && ratio < 1.25, "%s: level %.2f", c->name, ratio);
	close_both(&b);
	free(in);
	free(out);
}

Test(codec, what_is_said_comes_back)
{
	static const uint32_t tapes[] = {8000, 16000, 24000, 48000};

	for (int id = 0; id < CODECS; id++)
		for (uint32_t ms = 10; ms <= 60; ms += 10)
			for (size_t t = 0; t < 4 && codec_ptime(&audio_codecs[id], ms) == ms; t++)
				round_trip(&audio_codecs[id], tapes[t], ms);
}

/* Whatever comes, of every length: no more samples than there is room, never none of the octets. */
Test(codec, packets_that_are_none)
{
	static int16_t pcm[SAMPLES_MAX + 1];
	uint8_t in[1500];
	struct rand r;

	rand_seed(&r, 7);
	for (int id = 0; id < CODECS; id++) {
		const struct audio_codec *c = &audio_codecs[id];
		struct both b = open_both(c, codec_rate(c, TAPE_HZ), &no_terms);

		for (size_t len = 1; len <= sizeof in; len++) {
			uint8_t *packet = malloc(len);
			size_t part = len, n;

			for (size_t i = 0; i < len; i++)
				packet[i] = (uint8_t)rand_u64(&r);
			pcm[SAMPLES_MAX] = GUARD;
			n = c->acts->decode(b.decoder, packet, &part, pcm, SAMPLES_MAX);
			cr_assert(n <= SAMPLES_MAX && part > 0 && part <= len && pcm[SAMPLES_MAX] == GUARD, "%s, %zu octets", c->name, len);
			free(packet);
		}
		close_both(&b);
	}
}

Test(codec, decoding_stops_where_the_room_does)
{
	static const uint8_t in[6] = {0x21, 0x22, 0x23, 0x24, 0x25, 0x26};
	int16_t pcm[8] = {0}, whole[6];
	size_t n = 6;

	g711_ulaw_decode(in, 6, whole);
	cr_expect_eq(audio_codecs[CODEC_PCMU].acts->decode(NULL, in, &n, pcm, 4), 4u);
	cr_expect_eq(n, 4u);
	cr_expect_arr_eq(pcm, whole, 4 * sizeof pcm[0]);
	n = 6;
	cr_expect_eq(audio_codecs[CODEC_L16].acts->decode(NULL, in, &n, pcm, 2), 2u);
	cr_expect_eq(n, 4u, "octets taken");
	cr_expect_eq(pcm[0], 0x2122);
	n = 5;
	cr_expect_eq(audio_codecs[CODEC_L16].acts->decode(NULL, in, &n, pcm, 8), 2u);
	cr_expect_eq(n, 5u, "half a sample is none");
}

/* ---- opus ---- */

static struct codec_terms terms_of(const char *fmtp)
{
	struct codec_terms t;

	audio_codecs[CODEC_OPUS].acts->read_terms(str_of(fmtp), &t);
	return t;
}

Test(codec, opus_terms) /* RFC 7587 section 6.1 */
{
	struct codec_terms t = terms_of("maxplaybackrate=16000; maxaveragebitrate=20000;useinbandfec=1 ;usedtx=1;cbr=1;stereo=1;sprop-stereo=1");

	cr_expect(t.rate_max_hz == 16000 && t.bitrate_max == 20000 && t.fec == 1 && t.dtx == 1 && t.cbr == 1);
	t = terms_of("");
	cr_expect(t.rate_max_hz == 0 && t.bitrate_max == 0 && t.fec == 0 && t.dtx == 0 && t.cbr == 0);
	t = terms_of("maxplaybackrate=4;maxaveragebitrate=99999999999;useinbandfec=2;usedtx;cbr=;=1;;x");
	cr_expect(t.rate_max_hz == 0 && t.bitrate_max == 0 && t.fec == 0 && t.dtx == 0 && t.cbr == 0);
}

/* Octets of a second of tone; of silence. */
static size_t second(const char *fmtp, bool silent, size_t *ret_least, size_t *ret_most)
{
	const struct audio_codec *c = &audio_codecs[CODEC_OPUS];
	struct codec_terms t = terms_of(fmtp);
	struct both b = open_both(c, TAPE_HZ, &t);
	uint8_t payload[CODEC_OCTETS_MAX];
	int16_t pcm[320] = {0};
	size_t sum = 0, n;

	*ret_least = SIZE_MAX;
	*ret_most = 0;
	for (size_t at = 0; at < 2 * TAPE_HZ; at += 320) {
		if (!silent)
			tone(pcm, 320, TAPE_HZ, at);
		n = c->acts->encode(b.encoder, pcm, 320, payload, sizeof payload);
		if (at < TAPE_HZ)
			continue; /* settled */
		sum += n;
		*ret_least = n < *ret_least ? n : *ret_least;
		*ret_most = n > *ret_most ? n : *ret_most;
	}
	close_both(&b);
	return sum;
}

Test(codec, opus_does_what_the_peer_wishes)
{
	size_t least, most, usual = second("", false, &least, &most);

	cr_expect(usual > 2000 && usual < 4000, "24 kbit/s: %zu octets", usual);
	cr_expect_lt(second("maxaveragebitrate=8000", false, &least, &most), usual / 2);
	(void)second("cbr=1", false, &least, &most);
	cr_expect_eq(least, most, "every packet of one size");
	(void)second("usedtx=1", true, &least, &most);
	cr_expect_eq(least, 0u, "silence is left out");
	(void)second("", true, &least, &most);
	cr_expect_gt(least, 0u);
}

/* The 11th packet is lost. How much what stands for it is like it, with the 12th at hand or without. */
static double recovered(bool with_next)
{
	const struct audio_codec *c = &audio_codecs[CODEC_OPUS];
	struct codec_terms t = terms_of("useinbandfec=1");
	struct both b = open_both(c, TAPE_HZ, &t);
	uint8_t payload[2][CODEC_OCTETS_MAX];
	int16_t in[40][320], out[320], scratch[SAMPLES_MAX];
	size_t n[2] = {0, 0}, part;
	double like;

	c->acts->expect_loss(b.encoder, 30);
	for (size_t i = 0; i < 40; i++) { /* a tone that rises: the past does not tell */
		for (size_t k = 0; k < 320; k++) {
			double at = (double)(i * 320 + k) / TAPE_HZ;

			in[i][k] = (int16_t)lrint(9000 * sin(2 * PI * (300 + 1500 * at) * at));
		}
		n[i % 2] = c->acts->encode(b.encoder, in[i], 320, payload[i % 2], CODEC_OCTETS_MAX);
		if (i == 31)
			break;
		part = n[i % 2];
		if (i != 30)
			(void)c->acts->decode(b.decoder, payload[i % 2], &part, scratch, SAMPLES_MAX);
	}
	cr_assert_eq(c->acts->conceal(b.decoder, with_next ? &(struct str){(char *)payload[1], n[1]} : NULL, out, 320), 320u);
	memcpy(scratch, in[29], 640);
	memcpy(scratch + 320, in[30], 640);
	like = 0;
	for (size_t lag = 0; lag < 200; lag++) {
		double xy = 0, xx = 1, yy = 1;

		for (size_t i = 0; i < 320; i++) {
			xy += (double)scratch[320 + i - lag] * out[i];
			xx += (double)scratch[320 + i - lag] * scratch[320 + i - lag];
			yy += (double)out[i] * out[i];
		}
		like = xy / sqrt(xx * yy) > like ? xy / sqrt(xx * yy) : like;
	}
	close_both(&b);
	return like;
}

Test(codec, opus_tells_of_the_packet_before)
{
	double with = recovered(true), without = recovered(false);

	cr_expect_gt(with, 0.8, "%.2f", with);
	cr_expect_gt(with, without, "%.2f and %.2f", with, without);
}

/* A packet of two channels is heard as one. */
Test(codec, opus_of_two_channels)
{
	/* RFC 6716 3.1: config 9 (SILK, wideband, 20 ms), stereo, one frame; what it says is of no matter */
	const uint8_t in[20] = {9 << 3 | 1 << 2, 0x11, 0x22, 0x33};
	const struct audio_codec *c = &audio_codecs[CODEC_OPUS];
	struct both b = open_both(c, TAPE_HZ, &no_terms);
	int16_t pcm[SAMPLES_MAX];
	size_t part = sizeof in;

	cr_expect_eq(c->acts->decode(b.decoder, in, &part, pcm, SAMPLES_MAX), 320u);
	close_both(&b);
}
