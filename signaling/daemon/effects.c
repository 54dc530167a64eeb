/* effects.c - see effects.h. Answers to the peer are in serve_effects.c, requests of ours in
 * request_effects.c, those of an INVITE of ours in dial_effects.c. */
#include "signaling/daemon/effects.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "common/base/must.h"
#include "signaling/daemon/dial_effects.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/refresh_effects.h"
#include "signaling/daemon/renew_effects.h"
#include "signaling/daemon/request_effects.h"
#include "signaling/daemon/serve_effects.h"
#include "signaling/daemon/to_bus.h"
#include "signaling/leg/renew.h"

#define NOTHING       LEG_EVENTS /* follows */
#define FOLLOW_UP_MAX 4u

/* Control is not there, or its queue is full: the caller is told now, not after a
 * timeout. Saved first, so that a leg control has heard of is one a successor has. */
static enum leg_event ask_control(struct signaling *s, struct leg *l)
{
	legs_save(s, l);
	if (worker_welcome(s->worker) && to_bus_incoming(s, l) == 0)
		return NOTHING;
	l->wish = (struct leg_wish){.code = 503, .retry_after_s = 2};
	count(s, STAT_signaling_legs_refused, 1);
	return LEG_EV_REJECT;
}

/* Silence is no answer: not even when ours can not be sent. */
static enum leg_event respond(struct signaling *s, struct leg *l, uint32_t code)
{
	int err = serve_respond(s, l, code);

	if (code >= 300 && !leg_is_over(l)) /* the call goes on, whoever acknowledges this */
		sip_stack_set_user(&s->stack, l->txn, 0);
	return err != 0 && code >= 200 && code < 300 ? LEG_EV_UNSENT : NOTHING;
}

/* Saved before it leaves: a successor must not go on with a call that control has seen
 * the end of. */
static void tell_over(struct signaling *s, struct leg *l)
{
	if (l->dirty)
		legs_save(s, l);
	to_bus_over(s, l);
}

static enum leg_event dial(struct signaling *s, struct leg *l)
{
	return dial_invite(s, l) == 0 ? NOTHING : LEG_EV_UNSENT;
}

static enum leg_event cancel(struct signaling *s, struct leg *l)
{
	return dial_cancel(s, l) == 0 ? NOTHING : LEG_EV_LAPSED;
}

/* A roster says it, too. */
static void tell(struct signaling *s, struct leg *l, enum leg_fx_kind kind)
{
	if (l->dirty)
		legs_save(s, l);
	if (kind == LEG_FX_DIALLED)
		to_bus_dialled(s, l, l->asked);
	else if (kind == LEG_FX_PROGRESS)
		to_bus_progress(s, l);
	else if (kind == LEG_FX_OFFER)
		to_bus_offer(s, l);
	else if (kind == LEG_FX_AGREED)
		to_bus_agreed(s, l);
	else if (kind == LEG_FX_REDIRECTED)
		to_bus_redirected(s, l);
	else if (kind == LEG_FX_RENEWED)
		to_bus_changed(s, l);
	else
		to_bus_picked_up(s, l);
	count(s, STAT_signaling_legs_picked_up, kind == LEG_FX_PICKED_UP);
}

static enum leg_event renew(struct signaling *s, struct leg *l)
{
	if (renew_invite(s, l) == 0)
		return NOTHING;
	refresh_unsent(s, l);
	return leg_renewal_unsent(l);
}

/* The event that follows from it, or NOTHING. */
static enum leg_event execute(struct signaling *s, struct leg *l,
			      const struct leg_fx *fx)
{
	switch (fx->kind) {
	case LEG_FX_INCOMING:
		return ask_control(s, l);
	case LEG_FX_RINGING:
		to_bus_ringing(s, l);
		break;
	case LEG_FX_CONFIRMED:
		legs_save(s, l); /* a roster says it, too */
		to_bus_confirmed(s, l);
		break;
	case LEG_FX_OVER:
		tell_over(s, l);
		break;
	case LEG_FX_RESPOND:
		return respond(s, l, fx->code);
	case LEG_FX_REPEAT:
		serve_repeat(s, l);
		break;
	case LEG_FX_SEND_BYE:
		sip_auth_begin(&l->r.auth);
		request_bye(s, l);
		break;
	case LEG_FX_SEND_INVITE:
		return dial(s, l);
	case LEG_FX_SEND_CANCEL:
		return cancel(s, l);
	case LEG_FX_SEND_ACK:
		dial_ack(s, l);
		break;
	case LEG_FX_SEND_PRACK:
		dial_prack(s, l);
		break;
	case LEG_FX_DIALLED:
	case LEG_FX_PROGRESS:
	case LEG_FX_PICKED_UP:
	case LEG_FX_OFFER:
	case LEG_FX_AGREED:
	case LEG_FX_REDIRECTED:
	case LEG_FX_RENEWED:
		tell(s, l, fx->kind);
		break;
	case LEG_FX_RENEW:
		return renew(s, l);
	case LEG_FX_RENEW_ACK:
		renew_ack(s, l);
		break;
	case LEG_FX_RENEW_CANCEL:
		renew_cancel(s, l);
		break;
	case LEG_FX_UPDATED:
		serve_update(s, l, l->update, fx->code);
		break;
	case LEG_FX_SEND_REFRESH:
		return refresh_send(s, l) ? LEG_EV_RENEW : NOTHING;
	case LEG_FX_FREE:
	case LEG_FX_KINDS:
		break;
	}
	return NOTHING;
}

/* Nothing of the peer reaches it any more. */
static void retire(struct signaling *s, struct leg *l)
{
	const struct leg_end *end = &l->r.over;

	log_debug("leg.ended",
		  "leg=%" PRIx64 " sip_call_id=%s who=%u code=%u outcome=%u reason=\"%s\"",
		  pool_handle(&s->legs, l), l->r.dialog.call_id, end->who, end->code,
		  end->outcome, end->reason);
	legs_unindex(s, l);
	if (leg_renewal_is_out(&l->r)) /* what comes of it, and when, is nobody's any more */
		renew_cancel(s, l);
}

/* The leg's next state, and what of the tables follows from it. */
static bool take(struct signaling *s, struct leg *l, enum leg_event ev,
		 struct leg_effects *fx)
{
	enum leg_state before = (enum leg_state)l->r.state;
	bool was_over = leg_is_over(l), was_spare = legs_is_spare(l), was_told = legs_is_told(l);
	bool good = leg_input(l, ev, &s->leg_config, s->actor->now_ms, fx);

	log_debug(good ? "leg.event" : "leg.impossible",
		  "leg=%" PRIx64 " state=%s event=%s next=%s", pool_handle(&s->legs, l),
		  leg_state_name(before), leg_event_name(ev),
		  leg_state_name((enum leg_state)l->r.state));
	if (!good) {
		count(s, STAT_signaling_legs_impossible, 1);
		return false;
	}
	legs_arm(s, l);
	if (leg_is_over(l) && !was_over)
		retire(s, l);
	if (l->r.state == LEG_ENDED)
		sip_stack_set_user(&s->stack, l->txn, 0);
	s->legs_spare += (uint32_t)legs_is_spare(l) - (uint32_t)was_spare;
	s->legs_told += (uint32_t)legs_is_told(l) - (uint32_t)was_told;
	return true;
}

bool effects_leg_input(struct signaling *s, struct leg *l, enum leg_event ev)
{
	bool first = true;

	for (unsigned n = 0; ev != NOTHING; n++) {
		enum leg_event follows = NOTHING;
		struct leg_effects fx;

		must(n < FOLLOW_UP_MAX);
		if (!take(s, l, ev, &fx))
			return !first;
		for (uint32_t i = 0; i < fx.n; i++) {
			if (fx.v[i].kind == LEG_FX_FREE) {
				legs_free(s, l);
				return true;
			}
			ev = execute(s, l, &fx.v[i]);
			follows = ev != NOTHING ? ev : follows;
		}
		if (l->dirty)
			legs_save(s, l);
		ev = follows;
		first = false;
	}
	return true;
}
