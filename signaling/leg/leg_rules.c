/* leg_rules.c - what a leg does when. Actions append effects and never change the state.
 */
#include "common/base/must.h"
#include "signaling/leg/change.h"
#include "signaling/leg/renew.h"

#define RING_AGAIN_MS 60000u /* RFC 3261 13.3.1.1: proxies give up without it */
#define TELL_AGAIN_MS 2000u
#define OFFER_MS      30000u /* of the 64*T1 that a peer waits for the answer to an UPDATE */

struct step {
	struct leg *l;
	const struct leg_config *cfg;
	uint64_t now_ms;
	struct leg_effects *out;
	bool heard; /* before this event something had come for the INVITE we sent */
};

typedef void action_fn(struct step *s);

struct rule {
	action_fn *act;
	enum leg_state next;
};

static struct leg_fx *emit(struct step *s, enum leg_fx_kind kind)
{
	must(s->out->n < LEG_EFFECTS_MAX);
	s->out->v[s->out->n] = (struct leg_fx){.kind = kind};
	return &s->out->v[s->out->n++];
}

static void deadline(struct step *s, uint64_t ms)
{
	s->l->r.deadline_ms = ms == UINT64_MAX ? UINT64_MAX : s->now_ms + ms;
}

static void over(struct step *s, enum leg_who who, uint32_t code, const char *reason)
{
	struct leg_end *end = &s->l->r.over;

	*end = (struct leg_end){.owed = 1, .who = who, .code = code, .at_ms = s->now_ms};
	end->outcome = leg_is_ours(s->l) ? LEG_OUT_ANSWERED : LEG_OUT_NONE;
	(void)!str_copy(end->reason, sizeof end->reason, str_of(reason));
	emit(s, LEG_FX_OVER);
}

/* Of an attempt: it was not answered. */
static void failed(struct step *s, enum leg_who who, uint32_t code, enum leg_outcome outcome)
{
	static const char *const reasons[LEG_OUTCOMES] = {
		[LEG_OUT_NO_ANSWER] = "nobody picked up",
		[LEG_OUT_UNREACHABLE] = "nobody answered at all",
		[LEG_OUT_CANCELLED] = "hung up before the answer",
		[LEG_OUT_MEDIA_REFUSED] = "the answer can not be used",
		[LEG_OUT_ERROR] = "the INVITE can not go on",
	};

	over(s, who, code, reasons[outcome]);
	s->l->r.over.outcome = (uint32_t)outcome;
}

static void respond(struct step *s, uint32_t code)
{
	emit(s, LEG_FX_RESPOND)->code = code;
}

/* The peer has what it needs; control may not know yet. */
static void finish(struct step *s)
{
	if (s->l->r.over.owed) {
		deadline(s, TELL_AGAIN_MS);
		return;
	}
	deadline(s, UINT64_MAX);
	emit(s, LEG_FX_FREE);
}

/* The record has the refusal until the peer acknowledged it (timer H at the latest). */
static void refuse(struct step *s, uint32_t code, enum leg_who who, const char *reason)
{
	respond(s, code);
	over(s, who, code, reason);
	s->l->r.give_up_ms = s->now_ms + SIP_TIMEOUT_MS + SIP_T4_MS;
	deadline(s, TELL_AGAIN_MS);
}

/* ---- actions ---- */

static void ignore(struct step *s)
{
	(void)s;
}

static void ask_control(struct step *s)
{
	emit(s, LEG_FX_INCOMING);
	deadline(s, s->cfg->answer_timeout_ms);
}

static void wait_ringing(struct step *s)
{
	uint64_t left = s->l->r.give_up_ms - s->now_ms;

	deadline(s, left < RING_AGAIN_MS ? left : RING_AGAIN_MS);
}

static void ring(struct step *s)
{
	respond(s, s->l->ring_code);
	emit(s, LEG_FX_RINGING);
	s->l->r.give_up_ms =
		s->now_ms +
		10 * (uint64_t)s->cfg->answer_timeout_ms; /* ringing may take its time */
	wait_ringing(s);
}

static void ring_again(struct step *s)
{
	emit(s, LEG_FX_REPEAT);
	wait_ringing(s);
}

static void answer(struct step *s)
{
	respond(s, 200);
	s->l->r.interval_ms = SIP_T1_MS;
	s->l->r.give_up_ms = s->now_ms + SIP_TIMEOUT_MS;
	deadline(s, SIP_T1_MS);
}

static void refuse_as_wished(struct step *s)
{
	refuse(s, s->l->wish.code, LEG_BY_BACKEND, "rejected");
}

static void hang_up_early(struct step *s)
{
	refuse(s, 480, LEG_BY_BACKEND, "hung up before the answer");
}

static void cancelled(struct step *s)
{
	refuse(s, 487, LEG_BY_CALLER, "cancelled");
}

static void no_answer(struct step *s)
{
	refuse(s, 480, LEG_BY_SYSTEM, "nobody answered");
}

static void early_bye(struct step *s)
{
	refuse(s, 487, LEG_BY_CALLER, "ended before the answer");
}

static void confirm(struct step *s)
{
	emit(s, LEG_FX_CONFIRMED);
	deadline(s, UINT64_MAX);
}

/* RFC 3261 13.3.1.4: repeat until the ACK, after 32 s end the dialog. */
static void repeat_answer(struct step *s)
{
	struct leg_record *r = &s->l->r;

	emit(s, LEG_FX_REPEAT);
	r->interval_ms = 2 * r->interval_ms < SIP_T2_MS ? 2 * r->interval_ms : SIP_T2_MS;
	deadline(s, r->interval_ms);
}

/* The ACK of a refresh; control knows of none. */
static void refreshed(struct step *s)
{
	deadline(s, UINT64_MAX);
}

/* RFC 3261 14.2: the session stays what it was. */
static void refuse_refresh(struct step *s)
{
	respond(s, 500);
	deadline(s, UINT64_MAX);
}

static void unanswerable(struct step *s)
{
	refuse(s, 500, LEG_BY_SYSTEM, "the answer can not be made");
}

static void bye_peer(struct step *s)
{
	over(s, LEG_BY_CALLER, 200, "hung up");
	finish(s);
}

static void hang_up(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	over(s, LEG_BY_BACKEND, 200, "hung up");
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS); /* the transaction ends it earlier */
}

static void hang_up_later(struct step *s)
{
	over(s, LEG_BY_BACKEND, 200, "hung up");
}

static void bye_after_ack(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

static void no_ack(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	over(s, LEG_BY_SYSTEM, 408, "no ACK");
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

/* Whether the BYE of a predecessor arrived is not known; to the peer that had it this one
 * is a 481. */
static void bye_again(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

static void tell_again(struct step *s)
{
	if (s->l->r.over.owed)
		emit(s, LEG_FX_OVER);
	deadline(s, TELL_AGAIN_MS);
}

static void settle(struct step *s)
{
	s->l->r.over.owed = 0;
}

static void forget(struct step *s)
{
	settle(s);
	finish(s);
}

/* ---- actions of a leg of ours; what the INVITE needs is the attempt's ---- */

static void dialled(struct step *s)
{
	emit(s, LEG_FX_DIALLED);
}

/* The deadline is the ringing's, set by leg_dial(). */
static void progress(struct step *s)
{
	if (s->l->prack != 0)
		emit(s, LEG_FX_SEND_PRACK);
	if (s->l->news)
		emit(s, LEG_FX_PROGRESS);
}

/* Control has its end; the far side still counts on a PRACK. */
static void prack_only(struct step *s)
{
	if (s->l->prack != 0)
		emit(s, LEG_FX_SEND_PRACK);
}

static void picked_up(struct step *s)
{
	emit(s, LEG_FX_PICKED_UP);
	s->l->r.dialled.picked_up = 1;
	deadline(s, UINT64_MAX);
}

static void misfit(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	failed(s, LEG_BY_SYSTEM, 200, LEG_OUT_MEDIA_REFUSED);
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

static void declined(struct step *s)
{
	struct leg *l = s->l;

	over(s, LEG_BY_CALLER, l->said.code, "");
	l->r.over.outcome = (uint32_t)outcome_of(l->said.code);
	l->r.over.q850 = l->said_q850;
	memcpy(l->r.over.reason, l->said.reason, sizeof l->r.over.reason - 1);
	finish(s);
}

static void unreachable(struct step *s)
{
	failed(s, LEG_BY_SYSTEM, 408, LEG_OUT_UNREACHABLE);
	finish(s);
}

static void undialled(struct step *s)
{
	failed(s, LEG_BY_SYSTEM, 500, LEG_OUT_ERROR);
	finish(s);
}

/* Told now: what is left is between the peer and the transaction, which ends it within
 * 64*T1 for a provisional and 64*T1 behind the CANCEL. */
static void cancel(struct step *s)
{
	s->l->r.give_up_ms = s->now_ms + LEG_CANCELLING_MS;
	deadline(s, TELL_AGAIN_MS);
}

static void hang_up_dialling(struct step *s)
{
	failed(s, LEG_BY_BACKEND, 487, LEG_OUT_CANCELLED);
	cancel(s);
}

/* Nobody can say that it rang where nothing was heard. */
static void rang_out(struct step *s)
{
	bool heard = s->heard;

	failed(s, LEG_BY_SYSTEM, 487, heard ? LEG_OUT_NO_ANSWER : LEG_OUT_UNREACHABLE);
	cancel(s);
}

/* ---- what the peer wants to change ---- */

static void wait_for_control(struct step *s)
{
	uint64_t left = s->l->r.give_up_ms - s->now_ms;

	emit(s, LEG_FX_OFFER);
	deadline(s, left < TELL_AGAIN_MS ? left : TELL_AGAIN_MS);
}

static void ask_change(struct step *s)
{
	s->l->r.give_up_ms = s->now_ms + OFFER_MS;
	wait_for_control(s);
}

/* To the request whose offer waits. */
static void refuse_change(struct step *s, uint32_t code)
{
	struct leg_change *c = &s->l->r.change;

	if (!c->update) {
		respond(s, code);
		return;
	}
	c->code = code;
	emit(s, LEG_FX_UPDATED)->code = code;
}

static void accept_change(struct step *s)
{
	leg_change_take(s->l);
	answer(s);
}

static void accept_update(struct step *s)
{
	leg_change_take(s->l);
	s->l->r.change.code = 200;
	emit(s, LEG_FX_UPDATED)->code = 200;
	deadline(s, UINT64_MAX);
}

static void decline_change(struct step *s)
{
	refuse_change(s, 488);
	deadline(s, UINT64_MAX);
}

static void withdraw(struct step *s, uint32_t code)
{
	refuse_change(s, code);
	leg_change_withdraw(s->l);
	emit(s, LEG_FX_AGREED);
	deadline(s, UINT64_MAX);
}

static void cancel_change(struct step *s)
{
	withdraw(s, 487);
}

/* RFC 3261 14.2: it may be tried again. */
static void no_change(struct step *s)
{
	withdraw(s, 500);
}

/* ---- the session timer ---- */

static void send_refresh(struct step *s)
{
	refresh_sent(&s->l->r.refresh);
	emit(s, LEG_FX_SEND_REFRESH);
}

/* What is under way is a refresh itself, or soon over. */
static void refresh_later(struct step *s)
{
	refresh_defer(&s->l->r.refresh, s->now_ms);
}

static void expire_later(struct step *s)
{
	over(s, LEG_BY_SYSTEM, 408, "session timer expired");
	s->l->r.over.q850 = 102;
}

static void expire(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	expire_later(s);
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

static void expire_offered(struct step *s)
{
	refuse_change(s, 487);
	expire(s);
}

static void bye_offered(struct step *s)
{
	refuse_change(s, 487);
	bye_peer(s);
}

static void hang_up_offered(struct step *s)
{
	refuse_change(s, 487);
	hang_up(s);
}

/* ---- the system ends it ---- */

static void gone(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	over(s, LEG_BY_SYSTEM, s->l->said.code, s->l->said.reason);
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

static void gone_later(struct step *s)
{
	over(s, LEG_BY_SYSTEM, s->l->said.code, s->l->said.reason);
}

static void gone_offered(struct step *s)
{
	refuse_change(s, 487);
	gone(s);
}

/* Of a re-INVITE of ours: the peer knows of no dialog, or is not there. */
static void lost_peer(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	over(s, LEG_BY_SYSTEM, 408, "the peer does not answer");
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

/* clang-format off */
static const struct rule rules[LEG_STATES][LEG_EVENTS] = {
	[LEG_IDLE] = {
		[LEG_EV_INVITE]   = {ask_control,      LEG_ROUTING},
		[LEG_EV_DIAL]     = {dialled,          LEG_DIALLING},
	},
	[LEG_ROUTING] = {
		[LEG_EV_RING]     = {ring,             LEG_RINGING},
		[LEG_EV_ANSWER]   = {answer,           LEG_ANSWERED},
		[LEG_EV_REJECT]   = {refuse_as_wished, LEG_REFUSED},
		[LEG_EV_HANGUP]   = {hang_up_early,    LEG_REFUSED},
		[LEG_EV_CANCEL]   = {cancelled,        LEG_REFUSED},
		[LEG_EV_BYE]      = {early_bye,        LEG_REFUSED},
		[LEG_EV_TIMER]    = {no_answer,        LEG_REFUSED},
	},
	[LEG_RINGING] = {
		[LEG_EV_RING]     = {ring,             LEG_RINGING},
		[LEG_EV_ANSWER]   = {answer,           LEG_ANSWERED},
		[LEG_EV_REJECT]   = {refuse_as_wished, LEG_REFUSED},
		[LEG_EV_HANGUP]   = {hang_up_early,    LEG_REFUSED},
		[LEG_EV_CANCEL]   = {cancelled,        LEG_REFUSED},
		[LEG_EV_BYE]      = {early_bye,        LEG_REFUSED},
		[LEG_EV_TIMER]    = {ring_again,       LEG_RINGING}, /* or no_answer: give_up */
	},
	[LEG_ANSWERED] = {
		[LEG_EV_ANSWER]   = {ignore,           LEG_ANSWERED},
		[LEG_EV_CANCEL]   = {ignore,           LEG_ANSWERED},
		[LEG_EV_ACK]      = {confirm,          LEG_CONFIRMED},
		[LEG_EV_BYE]      = {bye_peer,         LEG_ENDED},
		[LEG_EV_HANGUP]   = {hang_up_later,    LEG_HANGING},
		[LEG_EV_REJECT]   = {hang_up_later,    LEG_HANGING},
		[LEG_EV_TIMER]    = {repeat_answer,    LEG_ANSWERED}, /* or no_ack: give_up */
		[LEG_EV_REFRESH_DUE] = {refresh_later, LEG_ANSWERED},
		[LEG_EV_EXPIRED]  = {expire_later,     LEG_HANGING},
		[LEG_EV_UNSENT]   = {unanswerable,     LEG_REFUSED},
		[LEG_EV_GONE]     = {gone_later,       LEG_HANGING},
	},
	[LEG_HANGING] = {
		[LEG_EV_ACK]      = {bye_after_ack,    LEG_ENDING},
		[LEG_EV_BYE]      = {finish,           LEG_ENDED},
		[LEG_EV_TIMER]    = {repeat_answer,    LEG_HANGING},
		[LEG_EV_HANGUP]   = {ignore,           LEG_HANGING},
		[LEG_EV_REJECT]   = {ignore,           LEG_HANGING},
		[LEG_EV_CANCEL]   = {ignore,           LEG_HANGING},
		[LEG_EV_SETTLED]  = {settle,           LEG_HANGING},
		[LEG_EV_ACK_WANTED] = {ignore,         LEG_HANGING},
	},
	[LEG_CONFIRMED] = {
		[LEG_EV_ACK]      = {ignore,           LEG_CONFIRMED},
		[LEG_EV_ANSWER]   = {ignore,           LEG_CONFIRMED},
		[LEG_EV_CANCEL]   = {ignore,           LEG_CONFIRMED},
		[LEG_EV_BYE]      = {bye_peer,         LEG_ENDED},
		[LEG_EV_HANGUP]   = {hang_up,          LEG_ENDING},
		[LEG_EV_REJECT]   = {hang_up,          LEG_ENDING},
		[LEG_EV_REFRESH]  = {answer,           LEG_REFRESHED},
		[LEG_EV_OFFER]    = {ask_change,       LEG_OFFERED},
		[LEG_EV_RENEW_DEAD] = {lost_peer,      LEG_ENDING},
		[LEG_EV_ACK_WANTED] = {ignore,         LEG_CONFIRMED},
		[LEG_EV_GONE]     = {gone,             LEG_ENDING},
		[LEG_EV_REFRESH_DUE] = {send_refresh,  LEG_CONFIRMED},
		[LEG_EV_EXPIRED]  = {expire,           LEG_ENDING},
	},
	[LEG_REFRESHED] = {
		[LEG_EV_ACK]      = {refreshed,        LEG_CONFIRMED},
		[LEG_EV_ANSWER]   = {ignore,           LEG_REFRESHED},
		[LEG_EV_CANCEL]   = {ignore,           LEG_REFRESHED},
		[LEG_EV_BYE]      = {bye_peer,         LEG_ENDED},
		[LEG_EV_HANGUP]   = {hang_up_later,    LEG_HANGING},
		[LEG_EV_REJECT]   = {hang_up_later,    LEG_HANGING},
		[LEG_EV_TIMER]    = {repeat_answer,    LEG_REFRESHED}, /* or no_ack: give_up */
		[LEG_EV_UNSENT]   = {refuse_refresh,   LEG_CONFIRMED},
		[LEG_EV_ACK_WANTED] = {ignore,         LEG_REFRESHED},
		[LEG_EV_GONE]     = {gone_later,       LEG_HANGING},
		[LEG_EV_REFRESH_DUE] = {refresh_later, LEG_REFRESHED},
		[LEG_EV_EXPIRED]  = {expire_later,     LEG_HANGING},
	},
	[LEG_ENDING] = {
		[LEG_EV_BYE_DONE] = {finish,           LEG_ENDED},
		[LEG_EV_TIMER]    = {finish,           LEG_ENDED},
		[LEG_EV_BYE]      = {ignore,           LEG_ENDING}, /* both at once */
		[LEG_EV_ACK]      = {ignore,           LEG_ENDING},
		[LEG_EV_HANGUP]   = {ignore,           LEG_ENDING},
		[LEG_EV_REJECT]   = {ignore,           LEG_ENDING},
		[LEG_EV_SETTLED]  = {settle,           LEG_ENDING},
		[LEG_EV_RESUME]   = {bye_again,        LEG_ENDING},
		[LEG_EV_ACK_WANTED] = {ignore,         LEG_ENDING},
	},
	[LEG_REFUSED] = {
		[LEG_EV_REFUSAL_DONE] = {finish,       LEG_ENDED},
		[LEG_EV_SETTLED]  = {settle,           LEG_REFUSED},
		[LEG_EV_TIMER]    = {tell_again,       LEG_REFUSED}, /* or finish: give_up */
		[LEG_EV_HANGUP]   = {ignore,           LEG_REFUSED},
		[LEG_EV_REJECT]   = {ignore,           LEG_REFUSED},
	},
	[LEG_ENDED] = {
		[LEG_EV_SETTLED]  = {forget,           LEG_ENDED},
		[LEG_EV_TIMER]    = {tell_again,       LEG_ENDED},
	},
	[LEG_DIALLING] = {
		[LEG_EV_TRYING]   = {ignore,           LEG_DIALLING},
		[LEG_EV_CHALLENGED] = {ignore,         LEG_DIALLING},
		[LEG_EV_PROGRESS] = {progress,         LEG_DIALLING},
		[LEG_EV_PICKED_UP] = {picked_up,       LEG_CONFIRMED},
		[LEG_EV_MISFIT]   = {misfit,           LEG_ENDING},
		[LEG_EV_DECLINED] = {declined,         LEG_ENDED},
		[LEG_EV_NOBODY]   = {unreachable,      LEG_ENDED},
		[LEG_EV_UNSENT]   = {undialled,        LEG_ENDED},
		[LEG_EV_HANGUP]   = {hang_up_dialling, LEG_CANCELLING},
		[LEG_EV_REJECT]   = {hang_up_dialling, LEG_CANCELLING},
		[LEG_EV_TIMER]    = {rang_out,         LEG_CANCELLING},
	},
	[LEG_CANCELLING] = {
		[LEG_EV_TRYING]   = {ignore,           LEG_CANCELLING},
		[LEG_EV_PROGRESS] = {prack_only,       LEG_CANCELLING},
		[LEG_EV_PICKED_UP] = {bye_after_ack,   LEG_ENDING},
		[LEG_EV_MISFIT]   = {bye_after_ack,    LEG_ENDING},
		[LEG_EV_DECLINED] = {finish,           LEG_ENDED},
		[LEG_EV_NOBODY]   = {finish,           LEG_ENDED},
		[LEG_EV_LAPSED]   = {finish,           LEG_ENDED},
		[LEG_EV_UNSENT]   = {finish,           LEG_ENDED},
		[LEG_EV_HANGUP]   = {ignore,           LEG_CANCELLING},
		[LEG_EV_REJECT]   = {ignore,           LEG_CANCELLING},
		[LEG_EV_SETTLED]  = {settle,           LEG_CANCELLING},
		[LEG_EV_TIMER]    = {tell_again,       LEG_CANCELLING}, /* or finish: give_up */
	},
	[LEG_OFFERED] = {
		[LEG_EV_ACCEPT]   = {accept_change,    LEG_REFRESHED},
		[LEG_EV_ACCEPT_UPDATE] = {accept_update, LEG_CONFIRMED},
		[LEG_EV_DECLINE]  = {decline_change,   LEG_CONFIRMED},
		[LEG_EV_TIMER]    = {wait_for_control, LEG_OFFERED}, /* or no_change: give_up */
		[LEG_EV_CANCEL]   = {cancel_change,    LEG_CONFIRMED},
		[LEG_EV_UNSENT]   = {no_change,        LEG_CONFIRMED}, /* its transaction is lost */
		[LEG_EV_BYE]      = {bye_offered,      LEG_ENDED},
		[LEG_EV_HANGUP]   = {hang_up_offered,  LEG_ENDING},
		[LEG_EV_REJECT]   = {hang_up_offered,  LEG_ENDING},
		[LEG_EV_ACK]      = {ignore,           LEG_OFFERED},
		[LEG_EV_ANSWER]   = {ignore,           LEG_OFFERED},
		[LEG_EV_ACK_WANTED] = {ignore,         LEG_OFFERED},
		[LEG_EV_GONE]     = {gone_offered,     LEG_ENDING},
		[LEG_EV_REFRESH_DUE] = {refresh_later, LEG_OFFERED},
		[LEG_EV_EXPIRED]  = {expire_offered,   LEG_ENDING},
	},
};
/* clang-format on */

/* LEG_EV_TIMER when give_up_ms has passed. */
static const struct rule give_up[LEG_STATES] = {
	[LEG_RINGING] = {no_answer, LEG_REFUSED},
	[LEG_ANSWERED] = {no_ack, LEG_ENDING},
	[LEG_REFRESHED] = {no_ack, LEG_ENDING},
	[LEG_HANGING] = {bye_after_ack, LEG_ENDING},
	[LEG_REFUSED] = {finish, LEG_ENDED},
	[LEG_CANCELLING] = {finish, LEG_ENDED},
	[LEG_OFFERED] = {no_change, LEG_CONFIRMED},
};

/* What an event is to the INVITE we send. */
static const uint8_t of_attempt[LEG_EVENTS] = {
	[LEG_EV_DIAL] = ATTEMPT_EV_DIAL,           [LEG_EV_TRYING] = ATTEMPT_EV_TRYING,
	[LEG_EV_PROGRESS] = ATTEMPT_EV_EARLY,      [LEG_EV_PICKED_UP] = ATTEMPT_EV_ANSWERED,
	[LEG_EV_MISFIT] = ATTEMPT_EV_ANSWERED,     [LEG_EV_ACK_WANTED] = ATTEMPT_EV_ANSWERED,
	[LEG_EV_DECLINED] = ATTEMPT_EV_OVER,       [LEG_EV_NOBODY] = ATTEMPT_EV_OVER,
	[LEG_EV_LAPSED] = ATTEMPT_EV_OVER,         [LEG_EV_UNSENT] = ATTEMPT_EV_OVER,
	[LEG_EV_HANGUP] = ATTEMPT_EV_CANCEL,       [LEG_EV_REJECT] = ATTEMPT_EV_CANCEL,
	[LEG_EV_TIMER] = ATTEMPT_EV_CANCEL,        [LEG_EV_CHALLENGED] = ATTEMPT_EV_AGAIN,
};

static void give_to_attempt(struct step *s, enum leg_event ev)
{
	struct attempt *a = &s->l->r.attempt;
	unsigned todo;

	s->heard = a->state != ATTEMPT_CALLING;
	todo = attempt_event(a, (enum attempt_event)of_attempt[ev]);
	if (todo & ATTEMPT_SEND_INVITE)
		emit(s, LEG_FX_SEND_INVITE);
	if (todo & ATTEMPT_SEND_CANCEL)
		emit(s, LEG_FX_SEND_CANCEL);
	if (todo & ATTEMPT_SEND_ACK)
		emit(s, LEG_FX_SEND_ACK);
}

/* What an event is to the re-INVITE we send. */
static const uint8_t of_renewal[LEG_EVENTS] = {
	[LEG_EV_RENEW] = RENEWAL_EV_WANTED,      [LEG_EV_RENEW_DUE] = RENEWAL_EV_DUE,
	[LEG_EV_RENEWED] = RENEWAL_EV_ANSWERED,  [LEG_EV_RENEW_OVER] = RENEWAL_EV_OVER,
	[LEG_EV_RENEW_LATER] = RENEWAL_EV_LATER, [LEG_EV_RENEW_AGAIN] = RENEWAL_EV_AGAIN,
	[LEG_EV_RENEW_DEAD] = RENEWAL_EV_OVER,   [LEG_EV_RENEW_ACK] = RENEWAL_EV_ACK_WANTED,
};

static void send_renewal(struct step *s, enum leg_event ev)
{
	if (ev == LEG_EV_RENEW_DUE)
		sip_auth_begin(&s->l->r.auth);
	s->l->r.renewal.at_ms = s->now_ms + LEG_RENEW_MS;
	emit(s, LEG_FX_RENEW);
}

/* False: it means nothing to it. */
static bool give_to_renewal(struct step *s, enum leg_event ev)
{
	struct renewal *n = &s->l->r.renewal;
	bool starts = ev == LEG_EV_RENEW && n->state == RENEWAL_NONE;
	unsigned todo;

	if (of_renewal[ev] == RENEWAL_EV_NONE || (starts && n->now.kind == RENEWAL_OF_NOTHING) ||
	    (ev == LEG_EV_RENEW_ACK && n->cseq == 0))
		return false;
	todo = renewal_event(n, (enum renewal_event)of_renewal[ev]);
	if (starts)
		n->at_ms = s->now_ms;
	if (todo & RENEWAL_SEND_INVITE)
		send_renewal(s, ev);
	if (todo & RENEWAL_SEND_CANCEL)
		emit(s, LEG_FX_RENEW_CANCEL);
	if (todo & RENEWAL_SEND_ACK)
		emit(s, LEG_FX_RENEW_ACK);
	if (!(todo & RENEWAL_TELL))
		return todo != 0;
	if (ev == LEG_EV_RENEWED && s->l->news)
		emit(s, LEG_FX_AGREED);
	if (n->now.number != 0)
		emit(s, LEG_FX_RENEWED);
	renewal_next(n, s->now_ms);
	return true;
}

bool leg_input(struct leg *l, enum leg_event ev, const struct leg_config *cfg,
	       uint64_t now_ms, struct leg_effects *out)
{
	struct step s = {.l = l, .cfg = cfg, .now_ms = now_ms, .out = out};
	const struct rule *r = &rules[l->r.state][ev];
	bool renewed;

	out->n = 0;
	if (ev == LEG_EV_TIMER && give_up[l->r.state].act != NULL &&
	    now_ms >= l->r.give_up_ms)
		r = &give_up[l->r.state];
	renewed = give_to_renewal(&s, ev);
	if (r->act == NULL) {
		l->unexpected += !renewed;
		l->dirty |= renewed;
		return renewed;
	}
	give_to_attempt(&s, ev);
	r->act(&s);
	l->r.state = (uint32_t)r->next;
	l->dirty = true;
	return true;
}

bool leg_has_session(const struct leg *l)
{
	return rules[l->r.state][LEG_EV_EXPIRED].act != NULL;
}

uint64_t leg_deadline_ms(const struct leg *l)
{
	uint64_t ms = leg_has_session(l) ? refresh_deadline_ms(&l->r.refresh) : UINT64_MAX;

	return ms < l->r.deadline_ms ? ms : l->r.deadline_ms;
}

enum leg_event leg_due(const struct leg *l, uint64_t now_ms)
{
	if (now_ms >= l->r.deadline_ms || !leg_has_session(l))
		return LEG_EV_TIMER;
	return refresh_due(&l->r.refresh, now_ms) == REFRESH_EXPIRED ? LEG_EV_EXPIRED : LEG_EV_REFRESH_DUE;
}

const char *leg_state_name(enum leg_state s)
{
	static const char *const names[LEG_STATES] = {
		"idle",      "routing",   "ringing", "answered", "hanging",
		"confirmed", "refreshed", "ending",  "refused",  "ended",
		"dialling",  "cancelling", "offered",
	};

	return names[s];
}

const char *leg_event_name(enum leg_event e)
{
	static const char *const names[LEG_EVENTS] = {
		"invite", "ring",    "answer",   "reject", "hangup",  "ack",    "bye",
		"cancel", "refresh", "bye_done", "unsent", "refusal_done", "settled", "resume",
		"timer", "dial", "trying", "progress", "picked_up", "misfit", "declined", "nobody",
		"lapsed", "ack_wanted", "challenged", "offer", "accept", "accept_update", "decline",
		"gone", "refresh_due", "expired",
		"renew", "renew_due", "renewed", "renew_over", "renew_later", "renew_again", "renew_dead",
		"renew_ack",
	};

	return names[e];
}
