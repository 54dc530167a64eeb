/* clock.c - see clock.h */
#include "common/base/clock.h"

#include <sys/random.h>
#include <time.h>

#include "common/base/must.h"

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	must(clock_gettime(id, &ts) == 0);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_ms(void)
{
	return clock_ns() / 1000000u;
}

uint64_t clock_unix_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t clock_entropy(void)
{
	uint64_t v;

	must(getrandom(&v, sizeof v, 0) == (ssize_t)sizeof v);
	return v;
}
