/* audit.c - see audit.h */
#include "control/daemon/audit.h"

#include <inttypes.h>

#include "common/base/log.h"

#define COMPARE_MS 1000u

static bool has(const struct control_call *cc, const struct worker_row *w)
{
	if (w->from == FROM_MEDIA)
		return cc->c.has_session && cc->c.media_worker == w->index;
	return cc->c.leg_id != 0 && !cc->c.leg_over && cc->signaling == w->index;
}

void audit_worker(struct control *k, struct worker_row *w, uint32_t living)
{
	struct control_call *cc;
	uint32_t at = 0, known = 0;

	if (k->actor->now_ms < w->compared_ms + COMPARE_MS || w->roster_epoch != w->epoch)
		return;
	w->compared_ms = k->actor->now_ms;
	while ((cc = pool_each(&k->calls, &at)) != NULL)
		known += has(cc, w);
	stuck_compare(&w->stuck, living, known, k->actor->now_ms);
}

static bool is_stuck(struct control *k, struct control_call *cc)
{
	const char *why = stuck_why(&cc->c, k->actor->now_ms);

	if (why == NULL || cc->stuck_told)
		return why != NULL;
	cc->stuck_told = true;
	if (log_limit(&k->log_stuck, 10))
		log_error("call.stuck", "call=%016" PRIx64 " state=%s reason=\"%s\"", cc->c.id, call_state_name(cc->c.state), why);
	return true;
}

uint32_t audit_stuck(struct control *k)
{
	struct control_call *cc;
	uint32_t at = 0, n = 0;

	while ((cc = pool_each(&k->calls, &at)) != NULL)
		n += is_stuck(k, cc);
	for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++)
		if (k->rows[i].up)
			n += stuck_astray(&k->rows[i].stuck, k->actor->now_ms);
	return n;
}
