/* conceal.c - see conceal.h */
#include "media/dsp/conceal.h"

#include <string.h>

#include "common/base/must.h"
#include "media/dsp/interpolate.h"

/* Of a second, so that every rate has its own number of samples. */
#define PITCH_MIN(c) ((c)->rate_hz / 200u) /* 200 Hz; a higher voice repeats several periods */
#define PITCH_MAX(c) CONCEAL_PITCH_MAX((c)->rate_hz)
#define COMPARE(c)   ((c)->rate_hz / 100u) /* compared to find the pitch: 10 ms */
#define OVERLAP(c)   ((int32_t)((c)->rate_hz / 400u)) /* 2.5 ms */
#define FADE(c)      ((int32_t)(CONCEAL_FADE_MS * ((c)->rate_hz / 1000u)))
#define HISTORY(c)   CONCEAL_HISTORY((c)->rate_hz)

/* Both sides of a gap are looked at with so many samples a second at most, for so long; of predictors that cover a pitch of 100 Hz, and by
 * what they repeat a lower one. */
#define THIN_HZ_MAX 16000u
#define SIDE_MS     20u
#define ORDER_MS    10u
#define BREATH_MS   40u

_Static_assert(THIN_HZ_MAX / 1000u * SIDE_MS <= INTERPOLATE_SIDE && THIN_HZ_MAX / 1000u * ORDER_MS <= INTERPOLATE_ORDER &&
		       THIN_HZ_MAX / 1000u * CONCEAL_FADE_MS <= INTERPOLATE_REACH && 1000u / SIDE_MS >= 20u,
	       "the interpolation has room for both sides, and the history reaches as far back");

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

/* ---- between two sides that are known ---- */

/* How many samples become one. */
static uint32_t thinning(const struct conceal *c)
{
	return (c->rate_hz + THIN_HZ_MAX - 1) / THIN_HZ_MAX;
}

/* Means of `by` samples each. */
static void thin(const int16_t *pcm, size_t n, uint32_t by, float *out)
{
	for (size_t i = 0; i < n; i++) {
		int32_t sum = 0;

		for (uint32_t k = 0; k < by; k++)
			sum += pcm[i * by + k];
		out[i] = (float)sum / (float)by;
	}
}

/* `n` samples as `m` means; around them one of before and one of behind. */
struct thinned {
	float means[2 * INTERPOLATE_REACH + 2];
	size_t m, n;
};

/* The other way, on straight lines: sample `i`, -1 to n. */
static float thick(const struct thinned *t, int32_t i)
{
	float at = ((float)i + 0.5f) * (float)t->m / (float)t->n + 0.5f;
	size_t k = at > 0 ? (size_t)at : 0;

	k = k < t->m ? k : t->m;
	return t->means[k] + (t->means[k + 1] - t->means[k]) * (at - (float)k);
}

/* hot */
static int16_t rounded(float v)
{
	return (int16_t)(v >= INT16_MAX ? INT16_MAX : v <= INT16_MIN ? INT16_MIN : v + (v < 0 ? -0.5f : 0.5f));
}

/* What thinning left out at the edges dies out over the overlap. */
static void write_between(struct conceal *c, const struct thinned *t, int16_t *pcm, int16_t next)
{
	int32_t end = (int32_t)t->n, overlap = OVERLAP(c);
	float first = (float)history_of(c)[HISTORY(c) - 1] - thick(t, -1), last = (float)next - thick(t, end);

	for (int32_t i = 0; i < end; i++) {
		float v = thick(t, i);

		if (i < overlap)
			v += first * (float)(overlap - i) / (float)overlap;
		if (end - i <= overlap)
			v += last * (float)(overlap - (end - 1 - i)) / (float)overlap;
		pcm[i] = rounded(v);
	}
}

void conceal_between(struct conceal *c, int16_t *pcm, size_t n, const int16_t *next, size_t next_n)
{
	float before[INTERPOLATE_SIDE], behind[INTERPOLATE_SIDE];
	uint32_t by = thinning(c), per_ms = c->rate_hz / by / 1000u, side = SIDE_MS * per_ms;
	size_t known = next_n / by < side ? next_n / by : side;
	struct thinned t;

	must(n <= CONCEAL_BETWEEN_MAX(c->rate_hz));
	if (!c->heard || n == 0 || known < ORDER_MS * per_ms) {
		conceal_lost(c, pcm, n);
		return;
	}
	t.n = n;
	t.m = (n + by - 1) / by;
	thin(history_of(c) + HISTORY(c) - side * by, side, by, before);
	thin(next, known, by, behind);
	interpolate(&(struct interpolate){
		.before = before, .before_n = side, .behind = behind, .behind_n = known, .order = ORDER_MS * per_ms,
		.reach = CONCEAL_FADE_MS * per_ms, .breath = BREATH_MS * per_ms,
	}, t.means + 1, t.m);
	t.means[0] = before[side - 1];
	t.means[t.m + 1] = behind[0];
	write_between(c, &t, pcm, next[0]);
	c->pitch = 0;
	remember(c, pcm, n);
}
