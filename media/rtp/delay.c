/* delay.c - see delay.h */
#include "media/rtp/delay.h"

#include <string.h>

#define WINDOW_NS 2000000000ull
#define FORGET 1.001    /* each packet weighs so much more than the last: of twenty seconds' packets a third of the weight is left */
#define WEIGHT_MAX 1e12 /* then all are scaled down */
#define RARE 20
#define CHEAP_BINS 4u
#define PRIOR 0.5       /* packets that the first guess is worth */

static int64_t floor_bins(int64_t us)
{
	return (us >= 0 ? us : us - DELAY_BIN_US + 1) / DELAY_BIN_US * DELAY_BIN_US;
}

static uint32_t bin_of(int64_t us)
{
	return us < 0 ? 0 : us < DELAY_MAX_US ? (uint32_t)(us / DELAY_BIN_US) : DELAY_BINS - 1;
}

static void add(struct delay *d, uint32_t bin, double weight)
{
	d->bins[bin] += weight;
	d->sum += weight;
}

void delay_init(struct delay *d, uint32_t late_ppm, int64_t first_us)
{
	memset(d, 0, sizeof *d);
	d->quantile = 1 - late_ppm * 1e-6;
	d->weight = 1;
	d->target_us = first_us;
	add(d, bin_of(first_us), PRIOR);
}

/* The origin of delays moved up by so many bins: all are less. What would be below it is at it. */
static void shift(struct delay *d, int64_t bins)
{
	double moved[DELAY_BINS] = {0};

	for (int64_t i = 0; i < (int64_t)DELAY_BINS; i++) {
		int64_t to = i - bins;

		to = to < 0 ? 0 : to < (int64_t)DELAY_BINS ? to : (int64_t)DELAY_BINS - 1;
		moved[to] += d->bins[i];
	}
	memcpy(d->bins, moved, sizeof moved);
}

static int64_t least_of(const struct delay *d)
{
	return floor_bins(d->least_us[0] < d->least_us[1] ? d->least_us[0] : d->least_us[1]);
}

static void set_base(struct delay *d)
{
	int64_t base = least_of(d);

	if (base == d->base_us)
		return;
	shift(d, (base - d->base_us) / DELAY_BIN_US);
	d->base_us = base;
}

static void follow_base(struct delay *d, int64_t lag_us, uint64_t now_ns)
{
	if (!d->started) {
		d->started = 1;
		d->window_ns = now_ns;
		d->least_us[0] = d->least_us[1] = lag_us;
		d->base_us = floor_bins(lag_us);
		return;
	}
	if (now_ns >= d->window_ns + WINDOW_NS) {
		d->window_ns = now_ns;
		d->least_us[1] = d->least_us[0];
		d->least_us[0] = lag_us;
	}
	d->least_us[0] = lag_us < d->least_us[0] ? lag_us : d->least_us[0];
	set_base(d);
}

/* The end of the quantile, and of one that twenty times fewer packets miss when that costs little. */
static int64_t find_target(const struct delay *d)
{
	double late = d->sum * (1 - d->quantile), rare = late / RARE;
	uint32_t bin = DELAY_BINS - 1, surely = DELAY_BINS - 1;

	for (double above = 0; bin > 0 && above + d->bins[bin] <= late; bin--) {
		above += d->bins[bin];
		surely -= above <= rare;
	}
	return (int64_t)((surely < bin + CHEAP_BINS ? surely : bin + CHEAP_BINS) + 1) * DELAY_BIN_US;
}

/* hot */
void delay_arrived(struct delay *d, int64_t lag_us, uint64_t now_ns)
{
	follow_base(d, lag_us, now_ns);
	if (lag_us - d->base_us > DELAY_MAX_US)
		return; /* no wait would have helped */
	add(d, bin_of(lag_us - d->base_us), d->weight);
	d->weight *= FORGET;
	if (d->weight > WEIGHT_MAX) {
		for (uint32_t i = 0; i < DELAY_BINS; i++)
			d->bins[i] /= WEIGHT_MAX;
		d->sum /= WEIGHT_MAX;
		d->weight /= WEIGHT_MAX;
	}
	d->target_us = find_target(d);
}

void delay_moved(struct delay *d, int64_t by_us)
{
	d->least_us[0] += by_us;
	d->least_us[1] += by_us;
	d->base_us = least_of(d);
}
