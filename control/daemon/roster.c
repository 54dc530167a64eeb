/* roster.c - calls found again: after a restart of control from what workers still have, after a restart of a worker from what
 * it kept. A roster is the truth about its own legs or sessions; the other side is ended. */
#include <inttypes.h>

#include "common/base/log.h"
#include "control/daemon/control.h"

static bool belongs(const struct control_call *cc, const struct worker_row *w)
{
	return w->from == FROM_MEDIA ? cc->c.media_worker == w->index && cc->c.has_session
				     : cc->signaling == w->index;
}

void roster_begin(struct control *k, const struct worker_row *w)
{
	struct control_call *cc;
	uint32_t at = 0;

	while ((cc = pool_each(&k->calls, &at)) != NULL)
		if (belongs(cc, w))
			cc->c.seen = false;
}

/* The roster is complete: what is not in it is gone. */
static void roster_end(struct control *k, const struct worker_row *w)
{
	struct control_call *cc;
	uint32_t at = 0;

	while ((cc = pool_each(&k->calls, &at)) != NULL) {
		if (!belongs(cc, w) || cc->c.seen || cc->c.state == CALL_OPENING)
			continue;
		log_warn("call.gone", "call=%016" PRIx64 " worker=%s", cc->c.id, w->name);
		call_set_reason(&cc->c, CALL_BY_SYSTEM, 500, "lost by its worker");
		(void)calls_input(k, cc, w->from == FROM_MEDIA ? CALL_EV_SESSION_LOST : CALL_EV_LEG_ENDED);
	}
}

/* Where a rebuilt call goes on: what a backend was asked, or media, is asked again. */
static enum call_state rebuilt_state(const Tipring__V1__CallContext *x, Tipring__V1__LegPhase phase)
{
	bool owned = x->backend[0] != '\0';

	if (phase == TIPRING__V1__LEG_PHASE__LEG_CONFIRMED || x->answered_unix_ns != 0)
		return CALL_ANSWERED;
	if (phase == TIPRING__V1__LEG_PHASE__LEG_ANSWERED)
		return CALL_ANSWERING;
	if (!owned)
		return CALL_OPENING;
	return phase == TIPRING__V1__LEG_PHASE__LEG_RINGING ? CALL_RINGING : CALL_CLAIMED;
}

static void rebuild(struct control *k, uint32_t signaling, const Tipring__V1__LegState *s,
		    const Tipring__V1__CallContext *x)
{
	struct control_call *cc = calls_new(k, x->call_id, signaling, s->incoming->leg_id);
	struct call *c;

	if (cc == NULL || incoming_fill(cc, s->incoming) != 0) {
		log_error("call.rebuild", "call=%016" PRIx64 " reason=%s", x->call_id, cc == NULL ? "full" : "facts");
		if (cc != NULL)
			calls_free(k, cc);
		to_bus_leg_reject(k, signaling, s->incoming->leg_id, &(struct call_fx){.code = 503, .retry_s = 2});
		return;
	}
	c = &cc->c;
	(void)!str_copy(c->app, sizeof c->app, str_of(x->app));
	(void)!str_copy(c->backend, sizeof c->backend, str_of(x->backend));
	c->owned = x->backend[0] != '\0';
	c->fence = x->fence;
	c->session_id = x->session_id;
	c->has_session = x->session_id != 0;
	c->media_worker = x->media_worker;
	c->tape_id = x->tape_id;
	c->started = x->tape_id != 0;
	c->rate_hz = x->rate_hz;
	c->frame_ms = x->frame_ms;
	c->started_unix_ns = x->started_unix_ns;
	c->answered_unix_ns = x->answered_unix_ns;
	(void)!info_take_address(x->local_rtp, &c->local_rtp);
	c->state = rebuilt_state(x, s->phase);
	c->answered = c->state == CALL_ANSWERED;
	c->seen = true;
	/* its backend has so long to come back; Register clears this */
	c->deadline_ms = k->actor->now_ms + CALL_RETURN_MS;
	calls_arm(k, cc);
	count(k, STAT_calls_rebuilt, 1);
}

static void take_leg(struct control *k, const struct worker_row *w, const Tipring__V1__LegState *s)
{
	struct control_call *cc;
	Tipring__V1__CallContext *x;

	if (s->incoming == NULL)
		return;
	cc = calls_by_leg(k, w->index, s->incoming->leg_id);
	if (cc != NULL) {
		bool waiting = s->phase == TIPRING__V1__LEG_PHASE__LEG_ROUTING || s->phase == TIPRING__V1__LEG_PHASE__LEG_RINGING;

		cc->c.seen = true;
		if (waiting && cc->c.state == CALL_ANSWERING && cc->c.started)
			to_bus_leg_answer(k, cc); /* its worker died with the first one */
		if (s->phase == TIPRING__V1__LEG_PHASE__LEG_CONFIRMED && cc->c.state == CALL_ANSWERING)
			(void)calls_input(k, cc, CALL_EV_CONFIRMED); /* said while we were away */
		return;
	}
	x = s->context.len > 0 ? tipring__v1__call_context__unpack(NULL, s->context.len, s->context.data) : NULL;
	if (x != NULL && x->call_id != 0 && calls_by_id(k, x->call_id) == NULL && !calls_has_ended(k, x->call_id))
		rebuild(k, w->index, s, x); /* also one that is over: its LegEnded follows the roster */
	else if (s->phase == TIPRING__V1__LEG_PHASE__LEG_ENDING)
		; /* nobody was told of it */
	else if (x != NULL && calls_has_ended(k, x->call_id))
		to_bus_leg_reject(k, w->index, s->incoming->leg_id, &(struct call_fx){.code = 480});
	else if (s->phase == TIPRING__V1__LEG_PHASE__LEG_ROUTING)
		from_workers_incoming(k, w->index, s->incoming); /* it had just arrived */
	else
		to_bus_leg_reject(k, w->index, s->incoming->leg_id, &(struct call_fx){.code = 500});
	if (x != NULL)
		tipring__v1__call_context__free_unpacked(x, NULL);
	cc = calls_by_leg(k, w->index, s->incoming->leg_id);
	if (cc != NULL)
		cc->c.seen = true;
}

void on_leg_roster(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	uint32_t from;
	struct worker_row *w = workers_row(k, peer, &from);

	if (w == NULL || !w->up)
		return;
	for (size_t i = 0; i < m->leg_roster->n_legs; i++)
		take_leg(k, w, m->leg_roster->legs[i]);
	if (!m->leg_roster->last)
		return;
	roster_end(k, w);
	w->listed = true;
}

void on_session_roster(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control *k = self;
	uint32_t from;
	struct worker_row *w = workers_row(k, peer, &from);
	bool young = k->actor->now_ms < k->started_ms + CONTROL_GRACE_MS;

	if (w == NULL || !w->up)
		return;
	for (size_t i = 0; i < m->session_roster->n_sessions; i++) {
		const Tipring__V1__SessionState *s = m->session_roster->sessions[i];
		struct control_call *cc = calls_by_id(k, s->call_id);

		if (cc != NULL) {
			cc->c.seen = true;
			(void)!str_copy(cc->c.attach_path, sizeof cc->c.attach_path, str_of(s->attach_path));
		} else if (!young) {
			to_bus_session_close(k, w->index, s->session_id); /* nobody's */
		} else {
			w->again = true; /* its leg may not have been told yet */
		}
	}
	if (young)
		w->again = true;
	else if (m->session_roster->last)
		roster_end(k, w);
}
