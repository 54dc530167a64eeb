/* stuck.c - see stuck.h */
#include "control/model/stuck.h"

#include <stddef.h>

enum needs {
	TIMER = 1, /* it does not last without one */
	SESSION = 2
};

/* How long a state may last, and what a call has in it. */
static const struct {
	uint64_t most_ms;
	unsigned needs;
} rules[CALL_STATES] = {
	[CALL_OPENING] = {STUCK_STEP_MS, TIMER},
	[CALL_UPDATING] = {STUCK_STEP_MS, TIMER | SESSION},
	[CALL_DIALLING] = {STUCK_STEP_MS, TIMER | SESSION},
	[CALL_CALLING] = {STUCK_WAIT_MS, SESSION},
	[CALL_CONNECTING] = {STUCK_STEP_MS, SESSION},
	[CALL_WAITING] = {STUCK_STEP_MS, TIMER | SESSION},
	[CALL_OFFERED] = {STUCK_WAIT_MS, TIMER | SESSION}, /* to one backend after the other */
	[CALL_CLAIMED] = {STUCK_WAIT_MS, SESSION},
	[CALL_RINGING] = {STUCK_WAIT_MS, SESSION},
	[CALL_EARLY_STARTING] = {STUCK_STEP_MS, SESSION},
	[CALL_STARTING] = {STUCK_STEP_MS, SESSION},
	[CALL_ANSWERING] = {2 * STUCK_STEP_MS, SESSION}, /* PRACK and ACK: 64*T1 each */
	[CALL_ANSWERED] = {UINT64_MAX, SESSION},
	[CALL_CLOSING] = {STUCK_STEP_MS, TIMER},
};

const char *stuck_why(const struct call *c, uint64_t now_ms)
{
	uint64_t age_ms = now_ms > c->since_ms ? now_ms - c->since_ms : 0;

	if (c->deadline_ms != UINT64_MAX && now_ms > c->deadline_ms + STUCK_LATE_MS)
		return "its time has passed";
	if (age_ms > rules[c->state].most_ms)
		return "it is in this state for too long";
	if (age_ms <= STUCK_LATE_MS || c->state == CALL_CLOSING)
		return NULL;
	if (c->deadline_ms == UINT64_MAX && (rules[c->state].needs & TIMER) != 0)
		return "nothing moves it on";
	if (!c->has_session && (rules[c->state].needs & SESSION) != 0)
		return "it has no session";
	if (c->leg_id == 0 && c->state > CALL_DIALLING)
		return "it has no leg";
	return c->leg_over && c->leg_id != 0 ? "its leg is over" : NULL;
}

void stuck_compare(struct stuck_count *s, uint32_t have, uint32_t known, uint64_t now_ms)
{
	int64_t difference = (int64_t)have - (int64_t)known;

	if (difference == 0) {
		*s = (struct stuck_count){.since_ms = 0};
	} else if (s->since_ms == 0 || (difference > 0) != (s->least > 0)) {
		*s = (struct stuck_count){difference, now_ms};
	} else if (difference > 0 ? difference < s->least : difference > s->least) {
		s->least = difference;
	}
}

uint32_t stuck_astray(const struct stuck_count *s, uint64_t now_ms)
{
	if (s->since_ms == 0 || now_ms <= s->since_ms + STUCK_ASTRAY_MS)
		return 0;
	return (uint32_t)(s->least > 0 ? s->least : -s->least);
}
