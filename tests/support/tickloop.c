/* tickloop.c - a bare 1 ms loop: how late does this machine wake anybody at all? Scheduled like the media worker. Prints on SIGTERM. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#define NICE (-15)

static volatile sig_atomic_t stop;

static void on_term(int number)
{
	(void)number;
	stop = 1;
}

int main(void)
{
	uint64_t ticks = 0, late_5 = 0, late_20 = 0, worst_us = 0;
	const struct sched_param first = {.sched_priority = 1};
	struct timespec at, now;

	/* without the right to either, neither has it */
	if (sched_setscheduler(0, SCHED_RR, &first) != 0)
		(void)setpriority(PRIO_PROCESS, 0, NICE);
	signal(SIGTERM, on_term);
	clock_gettime(CLOCK_MONOTONIC, &at);
	while (!stop) {
		int64_t late_us;

		at.tv_nsec += 1000000;
		if (at.tv_nsec >= 1000000000) {
			at.tv_nsec -= 1000000000;
			at.tv_sec++;
		}
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR && !stop)
			;
		clock_gettime(CLOCK_MONOTONIC, &now);
		late_us = (now.tv_sec - at.tv_sec) * 1000000 + (now.tv_nsec - at.tv_nsec) / 1000;
		ticks++;
		late_5 += late_us > 5000;
		late_20 += late_us > 20000;
		if (late_us > 0 && (uint64_t)late_us > worst_us)
			worst_us = (uint64_t)late_us;
	}
	printf("{\"ticks\": %lu, \"late_5\": %lu, \"late_20\": %lu, \"worst_us\": %lu}\n", ticks, late_5, late_20, worst_us);
	return 0;
}
