/* codecs.c - 20 ms there and back by G722 and opus, against the libraries behind them alone, in alternating rounds.
 *
 * One JSON line each; ratio = ours over theirs in frames per second. */
#include <opus/opus.h>
#include <spandsp.h>
#include <stdio.h>
#include <stdlib.h>

#include "media/dsp/codec.h"
#include "tests/bench/codecs.h"
#include "tests/bench/race.h"

#define RATE    16000u
#define FRAME   320u /* samples: 20 ms */
#define FRAMES  200u
#define DECODED (CODEC_DECODED_MS_MAX * CODEC_SAMPLES_PER_MS_MAX)

static int16_t pcm[FRAMES][FRAME], back[DECODED];
static uint8_t octets[CODEC_OCTETS_MAX];

static void *encoder, *decoder; /* of the row that runs */
static g722_encode_state_t *g722_in;
static g722_decode_state_t *g722_out;
static OpusEncoder *opus_in;
static OpusDecoder *opus_out;

static void ours(enum codec_id id)
{
	const struct codec_acts *a = audio_codecs[id].acts;

	for (unsigned f = 0; f < FRAMES; f++) {
		size_t n = a->encode(encoder, pcm[f], FRAME, octets, sizeof octets);

		(void)a->decode(decoder, octets, &n, back, DECODED);
	}
}

static void ours_g722(void)
{
	ours(CODEC_G722);
}

static void ours_opus(void)
{
	ours(CODEC_OPUS);
}

static void theirs_g722(void)
{
	for (unsigned f = 0; f < FRAMES; f++) {
		int n = g722_encode(g722_in, octets, pcm[f], FRAME);

		(void)g722_decode(g722_out, back, octets, n);
	}
}

static void theirs_opus(void)
{
	for (unsigned f = 0; f < FRAMES; f++) {
		opus_int32 n = opus_encode(opus_in, pcm[f], FRAME, octets, sizeof octets);

		(void)!opus_decode(opus_out, octets, n, back, DECODED, 0);
	}
}

/* A tone that wanders, and noise: no silence that costs nothing. */
static void speech(void)
{
	uint32_t x = 1, phase = 0;

	for (unsigned i = 0; i < FRAMES * FRAME; i++) {
		x = x * 1664525u + 1013904223u;
		phase += 900u + i / 64u % 600u;
		pcm[i / FRAME][i % FRAME] = (int16_t)((int16_t)(phase << 4) / 4 + (int16_t)(x >> 16) / 32);
	}
}

/* Set up as ours is. */
static void open_theirs(void)
{
	int err;

	g722_in = g722_encode_init(NULL, 64000, 0);
	g722_out = g722_decode_init(NULL, 64000, 0);
	opus_in = opus_encoder_create(RATE, 1, OPUS_APPLICATION_VOIP, &err);
	opus_out = opus_decoder_create(RATE, 1, &err);
	opus_encoder_ctl(opus_in, OPUS_SET_COMPLEXITY(5));
	opus_encoder_ctl(opus_in, OPUS_SET_BITRATE(24000));
	opus_encoder_ctl(opus_in, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
	opus_encoder_ctl(opus_in, OPUS_SET_VBR(1));
}

static void open_ours(enum codec_id id)
{
	const struct codec_terms none = {0};

	audio_codecs[id].acts->encoder_reset(encoder, RATE, &none);
	audio_codecs[id].acts->decoder_reset(decoder, RATE);
}

static double frames_per_s(race_fn *run)
{
	double start = race_now_s();

	run();
	return FRAMES / (race_now_s() - start);
}

static void race(const char *metric, race_fn *ours_fn, race_fn *theirs_fn, unsigned rounds)
{
	struct race_result won = race_run(ours_fn, theirs_fn, frames_per_s, rounds);

	printf("{\"bench\": \"codec/%s_there_and_back\", \"metric\": \"us_per_20ms\", \"value\": %.1f, \"unit\": \"us\", "
	       "\"reference\": \"%s\", \"ratio\": %.3f, \"spread\": %.3f, \"rounds\": %u}\n",
	       metric, 1e6 / won.ours, metric[0] == 'o' ? "libopus" : "spandsp", won.ratio, won.spread, rounds);
}

void bench_codecs(unsigned rounds)
{
	encoder = malloc(CODEC_ENCODER_MAX);
	decoder = malloc(CODEC_DECODER_MAX);
	if (encoder == NULL || decoder == NULL)
		abort();
	speech();
	open_theirs();
	open_ours(CODEC_G722);
	race("g722", ours_g722, theirs_g722, rounds);
	open_ours(CODEC_OPUS);
	race("opus", ours_opus, theirs_opus, rounds);
}
