/* conceal.c - lost frames of speech concealed by us and by spandsp: raw 8 kHz samples from standard input to standard output.
 *
 *     bench_conceal ours|causal|spandsp FRAMES     FRAMES: a digit for each 20 ms, 1: lost
 *     bench_conceal cost [--quick]                 one JSON line: our time for a lost frame beside spandsp's
 *
 * `ours` knows what comes behind a gap, as the timeline does that fills it; `causal` has to go on without. */
#include <spandsp.h>
#include <stdio.h>
#include <string.h>

#include "media/dsp/conceal.h"
#include "tests/bench/race.h"

#define FRAME   160u
#define SECONDS 60u
#define FRAMES  (SECONDS * 50u)
#define GAP_EVERY 10u /* frames, of which are lost: */
#define GAP       2u

static int16_t pcm[FRAMES * FRAME], work[FRAMES * FRAME];
static size_t frames;

static size_t lost_from(const char *lost, size_t f)
{
	size_t n = 0;

	while (f + n < frames && lost[f + n] == '1')
		n++;
	return n;
}

/* As the timeline does it. */
static void conceal_frames(struct conceal *c, size_t f, size_t n, bool knows)
{
	int16_t *gap = pcm + f * FRAME, *end = gap + n * FRAME;
	size_t most = CONCEAL_BETWEEN_MAX(CONCEAL_RATE_HZ), made = n * FRAME < most ? n * FRAME : most;

	if (!knows || f + n == frames) {
		conceal_lost(c, gap, n * FRAME);
		return;
	}
	conceal_between(c, gap, made, end, FRAME);
	memmove(end - made / 2, gap + made / 2, made / 2 * sizeof *gap);
	memset(gap + made / 2, 0, (n * FRAME - made) * sizeof *gap);
}

static void by_us(const char *lost, bool knows)
{
	struct conceal c;

	conceal_init(&c, CONCEAL_RATE_HZ, NULL);
	for (size_t f = 0, n; f < frames; f += n > 0 ? n : 1) {
		n = lost_from(lost, f);
		if (n > 0)
			conceal_frames(&c, f, n, knows);
		else
			conceal_good(&c, pcm + f * FRAME, FRAME);
	}
}

static void by_spandsp(const char *lost)
{
	plc_state_t *s = plc_init(NULL);

	for (size_t f = 0; f < frames; f++) {
		if (lost[f] == '1')
			(void)plc_fillin(s, pcm + f * FRAME, FRAME);
		else
			(void)plc_rx(s, pcm + f * FRAME, FRAME);
	}
	plc_free(s);
}

/* ---- what it costs ---- */

static char every[FRAMES + 1];

static void ours(void)
{
	by_us(every, true);
}

static void theirs(void)
{
	by_spandsp(every);
}

static double gaps_per_s(race_fn *run)
{
	double start;

	memcpy(pcm, work, sizeof pcm);
	start = race_now_s();
	run();
	return (double)(frames / GAP_EVERY) / (race_now_s() - start);
}

/* A tone that wanders, and noise. */
static void prepare(void)
{
	uint32_t x = 1, phase = 0;

	frames = FRAMES;
	for (size_t i = 0; i < FRAMES * FRAME; i++) {
		x = x * 1664525u + 1013904223u;
		phase += 900u + (uint32_t)i / 64u % 600u;
		work[i] = (int16_t)((int16_t)(phase << 4) / 4 + (int16_t)(x >> 16) / 32);
	}
	for (size_t f = 0; f < FRAMES; f++)
		every[f] = f % GAP_EVERY >= GAP_EVERY - GAP ? '1' : '0';
}

static int cost(unsigned rounds)
{
	struct race_result won;

	prepare();
	won = race_run(ours, theirs, gaps_per_s, rounds);
	printf("{\"bench\": \"conceal\", \"metric\": \"conceal/cost\", \"value\": %.0f, \"unit\": \"ns per 10 frames of which 2 are lost\", "
	       "\"reference\": \"spandsp\", \"ratio\": %.3f, \"spread\": %.3f, \"rounds\": %u}\n",
	       1e9 / won.ours, won.ratio, won.spread, rounds);
	return 0;
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";

	if (strcmp(way, "cost") == 0)
		return cost(argc > 2 ? 5 : 21);
	frames = fread(pcm, FRAME * sizeof pcm[0], FRAMES, stdin);
	if (argc != 3 || strlen(argv[2]) != frames) {
		fprintf(stderr, "bench_conceal ours|causal|spandsp FRAMES, a digit for each 20 ms of at most %u s\n", SECONDS);
		return 2;
	}
	if (strcmp(way, "spandsp") == 0)
		by_spandsp(argv[2]);
	else
		by_us(argv[2], strcmp(way, "ours") == 0);
	return fwrite(pcm, FRAME * sizeof pcm[0], frames, stdout) == frames ? 0 : 1;
}
