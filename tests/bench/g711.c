/* g711.c - throughput of G.711 against spandsp's inline conversions, in alternating
 * rounds.
 *
 * One JSON line per direction and law; ratio = ours over spandsp's samples per second. */
#include <spandsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/dsp/g711.h"
#include "tests/bench/codecs.h"
#include "tests/bench/race.h"

#define FRAME      160u /* samples: 20 ms */
#define FRAMES     256u /* different ones, so that branches can not learn them */
#define REPEATS    400u

static int16_t pcm[FRAMES][FRAME];
static uint8_t code[FRAMES][FRAME];

#define ENCODERS(law)                                                                    \
	static void ours_##law##_encode(void)                                            \
	{                                                                                \
		for (unsigned f = 0; f < FRAMES; f++)                                    \
			g711_##law##_encode(pcm[f], FRAME, code[f]);                     \
	}                                                                                \
	static void theirs_##law##_encode(void)                                          \
	{                                                                                \
		for (unsigned f = 0; f < FRAMES; f++)                                    \
			for (unsigned i = 0; i < FRAME; i++)                             \
				code[f][i] = linear_to_##law(pcm[f][i]);                 \
	}
#define DECODERS(law)                                                                    \
	static void ours_##law##_decode(void)                                            \
	{                                                                                \
		for (unsigned f = 0; f < FRAMES; f++)                                    \
			g711_##law##_decode(code[f], FRAME, pcm[f]);                     \
	}                                                                                \
	static void theirs_##law##_decode(void)                                          \
	{                                                                                \
		for (unsigned f = 0; f < FRAMES; f++)                                    \
			for (unsigned i = 0; i < FRAME; i++)                             \
				pcm[f][i] = law##_to_linear(code[f][i]);                 \
	}

ENCODERS(ulaw)
ENCODERS(alaw)
DECODERS(ulaw)
DECODERS(alaw)

static const struct race {
	const char *metric;
	race_fn *ours;
	race_fn *theirs;
} races[] = {
	{"ulaw_encode", ours_ulaw_encode, theirs_ulaw_encode},
	{"alaw_encode", ours_alaw_encode, theirs_alaw_encode},
	{"ulaw_decode", ours_ulaw_decode, theirs_ulaw_decode},
	{"alaw_decode", ours_alaw_decode, theirs_alaw_decode},
};

static void speech(void)
{
	uint32_t x = 1;

	for (unsigned f = 0; f < FRAMES; f++) {
		for (unsigned i = 0; i < FRAME; i++) {
			x = x * 1664525u + 1013904223u;
			/* any magnitude is as likely as its double: all segments are used
			 */
			pcm[f][i] = (int16_t)((int16_t)(x >> 16) >> (x >> 8 & 7));
		}
	}
}

/* Samples per second. */
static double rate_of(race_fn *run)
{
	double start;

	speech();
	ours_ulaw_encode();
	start = race_now_s();
	for (unsigned i = 0; i < REPEATS; i++) {
		run();
		__asm__ volatile("" ::: "memory");
	}
	return (double)REPEATS * FRAMES * FRAME / (race_now_s() - start);
}

static void race(const struct race *r, unsigned rounds)
{
	struct race_result won = race_run(r->ours, r->theirs, rate_of, rounds);

	printf("{\"bench\": \"codec/g711_vs_spandsp\", \"metric\": \"%s\", \"value\": "
	       "%.0f, "
	       "\"unit\": \"samples/s\", \"reference\": \"spandsp\", \"ratio\": %.3f, "
	       "\"spread\": %.3f, \"rounds\": %u}\n",
	       r->metric, won.ours, won.ratio, won.spread, rounds);
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;

	for (unsigned i = 0; i < sizeof races / sizeof races[0]; i++)
		race(&races[i], quick ? 11 : RACE_ROUNDS_MAX);
	bench_codecs(quick ? 5 : 21);
	return 0;
}
