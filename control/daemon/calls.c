/* calls.c - see calls.h */
#include "control/daemon/calls.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "control/daemon/collects.h"
#include "control/daemon/events.h"
#include "control/daemon/inflight.h"
#include "control/daemon/journal.h"
#include "control/daemon/keys.h"
#include "control/daemon/plays.h"
#include "control/daemon/recordings.h"
#include "control/daemon/rooms.h"
#include "control/daemon/to_backends.h"
#include "control/daemon/to_workers.h"
#include "control/daemon/workers.h"

#define TIMERS_PER_TURN 256 /* the others are as late as this turn is long */

int calls_init(struct control *k, uint32_t cap)
{
	int err = pool_init(&k->calls, cap, sizeof(struct control_call));

	if (err == 0)
		err = map_init(&k->by_id, cap);
	if (err == 0)
		err = map_init(&k->by_leg, cap);
	if (err == 0)
		err = map_init(&k->by_session, cap);
	wheel_init(&k->wheel, clock_ms());
	wheel_init(&k->ask_wheel, clock_ms());
	wheel_init(&k->collect_wheel, clock_ms());
	return err;
}

void calls_fini(struct control *k)
{
	pool_fini(&k->calls);
	map_fini(&k->by_id);
	map_fini(&k->by_leg);
	map_fini(&k->by_session);
}

/* A handle of a worker is unique together with the worker; spread over the table. The factor is odd, so no two of them meet. */
static uint64_t worker_key(uint32_t worker, uint64_t handle)
{
	return (handle ^ (uint64_t)worker << 56) * 0x9e3779b97f4a7c15ull;
}

uint64_t calls_new_id(struct control *k)
{
	uint64_t id;

	do
		id = call_id_of(str_of(k->host), rand_u64(&k->rand));
	while (calls_by_id(k, id) != NULL);
	return id;
}

struct control_call *calls_new(struct control *k, uint64_t id, uint32_t signaling, uint64_t leg_id)
{
	uint64_t handle;
	struct control_call *cc = pool_take(&k->calls, &handle);

	if (cc == NULL)
		return NULL;
	if (map_put(&k->by_id, id, handle, NULL, NULL) != 0) {
		pool_give(&k->calls, cc);
		return NULL;
	}
	if (leg_id != 0 && map_put(&k->by_leg, worker_key(signaling, leg_id), handle, NULL, NULL) != 0) {
		(void)map_del(&k->by_id, id, NULL, NULL);
		pool_give(&k->calls, cc);
		return NULL;
	}
	cc->c.id = id;
	cc->c.leg_id = leg_id;
	cc->c.deadline_ms = UINT64_MAX;
	cc->signaling = signaling;
	cc->timer.owner = cc;
	return cc;
}

void calls_set_leg(struct control *k, struct control_call *cc, uint64_t leg_id)
{
	if (map_put(&k->by_leg, worker_key(cc->signaling, leg_id), pool_handle(&k->calls, cc), NULL, NULL) == 0)
		cc->c.leg_id = leg_id; /* else two calls claim one leg: it stays with the first */
}

void calls_set_outbound(struct control *k, struct control_call *cc)
{
	cc->c.outbound = true;
	k->outbound_use.calls++;
}

/* 0: it has none (any more). */
void calls_set_session(struct control *k, struct control_call *cc, uint32_t media, uint64_t session_id)
{
	if (cc->session_key != 0)
		(void)map_del(&k->by_session, cc->session_key, NULL, NULL);
	cc->session_key = session_id != 0 ? worker_key(media, session_id) : 0;
	if (cc->session_key != 0 && map_put(&k->by_session, cc->session_key, pool_handle(&k->calls, cc), NULL, NULL) != 0)
		cc->session_key = 0; /* two calls claim one session: it stays with the first */
	cc->c.session_id = session_id;
	cc->c.media_worker = media;
	cc->media_asked = true;
}

bool calls_ended_lately(const struct control *k, uint64_t id)
{
	for (uint32_t i = 0; i < CONTROL_ENDED_MAX; i++)
		if (k->ended[i] == id)
			return true;
	return false;
}

void calls_free(struct control *k, struct control_call *cc)
{
	wheel_cancel(&k->wheel, &cc->timer);
	wheel_cancel(&k->ask_wheel, &cc->ask_timer);
	wheel_cancel(&k->collect_wheel, &cc->collect_timer);
	calls_set_session(k, cc, 0, 0);
	(void)map_del(&k->by_id, cc->c.id, NULL, NULL);
	if (cc->c.leg_id != 0)
		(void)map_del(&k->by_leg, worker_key(cc->signaling, cc->c.leg_id), NULL, NULL);
	k->outbound_use.calls -= cc->c.outbound;
	explicit_bzero(&cc->login, sizeof cc->login);
	pool_give(&k->calls, cc);
}

struct control_call *calls_by_id(struct control *k, uint64_t id)
{
	uint64_t handle;

	return map_get(&k->by_id, id, NULL, NULL, &handle) ? pool_get(&k->calls, handle) : NULL;
}

struct control_call *calls_mine(struct control *k, struct str peer, uint64_t call_id, uint64_t fence, struct verdict *ret)
{
	struct control_call *cc = calls_by_id(k, call_id);

	if (cc == NULL)
		*ret = (struct verdict){.code = TIPRING__V1__RESULT_CODE__NOT_FOUND, .reason = "no such call"};
	else if (!cc->c.owned || !str_eq(str_of(cc->c.backend), peer))
		*ret = (struct verdict){.code = TIPRING__V1__RESULT_CODE__UNAUTHORIZED, .reason = "this call is not yours"};
	else if (cc->c.fence != fence)
		*ret = (struct verdict){.code = TIPRING__V1__RESULT_CODE__CONFLICT, .reason = "the fence is not the current one"};
	else
		return cc;
	return NULL;
}

struct control_call *calls_by_leg(struct control *k, uint32_t signaling, uint64_t leg_id)
{
	uint64_t handle;

	return map_get(&k->by_leg, worker_key(signaling, leg_id), NULL, NULL, &handle) ? pool_get(&k->calls, handle) : NULL;
}

struct control_call *calls_by_session(struct control *k, uint32_t media, uint64_t session_id)
{
	uint64_t handle;
	struct control_call *cc;

	if (session_id == 0 || !map_get(&k->by_session, worker_key(media, session_id), NULL, NULL, &handle))
		return NULL;
	cc = pool_get(&k->calls, handle);
	return cc != NULL && cc->c.has_session ? cc : NULL;
}

struct call_world calls_world(struct control *k)
{
	return (struct call_world){
		.policy = &k->policy, .backends = &k->backends, .now_ms = k->actor->now_ms, .random = rand_u64(&k->rand),
		.settled_ms = k->successor ? k->started_ms + CALL_RETURN_MS : 0,
	};
}

void calls_arm(struct control *k, struct control_call *cc)
{
	if (cc->c.deadline_ms == UINT64_MAX)
		wheel_cancel(&k->wheel, &cc->timer);
	else
		wheel_arm(&k->wheel, &cc->timer, cc->c.deadline_ms);
}

/* With the worker that may have it already, or with the least loaded one. */
static void open_session(struct control *k, struct control_call *cc)
{
	struct worker_row *w = cc->media_asked ? workers_media(k, cc->c.media_worker) : NULL;

	if (w == NULL)
		w = workers_least_loaded(k, FROM_MEDIA);
	if (w == NULL) {
		if (k->actor->now_ms >= k->started_ms + CALL_REQUEST_MS) /* else it has not said hello yet */
			(void)calls_input(k, cc, CALL_EV_SESSION_REFUSED);
		return;
	}
	w->used++; /* until its next heartbeat says so itself */
	cc->c.media_worker = w->index;
	cc->media_asked = true;
	to_session_open(k, cc);
}

static void answered(struct control *k, struct control_call *cc)
{
	cc->c.answered_unix_ns = clock_unix_ns();
	cc->c.answered_mono_ns = k->actor->now_ns;
	events_answered(k, cc);
	if (!cc->c.outbound) /* how long a person takes to answer says nothing about us */
		journal_answered(k, cc);
}

/* The caller reads what a backend says; our own reasons are for events and logs, the wire has the standard phrase. */
static void leg_reject(struct control *k, struct control_call *cc, const struct call_fx *fx)
{
	struct call_fx told = *fx;

	if (cc->c.who != CALL_BY_BACKEND)
		told.reason = "";
	if (cc->c.contact_count > 0)
		to_leg_redirect(k, cc, &told);
	else
		to_leg_reject(k, cc->signaling, cc->c.leg_id, &told, &cc->said);
}

static void ended(struct control *k, struct control_call *cc)
{
	keys_release(k, cc);
	collects_end(k, cc, COLLECT_HANGUP);
	inflight_end(k, cc);
	rooms_end(k, cc);
	recordings_end(k, cc);
	plays_end(k, cc);
	if (cc->c.ended_unix_ns == 0) {
		cc->c.ended_unix_ns = clock_unix_ns();
		cc->c.ended_mono_ns = k->actor->now_ns;
	}
	events_ended(k, cc);
	journal_ended(k, cc);
	k->ended[k->ended_next++ % CONTROL_ENDED_MAX] = cc->c.id;
	if (cc->c.leg_id != 0)
		to_leg_forget(k, cc->signaling, cc->c.leg_id);
}

static void conclude(struct control *k, struct control_call *cc, const struct call_fx *fx)
{
	if (fx->kind == CALL_FX_COMPLETE)
		to_backend_completed(k, cc, cc->c.command, NULL);
	else
		to_backend_failed(k, cc, cc->c.command, fx->reason);
	if (cc->c.dtmf.early && cc->c.dtmf.command[0] != '\0') { /* of a Dial: asks.c */
		cc->ask_timer.owner = cc;
		wheel_arm(&k->ask_wheel, &cc->ask_timer, k->actor->now_ms);
	}
}

static void publish(struct control *k, struct control_call *cc, const struct call_fx *fx)
{
	enum call_fx_kind kind = fx->kind;

	if (kind == CALL_FX_DIALLING)
		events_dialling(k, cc);
	else if (kind == CALL_FX_CLAIMED)
		events_claimed(k, cc);
	else if (kind == CALL_FX_RINGING)
		events_ringing(k, cc);
	else if (kind == CALL_FX_HELD)
		events_held(k, cc, fx->code);
	else
		events_resumed(k, cc, fx->code);
}

/* In mid-call. */
static void change(struct control *k, struct control_call *cc, const struct call_fx *fx)
{
	if (fx->kind == CALL_FX_LEG_ACCEPT)
		to_leg_accept(k, cc, fx->code);
	else if (fx->kind == CALL_FX_LEG_REFUSE)
		to_leg_refuse(k, cc, fx->code);
	else
		to_leg_change(k, cc);
}

/* Whoever asked for this call hears how it goes. */
static void tell_referrer(struct control *k, const struct control_call *cc, uint32_t code)
{
	const struct control_call *asked = calls_by_id(k, cc->c.transfer.referrer);

	if (asked != NULL)
		to_leg_refer_progress(k, asked, cc->c.transfer.referrer_id, code);
}

static void replace(struct control *k, const struct control_call *cc)
{
	struct control_call *other = calls_by_leg(k, cc->signaling, cc->c.transfer.replaces_leg);

	if (other == NULL || other == cc || other->c.state == CALL_CLOSING)
		return;
	call_set_reason(&other->c, CALL_BY_SYSTEM, 200, "replaced by another call");
	(void)calls_input(k, other, CALL_EV_GIVE_UP);
}

static void transfer(struct control *k, struct control_call *cc, const struct call_fx *fx)
{
	if (fx->kind == CALL_FX_TRANSFER)
		events_transfer(k, cc);
	else if (fx->kind == CALL_FX_TRANSFERRED)
		to_backend_transferred(k, cc);
	else if (fx->kind == CALL_FX_REFERRED)
		events_referred(k, cc);
	else if (fx->kind == CALL_FX_REFUSE_REFER)
		to_leg_refer_progress(k, cc, cc->c.transfer.refer_id, fx->code);
	else if (fx->kind == CALL_FX_TELL_REFERRER)
		tell_referrer(k, cc, fx->code);
	else
		replace(k, cc);
}

/* What is no transfer(). */
static void offer(struct control *k, struct control_call *cc)
{
	collects_end(k, cc, COLLECT_CANCELLED); /* of an owner that was lost */
	events_offered(k, cc);
	to_backend_offer(k, cc);
}

static void execute(struct control *k, struct control_call *cc, const struct call_fx *fx)
{
	switch (fx->kind) {
	case CALL_FX_SESSION_OPEN:
		open_session(k, cc);
		break;
	case CALL_FX_SESSION_UPDATE:
		to_session_update(k, cc);
		break;
	case CALL_FX_OFFER:
		offer(k, cc);
		break;
	case CALL_FX_LEG_DIAL:
		to_leg_dial(k, cc);
		break;
	case CALL_FX_ANNOTATE:
		to_leg_annotate(k, cc);
		break;
	case CALL_FX_LEG_RING:
		to_leg_ring(k, cc);
		break;
	case CALL_FX_SESSION_START:
		to_session_start(k, cc);
		break;
	case CALL_FX_MEDIA_READY:
		to_backend_media_ready(k, cc);
		break;
	case CALL_FX_LEG_ANSWER:
		to_leg_answer(k, cc);
		break;
	case CALL_FX_ANSWERED:
		answered(k, cc);
		break;
	case CALL_FX_LEG_REJECT:
		leg_reject(k, cc, fx);
		break;
	case CALL_FX_LEG_HANGUP:
		to_leg_hangup(k, cc->signaling, cc->c.leg_id, fx->reason, &cc->said);
		break;
	case CALL_FX_SESSION_CLOSE:
		to_session_close(k, cc->c.media_worker, cc->c.session_id);
		break;
	case CALL_FX_LEASE_LOST:
		to_backend_lease_lost(k, cc, fx->reason);
		break;
	case CALL_FX_COMPLETE:
	case CALL_FX_FAIL:
		conclude(k, cc, fx);
		break;
	case CALL_FX_ENDED:
		ended(k, cc);
		break;
	case CALL_FX_LEG_ACCEPT:
	case CALL_FX_LEG_REFUSE:
	case CALL_FX_LEG_CHANGE:
		change(k, cc, fx);
		break;
	case CALL_FX_DIALLING:
	case CALL_FX_CLAIMED:
	case CALL_FX_RINGING:
	case CALL_FX_HELD:
	case CALL_FX_RESUMED:
		publish(k, cc, fx);
		break;
	case CALL_FX_TRANSFER: case CALL_FX_TRANSFERRED: case CALL_FX_REFERRED: /* transfer() */
	case CALL_FX_REFUSE_REFER: case CALL_FX_TELL_REFERRER: case CALL_FX_REPLACE:
	case CALL_FX_FREE: case CALL_FX_KINDS:
		break;
	}
}

void calls_run(struct control *k, struct control_call *cc, struct call_effects *fx)
{
	struct call_effects mine = *fx; /* executing may cause the next event and reuse the caller's */
	uint64_t handle = pool_handle(&k->calls, cc);

	calls_arm(k, cc);
	for (uint32_t i = 0; i < mine.n; i++) {
		if (mine.v[i].kind == CALL_FX_FREE) {
			calls_free(k, cc);
			return;
		}
		(mine.v[i].kind >= CALL_FX_TRANSFER ? transfer : execute)(k, cc, &mine.v[i]);
		if (pool_get(&k->calls, handle) == NULL)
			return; /* it ended inside */
	}
}

bool calls_input(struct control *k, struct control_call *cc, enum call_event ev)
{
	struct call_world w = calls_world(k);
	struct call_effects fx;

	if (!call_input(&cc->c, ev, &w, &fx)) {
		count(k, STAT_calls_impossible, 1);
		if (log_limit(&k->log_impossible, 10))
			log_info("call.impossible", "call=%016" PRIx64 " state=%s event=%s", cc->c.id,
				 call_state_name(cc->c.state), call_event_name(ev));
		return false;
	}
	log_debug("call.event", "call=%016" PRIx64 " event=%s state=%s", cc->c.id, call_event_name(ev),
		  call_state_name(cc->c.state));
	calls_run(k, cc, &fx);
	return true;
}

void calls_tick(struct control *k)
{
	struct wheel_timer *t;

	for (int i = 0; i < TIMERS_PER_TURN && (t = wheel_next(&k->wheel, k->actor->now_ms)) != NULL; i++) {
		struct control_call *cc = t->owner;

		cc->c.deadline_ms = UINT64_MAX;
		(void)calls_input(k, cc, CALL_EV_TIMEOUT);
	}
}

void calls_of_backend_lost(struct control *k, const char *name)
{
	struct control_call *cc;
	uint32_t at = 0;

	while ((cc = pool_each(&k->calls, &at)) != NULL) {
		if (!str_eq(str_of(cc->c.backend), str_of(name)))
			continue;
		cc->c.flush_command[0] = cc->c.command[0] = '\0'; /* nobody is there to be answered */
		cc->c.info_command[0] = cc->c.message_command[0] = cc->c.dtmf.command[0] = '\0';
		cc->c.holds_place = false;
		if (cc->c.owned && cc->c.state != CALL_CLOSING)
			to_backend_lease_lost(k, cc, "not heard of"); /* it may only have been slow */
		(void)calls_input(k, cc, CALL_EV_BACKEND_LOST);
	}
}

void calls_shut_down(struct control *k)
{
	struct control_call *cc;
	uint32_t at = 0;

	while ((cc = pool_each(&k->calls, &at)) != NULL) {
		call_set_reason(&cc->c, CALL_BY_SYSTEM, cc->c.answered ? 200 : 503, "the host stops");
		(void)calls_input(k, cc, CALL_EV_GIVE_UP);
	}
}
