/* spare.h - a worker that was started before it is needed.
 *
 * It has been loaded and linked and waits for the first message of its custody socket; of the calls it has nothing. When its worker dies, the
 * spare is introduced as any other successor is. It ends by itself when its socket does. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "control/supervisor/spawn.h"

#define SPARE_SETTLE_MS 1000u /* after a start of its worker: that one has the processors first */
#define SPARE_AGAIN_MS 5000u  /* after one that died or could not be started */

struct spare {
	struct spawned child; /* owned; pid 0 = there is none */
	struct stat program;  /* as it was started */
	uint64_t start_at_ms;
};

/* Once a turn: start one when it is time, see that it is still alive. `program`: absolute path, of an executable file. */
void spare_tick(struct spare *s, const char *program, uint64_t now_ms);

/* The process, which is the caller's now; the next spare comes SPARE_SETTLE_MS later. ERR_NOENT: there is none, or it is dead, or the file has been replaced
 * since (an upgrade): then it has been ended. */
MUST_USE int spare_take(struct spare *s, const char *program, uint64_t now_ms, struct spawned *ret);

/* For good, or until the next spare_tick(). */
void spare_end(struct spare *s);
