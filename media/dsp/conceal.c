/* conceal.c - see conceal.h */
#include "media/dsp/conceal.h"

#include <string.h>

#define FADE_SAMPLES (CONCEAL_FADE_MS * CONCEAL_RATE_HZ / 1000u)
#define COMPARE      80u /* samples compared to find the pitch: 10 ms */
#define OVERLAP      ((int32_t)CONCEAL_OVERLAP)

_Static_assert(2 * CONCEAL_PITCH_MAX <= CONCEAL_HISTORY &&
		       COMPARE + CONCEAL_PITCH_MAX <= CONCEAL_HISTORY,
	       "the history reaches as far back as begin() and find_pitch() look");

void conceal_init(struct conceal *c)
{
	memset(c, 0, sizeof *c);
}

static void remember(struct conceal *c, const int16_t *pcm, size_t n)
{
	if (n >= CONCEAL_HISTORY) {
		memcpy(c->history, pcm + n - CONCEAL_HISTORY, sizeof c->history);
	} else {
		memmove(c->history, c->history + n, (CONCEAL_HISTORY - n) * sizeof *pcm);
		memcpy(c->history + CONCEAL_HISTORY - n, pcm, n * sizeof *pcm);
	}
	c->heard = true;
}

/* hot */
static int16_t clip(int32_t v)
{
	return (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
}

/* hot. a fades to b; `at` of OVERLAP. */
static int16_t mix(int32_t a, int32_t b, int32_t at)
{
	return (int16_t)((a * (OVERLAP - at) + b * at) / OVERLAP);
}

/* The lag at which the last 10 ms resemble what came before them most: least mean
 * difference. */
static uint32_t find_pitch(const struct conceal *c)
{
	const int16_t *end = c->history + CONCEAL_HISTORY - COMPARE;
	uint32_t best = CONCEAL_PITCH_MIN;
	int64_t least = INT64_MAX;

	for (uint32_t lag = CONCEAL_PITCH_MIN; lag <= CONCEAL_PITCH_MAX; lag++) {
		int64_t sum = 0;

		for (uint32_t i = 0; i < COMPARE; i++) {
			int32_t d = end[i] - end[(int32_t)i - (int32_t)lag];

			sum += d < 0 ? -d : d;
		}
		if (sum < least) {
			least = sum;
			best = lag;
		}
	}
	return best;
}

/* One period whose end runs smoothly into its own beginning. */
static void begin(struct conceal *c)
{
	const int16_t *end = c->history + CONCEAL_HISTORY;

	c->pitch = find_pitch(c);
	c->at = 0;
	c->made = 0;
	c->step = end[-1] - end[-1 - (int32_t)c->pitch];
	memcpy(c->period, end - c->pitch, c->pitch * sizeof *end);
	for (int32_t i = 0; i < OVERLAP; i++) {
		int32_t k = (int32_t)c->pitch - OVERLAP + i;

		c->period[k] = mix(c->period[k], end[k - 2 * (int32_t)c->pitch], i);
	}
}

/* hot. What the step at the joint still adds: it dies out over the overlap. */
static int32_t step_left(const struct conceal *c)
{
	return c->step * (OVERLAP - (int32_t)c->made) / OVERLAP;
}

/* hot */
static int16_t next_invented(struct conceal *c)
{
	int32_t v = c->period[c->at];

	if (c->made >= FADE_SAMPLES)
		return 0;
	if (c->made < CONCEAL_OVERLAP)
		v = clip(v + step_left(c));
	v = v * (int32_t)(FADE_SAMPLES - c->made) / (int32_t)FADE_SAMPLES;
	c->at = (c->at + 1) % c->pitch;
	c->made++;
	return (int16_t)v;
}

void conceal_lost(struct conceal *c, int16_t *pcm, size_t n)
{
	if (!c->heard) {
		memset(pcm, 0, n * sizeof *pcm);
		return;
	}
	if (c->pitch == 0)
		begin(c);
	for (size_t i = 0; i < n; i++)
		pcm[i] = next_invented(c);
	remember(c, pcm, n);
}

/* hot */
void conceal_good(struct conceal *c, int16_t *pcm, size_t n)
{
	if (c->pitch != 0) {
		for (uint32_t i = 0; i < CONCEAL_OVERLAP && i < n; i++)
			pcm[i] = mix(next_invented(c), pcm[i], (int32_t)i);
		c->pitch = 0;
	}
	remember(c, pcm, n);
}
