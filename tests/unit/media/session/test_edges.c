/* test_edges.c - mirrors media/session/timeline.c: whatever happens to a tone on its way, it is never cut off or begun by a click. */
#include <math.h>

#include "tests/unit/media/session/kit.h"

#define ROUNDS 60u
#define EVENTS 40u
#define PI     3.14159265358979323846
#define LOUDEST 8000
#define HZ     300
#define CLEAN  (LOUDEST * 2 * PI * HZ / 8000) /* the tone's own largest step at 8 kHz */
#define BOUND  (CLEAN + 2000)

static uint8_t *encoder[CODECS];
static struct rand dice;
static uint64_t told; /* samples of the tone, 48 kHz */
static struct session_facts all;
static uint8_t codec;

static const struct {
	uint8_t codec, type;
} types[] = {{CODEC_PCMU, 0}, {CODEC_PCMA, 8}, {CODEC_G722, 9}, {CODEC_OPUS, 111}, {CODEC_L16, 96}, {CODEC_L16_16K, 97}};

#define TYPES (sizeof types / sizeof types[0])

static void begin(uint32_t rate)
{
	const struct codec_terms none = {0};

	all = facts;
	all.format_count = TYPES - 1;
	for (size_t i = 1; i < TYPES; i++)
		all.formats[i - 1] = (struct session_format){types[i].codec, types[i].type};
	start_with(&cfg, &all, rate, 20);
	for (size_t i = 0; i < TYPES; i++) {
		const struct audio_codec *c = &audio_codecs[types[i].codec];

		encoder[types[i].codec] = calloc(1, CODEC_ENCODER_MAX);
		if (c->acts->encoder_reset != NULL)
			c->acts->encoder_reset(encoder[types[i].codec], codec_rate(c, rate), &none);
	}
	told = 0;
	codec = 0;
	save();
}

static void finish(void)
{
	for (size_t i = 0; i < TYPES; i++)
		free(encoder[types[i].codec]);
	teardown();
}

static void say_on(bool arrives)
{
	const struct audio_codec *c = &audio_codecs[types[codec].codec];
	uint32_t rate = codec_rate(c, s->r.rate_hz), n = rate / 50;
	uint8_t payload[2048];
	int16_t pcm[960];
	size_t octets;

	for (uint32_t i = 0; i < n; i++)
		pcm[i] = (int16_t)lrint(LOUDEST * sin(2 * PI * HZ * ((double)told + i * (48000.0 / rate)) / 48000));
	told += 960;
	octets = c->acts->encode(encoder[types[codec].codec], pcm, n, payload, sizeof payload);
	if (arrives)
		packet(types[codec].type, payload, octets, &facts.remote_rtp);
	else
		seq++;
	ts += c->clock_hz / 50;
	tick();
}

static void pass(uint32_t ticks, bool noisy)
{
	static const uint8_t level[] = {60, 100, 140};

	if (noisy)
		packet(13, level, sizeof level, &facts.remote_rtp);
	ts += ticks * audio_codecs[types[codec].codec].clock_hz / 50;
	while (ticks-- > 0)
		tick();
}

/* Loss, a pause, comfort noise, another codec, a kill; then some speech. */
static void happen(void)
{
	uint32_t kind = rand_below(&dice, 5), n = 1 + rand_below(&dice, 8);

	if (kind == 0)
		while (n-- > 0)
			say_on(false);
	else if (kind == 1 || kind == 2)
		pass(n, kind == 2);
	else if (kind == 3)
		codec = (uint8_t)rand_below(&dice, TYPES);
	if (kind == 4) {
		save();
		succeed();
		s->in.seq.probation = 0;
	}
	for (n = 1 + rand_below(&dice, 6); n > 0; n--)
		say_on(true);
}

/* The largest step between two samples that follow each other. */
static int32_t step_of_all(int16_t *last, uint64_t *end)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;
	int32_t most = 0;

	while (hear(&f, pcm)) {
		for (uint32_t i = 0; i < f.samples; i++) {
			int32_t d = abs(pcm[i] - (i > 0 ? pcm[i - 1] : *last));

			most = d > most && (i > 0 || f.pos == *end) ? d : most;
		}
		*last = pcm[f.samples - 1];
		*end = f.pos + f.samples;
	}
	return most;
}

Test(edges, nothing_clicks, .timeout = 120)
{
	static const uint32_t rates[] = {8000, 16000, 24000};

	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint64_t end = UINT64_MAX;
		int16_t last = 0;

		rand_seed(&dice, round);
		begin(rates[round % 3]);
		for (uint32_t i = 0; i < EVENTS; i++) {
			int32_t step;

			happen();
			step = step_of_all(&last, &end);
			cr_assert_lt(step, BOUND, "round %u, event %u: %d", round, i, step);
		}
		finish();
	}
}
