/* conceal.c - see conceal.h */
#include "media/dsp/conceal.h"

#include <string.h>

#include "common/base/must.h"

/* Of a second, so that every rate has its own number of samples. */
#define PITCH_MIN(c) ((c)->rate_hz / 200u) /* 200 Hz; a higher voice repeats several periods */
#define PITCH_MAX(c) CONCEAL_PITCH_MAX((c)->rate_hz)
#define COMPARE(c)   ((c)->rate_hz / 100u) /* compared to find the pitch: 10 ms */
#define OVERLAP(c)   ((int32_t)((c)->rate_hz / 400u)) /* 2.5 ms */
#define FADE(c)      ((int32_t)(CONCEAL_FADE_MS * ((c)->rate_hz / 1000u)))
#define HISTORY(c)   CONCEAL_HISTORY((c)->rate_hz)

_Static_assert(2 * CONCEAL_PITCH_MAX(8000u) <= CONCEAL_HISTORY(8000u) &&
		       8000u / 100u + CONCEAL_PITCH_MAX(8000u) <= CONCEAL_HISTORY(8000u),
	       "the history reaches as far back as begin() and find_pitch() look");

void conceal_init(struct conceal *c, uint32_t rate_hz, int16_t *more)
{
	must(rate_hz % CONCEAL_RATE_HZ == 0 && rate_hz > 0 && rate_hz <= CONCEAL_RATE_MAX);
	must(more != NULL || rate_hz == CONCEAL_RATE_HZ);
	memset(c, 0, sizeof *c);
	c->rate_hz = rate_hz;
	c->more = more;
	if (more != NULL)
		memset(more, 0, CONCEAL_MEMORY(rate_hz) * sizeof *more);
}

/* hot */
static int16_t *history_of(struct conceal *c)
{
	return c->more != NULL ? c->more : c->own;
}

/* hot */
static int16_t *period_of(struct conceal *c)
{
	return history_of(c) + HISTORY(c);
}

static void remember(struct conceal *c, const int16_t *pcm, size_t n)
{
	int16_t *history = history_of(c);
	size_t most = HISTORY(c);

	if (n >= most) {
		memcpy(history, pcm + n - most, most * sizeof *pcm);
	} else {
		memmove(history, history + n, (most - n) * sizeof *pcm);
		memcpy(history + most - n, pcm, n * sizeof *pcm);
	}
	c->heard = true;
}

/* hot */
static int16_t clip(int32_t v)
{
	return (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
}

/* hot. a fades to b; `at` of `whole`. */
static int16_t mix(int32_t a, int32_t b, int32_t at, int32_t whole)
{
	return (int16_t)((a * (whole - at) + b * at) / whole);
}

/* How little the last 10 ms resemble what was `lag` samples before them, by every `step`th sample. */
static int64_t difference(const int16_t *from, uint32_t n, uint32_t lag, uint32_t step)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < n; i += step) {
		int32_t d = from[i] - from[(int32_t)i - (int32_t)lag];

		sum += d < 0 ? -d : d;
	}
	return sum;
}

/* The lag at which the last 10 ms resemble what came before them most: least mean
 * difference. At higher rates found as at 8 kHz, and then to the sample. */
static uint32_t find_pitch(struct conceal *c)
{
	const int16_t *from = history_of(c) + HISTORY(c) - COMPARE(c);
	uint32_t step = c->rate_hz / CONCEAL_RATE_HZ, best = PITCH_MIN(c), around;
	int64_t least = INT64_MAX, sum;

	for (uint32_t lag = PITCH_MIN(c); lag <= PITCH_MAX(c); lag += step) {
		sum = difference(from, COMPARE(c), lag, step);
		if (sum < least) {
			least = sum;
			best = lag;
		}
	}
	around = best;
	for (uint32_t lag = around - step + 1; lag < around + step && lag <= PITCH_MAX(c); lag++) {
		sum = difference(from, COMPARE(c), lag, step);
		if (lag >= PITCH_MIN(c) && sum < least) {
			least = sum;
			best = lag;
		}
	}
	return best;
}

/* One period whose end runs smoothly into its own beginning. */
static void begin(struct conceal *c)
{
	const int16_t *end = history_of(c) + HISTORY(c);
	int16_t *period = period_of(c);

	c->pitch = find_pitch(c);
	c->at = 0;
	c->made = 0;
	c->step = end[-1] - end[-1 - (int32_t)c->pitch];
	memcpy(period, end - c->pitch, c->pitch * sizeof *end);
	for (int32_t i = 0; i < OVERLAP(c); i++) {
		int32_t k = (int32_t)c->pitch - OVERLAP(c) + i;

		period[k] = mix(period[k], end[k - 2 * (int32_t)c->pitch], i, OVERLAP(c));
	}
}

/* hot. What the step at the joint still adds: it dies out over the overlap. */
static int32_t step_left(const struct conceal *c)
{
	return c->step * (OVERLAP(c) - (int32_t)c->made) / OVERLAP(c);
}

/* hot */
static int16_t next_invented(struct conceal *c)
{
	int32_t v = period_of(c)[c->at], fade = FADE(c), made = (int32_t)c->made;

	if (made >= fade)
		return 0;
	if (made < OVERLAP(c))
		v = clip(v + step_left(c));
	v = v * (fade - made) / fade;
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
	int32_t overlap = OVERLAP(c);

	if (c->pitch != 0) {
		for (int32_t i = 0; i < overlap && (size_t)i < n; i++)
			pcm[i] = mix(next_invented(c), pcm[i], i, overlap);
		c->pitch = 0;
	}
	remember(c, pcm, n);
}
