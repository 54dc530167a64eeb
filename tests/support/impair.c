/* impair.c - see impair.h */
#include "tests/support/impair.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS 1e6
#define SHAPE 2.5         /* of the Pareto distribution */
#define BELOW_BYTES 28.0  /* UDP and IPv4 below a datagram */
#define MOST 1e6

static double uniform(struct impair *im) /* (0, 1) */
{
	uint64_t z = im->seed += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return ((double)(z >> 11) + 0.5) / 9007199254740992.0;
}

static bool happens(struct impair *im, double percent)
{
	return percent > 0 && uniform(im) * 100 < percent;
}

static double jitter_ms(struct impair *im)
{
	switch (im->jitter) {
	case IMPAIR_NORMAL:
		return im->jitter_ms * sqrt(-2 * log(uniform(im))) * cos(2 * M_PI * uniform(im));
	case IMPAIR_PARETO: /* from 0 on, of that mean */
		return im->jitter_ms * (SHAPE - 1) * (pow(uniform(im), -1 / SHAPE) - 1);
	case IMPAIR_STEADY:
	default:
		return 0;
	}
}

/* Gilbert: everything is lost in the bad state, and the mean stay there is loss_mean packets. */
static bool is_lost(struct impair *im)
{
	double p = im->loss_percent / 100;

	if (p <= 0)
		return false;
	if (p >= 1)
		return true;
	if (im->losing)
		im->losing = uniform(im) >= 1 / im->loss_mean;
	else
		im->losing = uniform(im) < p / (1 - p) / im->loss_mean;
	return im->losing;
}

/* A bottleneck: when it has passed, or UINT64_MAX when its queue is too long. */
static uint64_t pass(struct impair *im, uint64_t at_ns, size_t bytes)
{
	if (im->rate_kbit <= 0)
		return at_ns;
	if (im->free_ns < at_ns)
		im->free_ns = at_ns;
	if ((double)(im->free_ns - at_ns) > im->queue_ms * MS)
		return UINT64_MAX;
	im->free_ns += (uint64_t)(((double)bytes + BELOW_BYTES) * 8 / im->rate_kbit * MS);
	return im->free_ns;
}

static uint64_t travel(struct impair *im, uint64_t now_ns)
{
	double ms = im->delay_ms + jitter_ms(im) + im->drift_ppm * 1e-6 * (double)(now_ns - im->first_ns) / MS;
	uint64_t at_ns = now_ns + (ms > 0 ? (uint64_t)(ms * MS) : 0);

	if (happens(im, im->spike_percent))
		im->stands_until_ns = at_ns + (uint64_t)(im->spike_ms * MS);
	return at_ns < im->stands_until_ns ? im->stands_until_ns : at_ns;
}

unsigned impair_take(struct impair *im, uint64_t now_ns, size_t bytes, uint64_t ret_due_ns[IMPAIR_COPIES_MAX])
{
	bool lost = is_lost(im);
	uint64_t at_ns;

	if (im->taken++ == 0)
		im->first_ns = now_ns;
	at_ns = lost ? UINT64_MAX : pass(im, now_ns, bytes);
	if (at_ns == UINT64_MAX) {
		im->lost++;
		return 0;
	}
	at_ns = travel(im, at_ns);
	if (happens(im, im->reorder_percent)) {
		at_ns = (at_ns > im->last_ns ? at_ns : im->last_ns) + (uint64_t)(im->reorder_ms * MS);
		im->reordered++;
	} else {
		if (!im->overtake && at_ns < im->last_ns)
			at_ns = im->last_ns;
		im->last_ns = at_ns;
	}
	ret_due_ns[0] = at_ns;
	if (!happens(im, im->duplicate_percent))
		return 1;
	im->duplicated++;
	ret_due_ns[1] = at_ns + (uint64_t)MS;
	return 2;
}

static bool number(const char **p, double least, double *ret)
{
	char *end;

	*ret = strtod(*p, &end);
	if (end == *p || !(*ret >= least && *ret <= MOST))
		return false;
	*p = end;
	return true;
}

static bool take_word(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n) != 0)
		return false;
	*p += n;
	return true;
}

/* NUMBER, and with `second` also ":NUMBER" when it is there. */
static bool numbers(const char **p, double *first, double *second)
{
	return number(p, 0, first) && (second == NULL || !take_word(p, ":") || number(p, 0, second));
}

static bool parse_jitter(struct impair *im, const char **p)
{
	if (take_word(p, "normal:"))
		im->jitter = IMPAIR_NORMAL;
	else if (take_word(p, "pareto:"))
		im->jitter = IMPAIR_PARETO;
	else
		return false;
	return number(p, 0, &im->jitter_ms);
}

static bool parse_seed(struct impair *im, const char **p)
{
	char *end;

	im->seed = strtoull(*p, &end, 10);
	if (end == *p)
		return false;
	*p = end;
	return true;
}

static bool parse_one(struct impair *im, const char **p)
{
	if (take_word(p, "delay="))
		return numbers(p, &im->delay_ms, NULL);
	if (take_word(p, "jitter="))
		return parse_jitter(im, p);
	if (take_word(p, "spike="))
		return numbers(p, &im->spike_percent, &im->spike_ms);
	if (take_word(p, "loss="))
		return numbers(p, &im->loss_percent, &im->loss_mean) && im->loss_mean >= 1;
	if (take_word(p, "reorder="))
		return numbers(p, &im->reorder_percent, &im->reorder_ms);
	if (take_word(p, "duplicate="))
		return numbers(p, &im->duplicate_percent, NULL);
	if (take_word(p, "rate="))
		return numbers(p, &im->rate_kbit, &im->queue_ms);
	if (take_word(p, "drift="))
		return number(p, -MOST, &im->drift_ppm);
	if (take_word(p, "seed="))
		return parse_seed(im, p);
	im->overtake = take_word(p, "overtake");
	return im->overtake;
}

bool impair_parse(struct impair *im, const char *text, const char **ret_wrong)
{
	const char *p = text;

	*im = (struct impair){.loss_mean = 1, .queue_ms = 200, .seed = 1};
	while (*p != '\0') {
		*ret_wrong = p;
		if (!parse_one(im, &p) || (*p != '\0' && !take_word(&p, ",")))
			return false;
	}
	return true;
}
