/* watchdog.h - a process whose heartbeat is late: does it hang, or does the machine not let it run?
 *
 * One that waits for something in the middle of a turn hangs, and so does one that computes without an end. One that could run and gets
 * no processor is as well as its machine: to kill it would make both worse. */
#pragma once

#include "control/supervisor/spawn.h"

#define WATCHDOG_PATIENCE 10u /* times hang_ms: then it is replaced, whatever keeps it */

struct watchdog {
	uint64_t beat_ms; /* the heartbeat that is late; 0 = none was */
	uint64_t cpu_ms;  /* what the process had computed when that was noticed */
};

/* Is the process to be replaced? Called every hang_ms / 4 or more often; `beat_ms`: its last heartbeat. `look`: what the kernel says
 * of it, NULL when it says nothing: then its silence counts alone. */
bool watchdog_bites(struct watchdog *d, const struct spawn_look *look, uint64_t beat_ms, uint64_t now_ms, uint32_t hang_ms);

/* Has it been silent for so long that `look` is of use? */
static inline bool watchdog_wants(uint64_t beat_ms, uint64_t now_ms, uint32_t hang_ms)
{
	return now_ms > beat_ms + hang_ms / 2;
}
