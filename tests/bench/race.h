/* race.h - two ways of doing the same, measured in alternating rounds of one run. */
#pragma once

#include <stdlib.h>
#include <time.h>

#define RACE_ROUNDS_MAX 41u

typedef void race_fn(void);

struct race_result {
	double ours;   /* median rate */
	double ratio;  /* median of ours / theirs, each of one round */
	double spread; /* highest - lowest ratio, over the median */
};

static inline double race_now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline int race_by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* `rate_of` runs one of them and says how many a second. rounds: 1 to RACE_ROUNDS_MAX. */
static inline struct race_result race_run(race_fn *ours, race_fn *theirs, double (*rate_of)(race_fn *), unsigned rounds)
{
	double rate[RACE_ROUNDS_MAX], ratio[RACE_ROUNDS_MAX], median;

	for (unsigned i = 0; i < rounds; i++) {
		double other;

		if (i % 2 == 0) { /* who goes first alternates too */
			rate[i] = rate_of(ours);
			other = rate_of(theirs);
		} else {
			other = rate_of(theirs);
			rate[i] = rate_of(ours);
		}
		ratio[i] = rate[i] / other;
	}
	qsort(rate, rounds, sizeof rate[0], race_by_value);
	qsort(ratio, rounds, sizeof ratio[0], race_by_value);
	median = ratio[rounds / 2];
	return (struct race_result){rate[rounds / 2], median, (ratio[rounds - 1] - ratio[0]) / median};
}
