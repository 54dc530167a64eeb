/* tone.c - see tone.h */
#include "media/dsp/tone.h"

#include <math.h>

#include "common/base/scan.h"

#define PI 3.14159265358979323846
#define PEAK 7336.0 /* of all pitches together */
#define RAMP_MS 5u  /* at the edges of a tone: they do not click */
#define PITCH_LEAST 20u
#define PITCH_MOST 3400u
#define TIME_LEAST 10u
#define TIME_MOST 60000u
#define ALWAYS_MS 1000u /* the round of one without pauses: a whole number of periods of every pitch */

static const struct {
	const char *name;
	struct tone tone;
} known[] = {
	{"dial", {{425}, 1, ALWAYS_MS, 0}},
	{"busy", {{425}, 1, 500, 500}},
	{"ringback", {{425}, 1, 1000, 4000}},
};

static bool outside(uint32_t v, uint32_t least, uint32_t most)
{
	return v < least || v > most;
}

/* 0: there is none. */
static uint32_t number(struct str text)
{
	struct scan s = scan_of(text);
	uint32_t v = scan_u32(&s);

	scan_end(&s);
	return s.err == 0 ? v : 0;
}

static int parse_cadence(struct str text, struct tone *t)
{
	struct str off, on = str_cut(text, '/', &off);

	t->on_ms = number(on);
	t->off_ms = number(off);
	return outside(t->on_ms, TIME_LEAST, TIME_MOST) || outside(t->off_ms, TIME_LEAST, TIME_MOST) ? ERR_RANGE : 0;
}

int tone_parse(struct str text, struct tone *ret)
{
	struct tone t = {.on_ms = ALWAYS_MS};
	struct str cadence, pitches = str_cut(text, ' ', &cadence);

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (str_eq(text, str_of(known[i].name))) {
			*ret = known[i].tone;
			return 0;
		}
	if (pitches.n > 0 && pitches.p[pitches.n - 1] == '+')
		return ERR_SYNTAX;
	do {
		uint32_t hz = number(str_cut(pitches, '+', &pitches));

		if (hz == 0)
			return ERR_SYNTAX;
		if (t.pitches == TONE_PITCHES_MAX || outside(hz, PITCH_LEAST, PITCH_MOST))
			return ERR_RANGE;
		t.pitch_hz[t.pitches++] = hz;
	} while (pitches.n > 0);
	if (cadence.n == 0 && text.n > 0 && text.p[text.n - 1] == ' ')
		return ERR_SYNTAX;
	if (cadence.n > 0 && parse_cadence(cadence, &t) != 0)
		return ERR_RANGE;
	*ret = t;
	return 0;
}

uint64_t tone_round(const struct tone *t, uint32_t rate_hz)
{
	return (uint64_t)(t->on_ms + t->off_ms) * (rate_hz / 1000u);
}

/* How loud it is at this sample of its `on` samples, 0..1. */
static double edge(const struct tone *t, uint64_t at, uint64_t on, uint64_t ramp)
{
	if (t->off_ms == 0)
		return 1;
	if (at < ramp)
		return (double)at / (double)ramp;
	return on - at < ramp ? (double)(on - at) / (double)ramp : 1;
}

void tone_make(const struct tone *t, uint32_t rate_hz, uint64_t at, int16_t *pcm, uint32_t n)
{
	uint64_t whole = tone_round(t, rate_hz), on = (uint64_t)t->on_ms * (rate_hz / 1000u);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t in_round = (at + i) % whole;
		double sum = 0;

		for (uint32_t p = 0; p < t->pitches && in_round < on; p++)
			sum += sin(2 * PI * t->pitch_hz[p] * (double)in_round / rate_hz);
		if (in_round < on)
			sum *= PEAK / t->pitches * edge(t, in_round, on, RAMP_MS * (rate_hz / 1000u));
		pcm[i] = (int16_t)lrint(sum);
	}
}
