/* calls.c - the table of calls; executes what their transitions ask for. */
#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "control/daemon/control.h"

int calls_init(struct control *k, uint32_t cap)
{
	int err = pool_init(&k->calls, cap, sizeof(struct control_call));

	if (err == 0)
		err = map_init(&k->by_id, cap);
	if (err == 0)
		err = map_init(&k->by_leg, cap);
	wheel_init(&k->wheel, clock_ms());
	return err;
}

void calls_fini(struct control *k)
{
	pool_fini(&k->calls);
	map_fini(&k->by_id);
	map_fini(&k->by_leg);
}

/* Both are random or unique already; spread them over the table. */
static uint64_t leg_key(uint32_t signaling, uint64_t leg_id)
{
	return (leg_id ^ (uint64_t)signaling << 56) * 0x9e3779b97f4a7c15ull;
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
	if (map_put(&k->by_leg, leg_key(signaling, leg_id), handle, NULL, NULL) != 0) {
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

bool calls_has_ended(const struct control *k, uint64_t id)
{
	for (uint32_t i = 0; i < CONTROL_ENDED_KEPT; i++)
		if (k->ended[i] == id)
			return true;
	return false;
}

void calls_free(struct control *k, struct control_call *cc)
{
	k->ended[k->ended_next++ % CONTROL_ENDED_KEPT] = cc->c.id;
	to_bus_leg_settled(k, cc->signaling, cc->c.leg_id);
	wheel_cancel(&k->wheel, &cc->timer);
	(void)map_del(&k->by_id, cc->c.id, NULL, NULL);
	(void)map_del(&k->by_leg, leg_key(cc->signaling, cc->c.leg_id), NULL, NULL);
	pool_give(&k->calls, cc);
}

struct control_call *calls_by_id(struct control *k, uint64_t id)
{
	uint64_t handle;

	return map_get(&k->by_id, id, NULL, NULL, &handle) ? pool_get(&k->calls, handle) : NULL;
}

struct control_call *calls_by_leg(struct control *k, uint32_t signaling, uint64_t leg_id)
{
	uint64_t handle;

	return map_get(&k->by_leg, leg_key(signaling, leg_id), NULL, NULL, &handle) ? pool_get(&k->calls, handle) : NULL;
}

/* Session ids are handles of media; slots are few, so a walk does. */
struct control_call *calls_by_session(struct control *k, uint32_t media, uint64_t session_id)
{
	struct control_call *cc;
	uint32_t at = 0;

	while (session_id != 0 && (cc = pool_each(&k->calls, &at)) != NULL)
		if (cc->c.session_id == session_id && cc->c.media_worker == media && cc->c.has_session)
			return cc;
	return NULL;
}

struct call_world calls_world(struct control *k)
{
	return (struct call_world){&k->policy, &k->backends, k->actor->now_ms, rand_u64(&k->rand)};
}

void calls_arm(struct control *k, struct control_call *cc)
{
	if (cc->c.deadline_ms == UINT64_MAX)
		wheel_cancel(&k->wheel, &cc->timer);
	else
		wheel_arm(&k->wheel, &cc->timer, cc->c.deadline_ms);
}

static void answered(struct control *k, struct control_call *cc)
{
	cc->c.answered_unix_ns = clock_unix_ns();
	events_answered(k, cc);
}

static void leg_reject(struct control *k, struct control_call *cc, const struct call_fx *fx)
{
	if (!cc->c.leg_over)
		to_bus_leg_reject(k, cc->signaling, cc->c.leg_id, fx);
	cc->c.leg_over = true;
}

static void leg_hangup(struct control *k, struct control_call *cc, const struct call_fx *fx)
{
	if (!cc->c.leg_over)
		to_bus_leg_hangup(k, cc, fx->reason);
	cc->c.leg_over = true;
}

static void execute(struct control *k, struct control_call *cc, const struct call_fx *fx)
{
	switch (fx->kind) {
	case CALL_FX_SESSION_OPEN:
		to_bus_session_open(k, cc);
		break;
	case CALL_FX_OFFER:
		events_offered(k, cc);
		to_bus_offer(k, cc);
		break;
	case CALL_FX_CLAIMED:
		events_claimed(k, cc);
		break;
	case CALL_FX_ANNOTATE:
		to_bus_annotate(k, cc);
		break;
	case CALL_FX_LEG_RING:
		to_bus_leg_ring(k, cc);
		events_ringing(k, cc);
		break;
	case CALL_FX_SESSION_START:
		to_bus_session_start(k, cc);
		break;
	case CALL_FX_MEDIA_READY:
		to_bus_media_ready(k, cc);
		break;
	case CALL_FX_LEG_ANSWER:
		to_bus_leg_answer(k, cc);
		break;
	case CALL_FX_ANSWERED:
		answered(k, cc);
		break;
	case CALL_FX_LEG_REJECT:
		leg_reject(k, cc, fx);
		break;
	case CALL_FX_LEG_HANGUP:
		leg_hangup(k, cc, fx);
		break;
	case CALL_FX_SESSION_CLOSE:
		to_bus_session_close(k, cc->c.media_worker, cc->c.session_id);
		break;
	case CALL_FX_LEASE_LOST:
		to_bus_lease_lost(k, cc, fx->reason);
		break;
	case CALL_FX_COMPLETE:
		to_bus_completed(k, cc, cc->c.command, NULL);
		break;
	case CALL_FX_FAIL:
		to_bus_failed(k, cc, cc->c.command, fx->reason);
		to_bus_failed(k, cc, cc->c.flush_command, fx->reason);
		break;
	case CALL_FX_ENDED:
		events_ended(k, cc, k->closed_stats);
		break;
	case CALL_FX_FREE:
	case CALL_FX_KINDS:
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
		execute(k, cc, &mine.v[i]);
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

	while ((t = wheel_next(&k->wheel, k->actor->now_ms)) != NULL) {
		struct control_call *cc = t->owner;

		cc->c.deadline_ms = UINT64_MAX;
		(void)calls_input(k, cc, CALL_EV_TIMEOUT);
	}
}

void calls_of_backend_lost(struct control *k, const char *name)
{
	struct control_call *cc;
	uint32_t at = 0;

	while ((cc = pool_each(&k->calls, &at)) != NULL)
		if (str_eq(str_of(cc->c.backend), str_of(name)))
			(void)calls_input(k, cc, CALL_EV_BACKEND_LOST);
}
