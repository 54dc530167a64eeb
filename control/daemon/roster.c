/* roster.c - calls found again: after a restart of control from what workers still have, after a restart of a worker from what
 * it kept. A roster is the truth about its own legs or sessions; the other side is ended. */
#include "control/daemon/roster.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "control/daemon/asks.h"
#include "control/daemon/calls.h"
#include "control/daemon/collects.h"
#include "control/daemon/changes.h"
#include "control/daemon/context.h"
#include "control/daemon/incoming.h"
#include "control/daemon/inflight.h"
#include "control/daemon/info.h"
#include "control/daemon/keys.h"
#include "control/daemon/outgoing.h"
#include "control/daemon/redirects.h"
#include "control/daemon/rooms.h"
#include "control/daemon/speech.h"
#include "control/daemon/to_backends.h"
#include "control/daemon/to_workers.h"
#include "control/daemon/transfers.h"
#include "control/daemon/workers.h"

static bool belongs(const struct control_call *cc, const struct worker_row *w)
{
	return w->from == FROM_MEDIA ? cc->c.media_worker == w->index && cc->c.has_session
				     : cc->signaling == w->index && cc->c.leg_id != 0;
}

void roster_begin(struct control *k, const struct worker_row *w)
{
	struct control_call *cc;
	uint32_t at = 0;

	while ((cc = pool_each(&k->calls, &at)) != NULL)
		if (belongs(cc, w))
			cc->c.seen = false;
}

static void lost(struct control *k, struct control_call *cc, const struct worker_row *w)
{
	if (log_limit(&k->log_gone, 10))
		log_warn("call.gone", "call=%016" PRIx64 " worker=%s", cc->c.id, w->name);
	call_set_reason(&cc->c, CALL_BY_SYSTEM, 500, "lost by its worker");
	(void)calls_input(k, cc, w->from == FROM_MEDIA ? CALL_EV_SESSION_LOST : CALL_EV_LEG_ENDED);
}

/* Does it wait for this worker, or might it? */
static bool concerns(const struct control_call *cc, const struct worker_row *w)
{
	if (w->from == FROM_MEDIA && cc->c.state == CALL_OPENING)
		return !cc->media_asked || cc->c.media_worker == w->index;
	if (w->from == FROM_SIGNALING) /* also one whose leg was asked for and is not known */
		return cc->signaling == w->index;
	return belongs(cc, w);
}

/* The roster is complete: what is not in it is gone, the others ask the new process for what they wait for. */
static void roster_end(struct control *k, struct worker_row *w)
{
	enum call_event back = w->from == FROM_MEDIA ? CALL_EV_MEDIA_BACK : CALL_EV_SIGNALING_BACK;
	bool fresh = w->roster_epoch != w->epoch;
	struct control_call *cc;
	uint32_t at = 0;

	w->roster_epoch = w->epoch;
	while ((cc = pool_each(&k->calls, &at)) != NULL) {
		if (belongs(cc, w) && !cc->c.seen) {
			lost(k, cc, w);
		} else if (fresh && concerns(cc, w)) {
			if (w->from == FROM_MEDIA) {
				inflight_again(k, cc);
				speech_again(k, cc);
				rooms_again(k, cc);
			}
			asks_again(k, cc);
			(void)calls_input(k, cc, back);
		}
	}
	if (w->from == FROM_SIGNALING)
		workers_ask_again(k);
}

/* Its owner counts as lost when it does not come back in time. */
static void expect_owner(struct control *k, struct control_call *cc, uint64_t instance)
{
	const struct backend_owner o = {str_of(cc->c.backend), str_of(cc->c.app), instance};
	struct backend *b;

	if (!cc->c.owned)
		return;
	if (backend_expect(&k->backends, &o, k->started_ms + CALL_RETURN_MS, &b) != 0) { /* full, or another process has its name */
		cc->c.command[0] = '\0';
		(void)calls_input(k, cc, CALL_EV_BACKEND_LOST);
		return;
	}
	b->used++;
	cc->c.holds_place = true;
}

static uint64_t leg_of(const Tipring__V1__LegState *s)
{
	return s->incoming != NULL ? s->incoming->leg_id : s->dialled != NULL ? s->dialled->leg_id : 0;
}

static int fill(struct control_call *cc, const Tipring__V1__LegState *s)
{
	if (s->incoming != NULL)
		return incoming_fill(cc, s->incoming);
	outgoing_fill(cc, s->dialled);
	return 0;
}

static void end_leg(struct control *k, uint32_t signaling, const Tipring__V1__LegState *s, uint32_t code)
{
	if (s->incoming != NULL)
		to_leg_reject(k, signaling, leg_of(s), &(struct call_fx){.code = code, .retry_s = code == 503 ? 2 : 0, .reason = ""}, NULL);
	else
		to_leg_hangup(k, signaling, leg_of(s), "", NULL);
}

static void take_timer(struct control_call *cc, const Tipring__V1__LegState *s)
{
	cc->c.session_timer_s = s->session_timer_s;
	cc->c.refreshed_by_peer = s->refreshed_by_peer;
}

static struct control_call *rebuild(struct control *k, uint32_t signaling, const Tipring__V1__LegState *s,
				    const Tipring__V1__CallContext *x)
{
	struct control_call *cc = calls_new(k, x->call_id, signaling, leg_of(s));
	struct call_world w = calls_world(k);

	if (cc == NULL || fill(cc, s) != 0) {
		if (log_limit(&k->log_gone, 10))
			log_error("call.rebuild", "call=%016" PRIx64 " reason=%s", x->call_id, cc == NULL ? "full" : "facts");
		if (cc != NULL)
			calls_free(k, cc);
		end_leg(k, signaling, s, 503);
		return NULL;
	}
	if (x->outbound)
		calls_set_outbound(k, cc);
	context_fill(&cc->c, x);
	collects_again(k, cc);
	take_timer(cc, s);
	if (x->session_id != 0)
		calls_set_session(k, cc, x->media_worker, x->session_id);
	rooms_rebuilt(k, cc);
	cc->c.seen = true;
	cc->rebuilt = true;
	/* its end is not told before its owner and the subscribers had time to come back */
	cc->c.not_before_ms = k->started_ms + CONTROL_SUBSCRIBE_MS;
	call_rebuilt(&cc->c, context_state(x, s->phase), &w);
	calls_arm(k, cc);
	count(k, STAT_calls_rebuilt, 1);
	return cc;
}

static void take_end(struct control *k, struct control_call *cc, const Tipring__V1__LegEnded *d)
{
	call_set_reason(&cc->c, (enum call_who)d->who, d->sip_code, d->reason);
	call_set_outcome(&cc->c, (uint32_t)d->outcome);
	if (cc->c.contact_count == 0)
		redirects_keep(&cc->c, d->contacts, d->n_contacts);
	if (cc->c.q850 == 0)
		cc->c.q850 = d->q850;
	if (d->n_headers > 0)
		(void)said_take(&cc->said, SAID_BYE, d->headers, d->n_headers);
	if (cc->c.ended_unix_ns == 0) {
		cc->c.ended_unix_ns = d->unix_ns;
		cc->c.ended_mono_ns = d->mono_ns;
	}
	(void)calls_input(k, cc, CALL_EV_LEG_ENDED);
}

/* What the peer said while nobody listened. False: the call ended over it. */
static bool hear(struct control *k, struct control_call *cc, const Tipring__V1__LegState *s)
{
	uint64_t id = cc->c.id;

	if (cc->c.outbound && s->progress != NULL && s->picked_up == NULL && cc->c.state == CALL_CALLING)
		outgoing_progress(k, cc, s->progress);
	if (cc->c.outbound && s->picked_up != NULL && cc->c.state != CALL_CLOSING)
		outgoing_picked_up(k, cc, s->picked_up);
	if (cc->c.outbound && s->redirected != NULL)
		redirects_asked(k, cc, s->redirected);
	if (calls_by_id(k, id) != NULL && s->agreed != NULL)
		changes_agreed(k, cc, s->agreed);
	if (calls_by_id(k, id) != NULL && s->offer != NULL)
		changes_offer(k, cc, s->offer);
	if (calls_by_id(k, id) != NULL && cc->c.state != CALL_CLOSING)
		transfers_roster(k, cc, s);
	return calls_by_id(k, id) != NULL;
}

/* Found again in the state its leg is in; then what happened while nobody listened. */
static void find_again(struct control *k, const struct worker_row *w, const Tipring__V1__LegState *s,
		       const Tipring__V1__CallContext *x)
{
	uint64_t leg_id = leg_of(s);
	struct control_call *cc;

	if (calls_ended_lately(k, x->call_id)) { /* our last word did not arrive */
		if (s->ended == NULL)
			to_leg_hangup(k, w->index, leg_id, "", NULL);
		to_leg_forget(k, w->index, leg_id);
		return;
	}
	if (calls_by_id(k, x->call_id) != NULL) {
		end_leg(k, w->index, s, 500);
		return;
	}
	cc = rebuild(k, w->index, s, x);
	if (cc == NULL)
		return;
	expect_owner(k, cc, x->instance);
	if (!hear(k, cc, s))
		return;
	if (s->ended != NULL)
		take_end(k, cc, s->ended);
	else if (s->phase == TIPRING__V1__LEG_PHASE__LEG_CONFIRMED && !cc->c.outbound && !cc->c.answered)
		(void)calls_input(k, cc, CALL_EV_CONFIRMED); /* the ACK came while nobody listened */
	else if (workers_rosters_are_in(k, FROM_MEDIA))
		(void)calls_input(k, cc, CALL_EV_MEDIA_BACK);
}

static void take_known(struct control *k, struct control_call *cc, const Tipring__V1__LegState *s)
{
	cc->c.seen = true;
	take_timer(cc, s);
	if (!hear(k, cc, s))
		return;
	if (s->ended != NULL)
		take_end(k, cc, s->ended);
	else if (s->phase == TIPRING__V1__LEG_PHASE__LEG_CONFIRMED && !cc->c.outbound && !cc->c.answered && cc->c.state != CALL_CLOSING)
		(void)calls_input(k, cc, CALL_EV_CONFIRMED); /* said while we were away */
}

/* The call of this leg; an outbound one may not have known it. */
static struct control_call *known(struct control *k, const struct worker_row *w, const Tipring__V1__LegState *s)
{
	struct control_call *cc = calls_by_leg(k, w->index, leg_of(s));

	if (cc != NULL || s->dialled == NULL)
		return cc;
	cc = calls_by_id(k, s->dialled->call_id);
	if (cc == NULL || !cc->c.outbound || cc->c.leg_id != 0 || cc->signaling != w->index)
		return NULL;
	outgoing_dialled(k, w->index, s->dialled);
	return calls_by_leg(k, w->index, leg_of(s));
}

/* A leg that no call of ours has. */
static void take_unknown(struct control *k, const struct worker_row *w, const Tipring__V1__LegState *s)
{
	Tipring__V1__CallContext *x = NULL;

	if (s->context.len > 0)
		x = tipring__v1__call_context__unpack(NULL, s->context.len, s->context.data);
	if (x != NULL && x->call_id != 0 && x->outbound == (s->incoming == NULL))
		find_again(k, w, s, x);
	else if (s->incoming != NULL && s->phase == TIPRING__V1__LEG_PHASE__LEG_ROUTING)
		incoming(k, w->index, s->incoming); /* it had just arrived */
	else
		end_leg(k, w->index, s, 500);
	if (x != NULL)
		tipring__v1__call_context__free_unpacked(x, NULL);
}

static void take_leg(struct control *k, const struct worker_row *w, const Tipring__V1__LegState *s)
{
	struct control_call *cc = leg_of(s) != 0 ? known(k, w, s) : NULL;

	if (cc != NULL) {
		take_known(k, cc, s);
		return;
	}
	if (leg_of(s) == 0 || (s->ended == NULL && s->phase == TIPRING__V1__LEG_PHASE__LEG_ENDING))
		return;
	take_unknown(k, w, s);
	cc = calls_by_leg(k, w->index, leg_of(s));
	if (cc != NULL)
		cc->c.seen = true;
}

void roster_of_legs(struct control *k, struct worker_row *w, const Tipring__V1__LegRoster *m)
{
	for (size_t i = 0; i < m->n_legs; i++)
		take_leg(k, w, m->legs[i]);
	if (m->last)
		roster_end(k, w);
}

void roster_leg_ended(struct control *k, struct worker_row *w, const Tipring__V1__LegEnded *d)
{
	struct control_call *cc = calls_by_leg(k, w->index, d->leg_id);

	if (cc != NULL)
		take_end(k, cc, d);
	else if (w->roster_epoch == w->epoch && w->epoch != 0)
		to_leg_forget(k, w->index, d->leg_id); /* we are done with it; what is not known yet comes in the roster */
}

/* Its leg was found again before media told us the rest. */
static void take_session(struct control *k, const struct worker_row *w, struct control_call *cc,
			 const Tipring__V1__SessionState *s)
{
	struct call *c = &cc->c;

	if (c->state == CALL_OPENING && !c->has_session && info_take_address(s->local_rtp, &c->local_rtp) == 0) {
		calls_set_session(k, cc, w->index, s->session_id);
		c->seen = true;
		c->media_generation = s->generation;
		(void)calls_input(k, cc, CALL_EV_SESSION_OPENED);
	} else if (c->has_session && c->session_id == s->session_id && c->media_worker == w->index) {
		c->seen = true;
		c->media_generation = s->generation;
		(void)!str_copy(c->attach_path, sizeof c->attach_path, str_of(s->attach_path));
		if (cc->ready_due)
			to_backend_media_ready(k, cc);
		keys_waiting(k, cc, s->keys, s->n_keys);
	} else {
		to_session_close(k, w->index, s->session_id); /* opened twice */
	}
}

void roster_of_sessions(struct control *k, struct worker_row *w, const Tipring__V1__SessionRoster *m)
{
	bool known = workers_legs_known(k);

	for (size_t i = 0; i < m->n_sessions; i++) {
		const Tipring__V1__SessionState *s = m->sessions[i];
		struct control_call *cc = calls_by_id(k, s->call_id);

		if (cc != NULL && s->ordinal == 0)
			take_session(k, w, cc, s);
		else if (known)
			to_session_close(k, w->index, s->session_id); /* nobody's */
	}
	if (!known)
		w->again = true; /* their legs may not have been told yet */
	else if (m->last && !w->again)
		roster_end(k, w);
}
