/* stuck.h - calls that stand still, and what is left over of calls at workers. There are none: what is counted here is a fault of ours. */
#pragma once

#include "control/model/call.h"

#define STUCK_LATE_MS 10000u  /* behind a time that was set */
#define STUCK_STEP_MS 60000u  /* in a state that is one step on the way, whoever dies meanwhile */
#define STUCK_WAIT_MS 720000u /* in one that waits for a person: twice what can be configured, and the timers of SIP */
#define STUCK_ASTRAY_MS 10000u /* what is under way between us and a worker arrives in less */

/* Why a call does not move, in words; NULL: it does. `now_ms`: of the clock of its deadlines. */
const char *stuck_why(const struct call *c, uint64_t now_ms);

/* What a worker has and what calls have there, compared for a while. */
struct stuck_count {
	int64_t least;     /* the smallest difference since ... */
	uint64_t since_ms; /* ... then; 0 = there was none last time */
};

/* `have`: legs or sessions of a worker; `known`: of them, those that a call of ours has. */
void stuck_compare(struct stuck_count *s, uint32_t have, uint32_t known, uint64_t now_ms);

/* So many are astray: there without a call, or a call without them. */
uint32_t stuck_astray(const struct stuck_count *s, uint64_t now_ms);
