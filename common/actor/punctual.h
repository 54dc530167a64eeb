/* punctual.h - for processes whose lateness callers hear. */
#pragma once

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

#include "common/base/err.h"

#define PUNCTUAL_NICE (-15)

/* Before everybody whose work can wait; children start as others do. Without the right to it the process works too, less punctually on a
 * loaded machine. 0 or a negative errno. */
MUST_USE static inline int be_punctual(void)
{
	const struct sched_param first = {.sched_priority = 1}, usual = {.sched_priority = 0};

	if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &first) == 0)
		return 0;
	if (setpriority(PRIO_PROCESS, 0, PUNCTUAL_NICE) != 0)
		return -errno;
	(void)sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &usual);
	return 0;
}
