/* ear.c - see ear.h. */
#include "tests/support/ear.h"

#include <math.h>
#include <stdlib.h>

#define SECOND 8000
#define LEAST SECOND       /* what is shorter proves nothing */
#define LAG_MAX SECOND     /* between the two beginnings, either way */
#define PIECE (SECOND / 8) /* each where it fits best, */
#define ENOUGH 0.95        /* a piece that fits so well is where it belongs */
#define SLIP_MAX 1600      /* so far from where the whole does: the delay of a call may change, when a machine is busy */

struct recording {
	int16_t *pcm;
	size_t n, said_at;
};

struct said {
	int16_t *pcm; /* LAG_MAX samples of before the call, and of after it */
};

struct match {
	double product, said, heard; /* the two are powers */
};

static struct recording *ears;
static size_t room;

static int16_t from_ulaw(uint8_t octet)
{
	int u = ~octet & 0xff, magnitude = ((((u & 15) << 3) + 132) << (u >> 4 & 7)) - 132;

	return (int16_t)((u & 0x80) != 0 ? -magnitude : magnitude);
}

bool ear_open(unsigned calls, size_t samples)
{
	ears = calloc(calls, sizeof *ears);
	room = samples;
	for (unsigned i = 0; ears != NULL && i < calls; i++) {
		ears[i].pcm = calloc(samples, sizeof *ears[i].pcm);
		if (ears[i].pcm == NULL)
			return false;
	}
	return ears != NULL;
}

void ear_says(unsigned i, size_t at)
{
	ears[i].said_at = at;
}

void ear_hears(unsigned i, int32_t offset, const uint8_t *ulaw, size_t n)
{
	struct recording *r = &ears[i];

	if (offset < 0 || (size_t)offset + n > room)
		return;
	for (size_t k = 0; k < n; k++)
		r->pcm[(size_t)offset + k] = from_ulaw(ulaw[k]);
	if (r->n < (size_t)offset + n)
		r->n = (size_t)offset + n;
}

/* heard[from .. from + n) beside what was said `lag` samples later; every so many samples. */
static struct match match_at(const struct said *said, const struct recording *r, size_t from, size_t n, long lag, size_t every)
{
	const int16_t *a = said->pcm + LAG_MAX + (long)from + lag, *b = r->pcm + from;
	int64_t product = 0, said_power = 0, heard_power = 0;

	for (size_t i = 0; i < n; i += every) {
		product += (int32_t)a[i] * b[i];
		said_power += (int32_t)a[i] * a[i];
		heard_power += (int32_t)b[i] * b[i];
	}
	return (struct match){(double)product, (double)said_power, (double)heard_power};
}

/* Of what was said, how much is in what was heard, less what is in only one of them: an echo is as loud as what was said, so a quiet piece
 * is not taken for a loud one that has its shape. */
static double common(struct match m)
{
	return 2 * m.product - m.said;
}

static double fit_of(struct match m)
{
	return m.said > 0 && m.heard > 0 ? m.product / sqrt(m.said * m.heard) : 0;
}

/* Where it fits best, at most `far` from `middle`, which is left only for something better. */
static long best_lag(const struct said *said, const struct recording *r, size_t from, size_t n, long middle, long far)
{
	double most = common(match_at(said, r, from, n, middle, 3)); /* a third of the samples finds the place */
	long best = middle;

	for (long lag = middle - far; lag <= middle + far; lag++) {
		bool in = lag >= -LAG_MAX && lag <= LAG_MAX;
		double here = in ? common(match_at(said, r, from, n, lag, 3)) : most;

		if (here > most) {
			most = here;
			best = lag;
		}
	}
	return best;
}

static double fit_in_pieces(const struct said *said, const struct recording *r)
{
	long lag = best_lag(said, r, 0, r->n, 0, LAG_MAX);
	struct match all = {0};

	for (size_t from = 0; from + PIECE <= r->n; from += PIECE) {
		struct match m = match_at(said, r, from, PIECE, lag, 1);

		if (fit_of(m) < ENOUGH)
			m = match_at(said, r, from, PIECE, best_lag(said, r, from, PIECE, lag, SLIP_MAX), 1);
		all.product += m.product;
		all.said += m.said;
		all.heard += m.heard;
	}
	return fit_of(all);
}

double ear_likeness(unsigned i, const uint8_t *speech, size_t speech_n)
{
	const struct recording *r = &ears[i];
	struct said said = {calloc(r->n + 2 * LAG_MAX, sizeof *said.pcm)};
	double likeness;

	if (said.pcm == NULL || r->n < LEAST) {
		free(said.pcm);
		return 0;
	}
	for (size_t k = LAG_MAX > r->said_at ? LAG_MAX - r->said_at : 0; k < r->n + 2 * LAG_MAX; k++)
		said.pcm[k] = from_ulaw(speech[(r->said_at + k - LAG_MAX) % speech_n]);
	likeness = fit_in_pieces(&said, r);
	free(said.pcm);
	return likeness;
}
