/* from_peer.c - see from_peer.h */
#include "signaling/daemon/from_peer.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "signaling/daemon/effects.h"
#include "signaling/daemon/from_asks.h"
#include "signaling/daemon/from_change.h"
#include "signaling/daemon/from_info.h"
#include "signaling/daemon/from_messages.h"
#include "signaling/daemon/from_refer.h"
#include "signaling/daemon/from_redirect.h"
#include "signaling/daemon/from_renew.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/logins.h"
#include "signaling/daemon/request_effects.h"
#include "signaling/daemon/serve_effects.h"
#include "signaling/daemon/udp.h"
#include "signaling/leg/change.h"
#include "signaling/leg/dial.h"
#include "signaling/leg/lines.h"
#include "signaling/leg/prack.h"
#include "signaling/leg/redirect.h"
#include "signaling/leg/late.h"

static void refuse(struct signaling *s, const struct sip_effect *e,
		   struct leg_refusal why)
{
	count(s, STAT_signaling_legs_refused, 1);
	log_debug("leg.refused", "sip_call_id=%.*s code=%u", (int)e->core->call_id.n,
		  e->core->call_id.p, why.code);
	serve_refuse(s, e, why);
}

static void new_leg(struct signaling *s, const struct sip_effect *e)
{
	struct leg_refusal full = {.code = 503}, why = {.fit = SDP_FITS};
	struct leg *replaced;
	struct addr local;
	uint64_t handle;
	struct leg *l;

	why.code = from_refer_replaces(s, e, &replaced);
	if (why.code != 0) {
		refuse(s, e, why);
		return;
	}
	if (local_address(s, &e->packet->flow, &e->packet->source, &local) != 0) {
		refuse(s, e, full);
		return;
	}
	l = legs_take(s, &handle);
	if (l == NULL) {
		refuse(s, e, full);
		return;
	}
	why = leg_open(l, &s->leg_config, e, sip_stack_tag(&s->stack, e->txn));
	if (why.code != 0) {
		pool_give(&s->legs, l);
		refuse(s, e, why);
		return;
	}
	l->timer.owner = l;
	l->r.handle = handle;
	l->r.local = local;
	l->r.refer.replaces = replaced != NULL ? pool_handle(&s->legs, replaced) : 0;
	(void)!str_copy(l->r.account.user, sizeof l->r.account.user, str_of(s->door.user));
	slab_clear(&s->slab, pool_slot(handle));
	sip_stack_set_user(&s->stack, e->txn, handle);
	legs_index(s, l);
	count(s, STAT_signaling_legs_opened, 1);
	log_debug("leg.opened", "leg=%" PRIx64 " sip_call_id=%s", handle,
		  l->r.dialog.call_id);
	local_tell(s, l, &e->packet->source);
	(void)effects_leg_input(s, l, LEG_EV_INVITE);
}

/* Answered when its effect can not be lost any more. */
static void serve_bye(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	leg_keep_bye(l, e->msg);
	(void)effects_leg_input(s, l, LEG_EV_BYE);
	serve_answer(s, e->txn, &(struct sip_reply){.code = 200});
}

static void serve_options(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	(void)l;
	serve_answer(s, e->txn,
		     &(struct sip_reply){.code = 200, .headers = STR(SIP_OPTIONS_HEADERS)});
}

static void serve_nothing(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	(void)l;
	serve_refuse(s, e, (struct leg_refusal){.code = 405});
}

typedef void serve_fn(struct signaling *s, struct leg *l, const struct sip_effect *e);

/* In a dialog; the others are not served. */
static serve_fn *const served[SIP_METHODS] = {
	[SIP_M_INVITE] = from_change_reinvite, [SIP_M_BYE] = serve_bye,
	[SIP_M_UPDATE] = from_change_update,   [SIP_M_PRACK] = from_change_prack,
	[SIP_M_REFER] = from_refer_request,    [SIP_M_NOTIFY] = from_refer_notify,
	[SIP_M_INFO] = from_info,              [SIP_M_MESSAGE] = from_info_message,
	[SIP_M_OPTIONS] = serve_options,
};

/* It was served, and its transaction is lost with a predecessor: answered as it was then. */
static bool is_served_again(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	if (leg_is_same_update(l, e))
		from_change_update_again(s, l, e);
	else if (leg_is_same_prack(l, e))
		from_change_prack_again(s, l, e);
	else
		return from_info_again(s, l, e) || from_refer_again(s, l, e);
	return true;
}

static void serve(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	serve_fn *f = served[e->msg->method];

	l->r.dialog.remote_cseq = e->core->cseq.number;
	(f != NULL ? f : serve_nothing)(s, l, e);
}

static void in_dialog(struct signaling *s, const struct sip_effect *e)
{
	struct leg *l = legs_find(s, e->core);

	/* an early dialog of ours serves UPDATE alone */
	if (l == NULL || (leg_needs_client(l) && e->msg->method != SIP_M_UPDATE)) {
		serve_answer(s, e->txn, &(struct sip_reply){.code = 481});
		if (e->msg->method != SIP_M_INVITE) /* which had a 100 and waits */
			sip_stack_dismiss(&s->stack, e->txn);
	} else if (e->core->cseq.number > l->r.dialog.remote_cseq) {
		serve(s, l, e);
	} else if (!is_served_again(s, l, e)) { /* RFC 3261 12.2.2 */
		serve_answer(s, e->txn,
			     &(struct sip_reply){.code = 500, .reason = STR("CSeq is too low")});
	}
}

static void got_request(struct signaling *s, const struct sip_effect *e)
{
	if (e->core->to.tag.n > 0)
		in_dialog(s, e);
	else if (e->msg->method == SIP_M_MESSAGE)
		from_messages_request(s, e);
	else
		new_leg(s, e);
}

static void got_ack(struct signaling *s, const struct sip_effect *e)
{
	struct leg *l = legs_find(s, e->core);

	if (l == NULL || e->core->cseq.number != l->r.invite_cseq)
		return; /* of another INVITE than the last */
	sip_stack_settle(&s->stack, l->txn);
	(void)effects_leg_input(s, l, leg_acknowledged(l, &s->leg_config, e));
	if (l->r.state == LEG_CONFIRMED)
		from_asks_go_on(s, l);
}

/* ---- to requests of ours ---- */

static void got_provisional(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	if (e->txn == l->client)
		(void)effects_leg_input(
			s, l, leg_provisional(l, &s->leg_config, e->msg, e->core));
}

/* Of our BYE. */
static void got_bye_answer(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	struct sip_login login = logins_of(s, l);

	if (l->r.state == LEG_ENDING && e->kind == SIP_GOT_RESPONSE &&
	    (e->status == 401 || e->status == 407) &&
	    sip_auth_challenged(&l->r.auth, &login, e->msg, clock_entropy()) == SIP_AUTH_RETRY)
		request_bye(s, l);
	else
		(void)effects_leg_input(s, l, LEG_EV_BYE_DONE);
}

/* Of the INVITE the leg was made with. */
static void got_invite_final(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	struct sip_login login = logins_of(s, l);
	enum leg_event ev;

	if (e->kind == SIP_NO_RESPONSE)
		ev = LEG_EV_NOBODY;
	else if (e->status >= 300)
		ev = leg_refused(l, &login, e->msg, clock_entropy());
	else
		ev = leg_picked_up(l, &s->leg_config, e->msg, e->core);
	ev = leg_elsewhere(l, ev);
	if (ev == LEG_EV_PICKED_UP)
		refresh_agreed(&l->r.refresh, e->msg, s->actor->now_ms);
	(void)effects_leg_input(s, l, ev);
}

static void got_final(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	if (from_asks_final(s, l, e))
		return;
	if (e->txn == l->bye)
		got_bye_answer(s, l, e);
	else if (e->txn == l->client && e->status / 100 == 3)
		from_redirect_got(s, l, e);
	else if (e->txn == l->client)
		got_invite_final(s, l, e);
	/* else of what nobody waits for any more */
}

static void got_answer(struct signaling *s, const struct sip_effect *e)
{
	struct leg *l = pool_get(&s->legs, e->user);

	if (l == NULL)
		return;
	if (l->renewal != 0 && e->txn == l->renewal)
		from_renew_answer(s, l, e);
	else if (e->kind == SIP_GOT_PROVISIONAL)
		got_provisional(s, l, e);
	else if (e->kind == SIP_ACK_WANTED)
		(void)effects_leg_input(s, l, LEG_EV_ACK_WANTED);
	else if (e->kind == SIP_CANCELLED)
		(void)effects_leg_input(s, l, LEG_EV_LAPSED);
	else
		got_final(s, l, e);
}

/* What stands behind effect `i` may be sent by what follows from it: the ACK of a refusal goes
 * before the INVITE that answers it. */
static void got_answer_of(struct signaling *s, struct sip_effects *mine, uint32_t i)
{
	struct sip_effects behind = {.n = mine->n - i - 1};

	memcpy(behind.v, mine->v + i + 1, behind.n * sizeof behind.v[0]);
	s->behind = &behind;
	got_answer(s, &mine->v[i]);
	s->behind = NULL;
	mine->n = i + 1 + behind.n;
	memcpy(mine->v + i + 1, behind.v, behind.n * sizeof behind.v[0]);
}

void from_peer(struct signaling *s, const struct sip_effects *fx)
{
	struct sip_effects mine = *fx;

	for (uint32_t i = 0; i < mine.n; i++) {
		const struct sip_effect *e = &mine.v[i];
		struct leg *l = pool_get(&s->legs, e->user);

		switch (e->kind) {
		case SIP_SEND:
			udp_send(s, e);
			break;
		case SIP_GOT_REQUEST:
			got_request(s, e);
			break;
		case SIP_GOT_ACK:
			got_ack(s, e);
			break;
		case SIP_GOT_CANCEL:
			if (l != NULL)
				(void)effects_leg_input(s, l, LEG_EV_CANCEL);
			break;
		case SIP_GOT_RESPONSE:
		case SIP_NO_RESPONSE:
		case SIP_GOT_PROVISIONAL:
		case SIP_ACK_WANTED:
		case SIP_CANCELLED:
			if (!registrations_answered(s, e) && !messages_answered(s, e))
				got_answer_of(s, &mine, i);
			break;
		case SIP_REFUSAL_ACK:
		case SIP_NO_ACK:
			if (l != NULL)
				(void)effects_leg_input(s, l, LEG_EV_REFUSAL_DONE);
			break;
		case SIP_EFFECT_KINDS:
			break;
		}
	}
}
