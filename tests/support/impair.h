/* impair.h - what a network does to datagrams, as arithmetic: seeded, without clocks or sockets.
 *
 *	impair_parse(&im, "delay=40,jitter=pareto:8,loss=2:3,seed=7", &wrong);
 *	n = impair_take(&im, now_ns, bytes, due_ns);       // 0: lost; else when each of n copies arrives
 *
 *	delay=MS             constant
 *	jitter=normal:MS     one standard deviation; less than no delay is none
 *	jitter=pareto:MS     heavy tail (shape 2.5) with that mean
 *	spike=PERCENT:MS     now and then the path stands still for so long; what waited comes at once
 *	loss=PERCENT[:MEAN]  Gilbert: bursts of so many packets in the mean, 1 when it is left out
 *	reorder=PERCENT:MS   so many are overtaken: they come so much later; all others stay in order
 *	duplicate=PERCENT    sent twice, the second copy a millisecond behind
 *	rate=KBIT[:QUEUE_MS] a bottleneck (28 octets of UDP and IP more); what would wait longer than the queue (200) is lost
 *	drift=PPM            the delay grows (or shrinks, to none) by so much of the time
 *	overtake             jitter reorders too: packets pass each other freely
 *	seed=N
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMPAIR_COPIES_MAX 2u

enum impair_jitter {
	IMPAIR_STEADY,
	IMPAIR_NORMAL,
	IMPAIR_PARETO
};

struct impair {
	double delay_ms, jitter_ms, spike_percent, spike_ms, loss_percent, loss_mean, reorder_percent, reorder_ms, duplicate_percent,
		rate_kbit, queue_ms, drift_ppm;
	enum impair_jitter jitter;
	bool overtake;
	uint64_t seed;
	/* state */
	bool losing;
	uint64_t first_ns, stands_until_ns, free_ns, last_ns;
	uint64_t taken, lost, reordered, duplicated; /* packets */
};

/* All of a description, from its start on. False: *ret_wrong is where it is not understood, or out of range. */
bool impair_parse(struct impair *im, const char *text, const char **ret_wrong);

/* A datagram is sent. How many copies arrive, and when; 0: none. */
unsigned impair_take(struct impair *im, uint64_t now_ns, size_t bytes, uint64_t ret_due_ns[IMPAIR_COPIES_MAX]);
