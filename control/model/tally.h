/* tally.h - how many calls ended, by app, backend and code, and how long answers took. Pure. */
#pragma once

#include <stdint.h>

#include "control/model/backend.h"
#include "control/model/route.h"

#define TALLY_ROWS 512u /* whoever comes later is counted in the last row, whose names are "other" */
#define TALLY_BUCKETS 10u

struct tally_row {
	char app[ROUTE_APP_BYTES];         /* "" = no route led to one */
	char backend[BACKEND_NAME_BYTES];  /* "" = nobody had it */
	uint32_t code;                     /* final SIP code: 200 when it was answered; 0 in the row of the others */
	uint64_t calls;
};

/* Cumulative, as Prometheus wants it: bucket i counts what took at most tally_bounds_ms[i]. */
struct tally_times {
	uint64_t bucket[TALLY_BUCKETS];
	uint64_t count, sum_ms;
};

extern const uint32_t tally_bounds_ms[TALLY_BUCKETS];

struct tally {
	struct tally_row v[TALLY_ROWS];
	uint32_t n;
	struct tally_times setup; /* INVITE to ACK of the 200 */
};

void tally_end(struct tally *t, const char *app, const char *backend, uint32_t code);
void tally_time(struct tally_times *t, uint64_t ms);
