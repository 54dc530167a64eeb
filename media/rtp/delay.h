/* delay.h - how long a listener in real time waits, from how late packets come: the quantile of their delays, weighted by age.
 *
 * The lag of a packet is its arrival minus the time of its timestamp, of any origin. What is more than the least lag of the last seconds was added
 * by the network. Fresh delays weigh most; a spike is heard of at once and forgotten with the rest. Pure: microseconds in, microseconds out. */
#pragma once

#include <stdint.h>

#define DELAY_BINS 512u
#define DELAY_BIN_US 1000
#define DELAY_MAX_US ((int64_t)(DELAY_BINS - 1) * DELAY_BIN_US) /* the longest wait: half a second */

struct delay {
	int64_t base_us;       /* the least lag of this window and the one before, a multiple of DELAY_BIN_US */
	int64_t least_us[2];   /* of this window, and of the one before */
	uint64_t window_ns;    /* when this one began */
	double quantile;       /* of packets that come in time: 0..1 */
	double weight;         /* of the next packet; it grows instead of the others shrinking */
	double sum;            /* of bins */
	int64_t target_us;     /* what packets wait beyond the least lag */
	uint32_t started;
	double bins[DELAY_BINS];
};

/* `late_ppm`: so many of a million packets may come too late, 100..200000. Until enough came, `first_us` is waited. */
void delay_init(struct delay *d, uint32_t late_ppm, int64_t first_us);

/* hot. A packet came. */
void delay_arrived(struct delay *d, int64_t lag_us, uint64_t now_ns);

/* Lags are counted from another origin: all that were told are so much more. */
void delay_moved(struct delay *d, int64_t by_us);

/* A packet is to be played when its timestamp is so far behind the clock. */
static inline int64_t delay_due_us(const struct delay *d)
{
	return d->base_us + d->target_us;
}
