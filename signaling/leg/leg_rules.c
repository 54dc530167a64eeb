/* leg_rules.c - what a leg does when. Actions append effects and never change the state. */
#include "common/base/must.h"
#include "signaling/leg/leg.h"

struct step {
	struct leg *l;
	const struct leg_config *cfg;
	uint64_t now_ms;
	struct leg_effects *out;
};

typedef void action_fn(struct step *s);

struct rule {
	action_fn *act;
	enum leg_state next;
};

static struct leg_fx *emit(struct step *s, enum leg_fx_kind kind)
{
	must(s->out->n < LEG_EFFECTS_MAX);
	s->out->v[s->out->n] = (struct leg_fx){.kind = kind, .reason = ""};
	return &s->out->v[s->out->n++];
}

static void deadline(struct step *s, uint64_t ms)
{
	s->l->r.deadline_ms = ms == UINT64_MAX ? UINT64_MAX : s->now_ms + ms;
}

static void over(struct step *s, enum leg_who who, uint32_t code, const char *reason)
{
	struct leg_fx *fx = emit(s, LEG_FX_OVER);

	fx->who = who;
	fx->code = code;
	fx->reason = reason;
}

static void respond(struct step *s, uint32_t code)
{
	emit(s, LEG_FX_RESPOND)->code = code;
}

static void finish(struct step *s)
{
	deadline(s, UINT64_MAX);
	emit(s, LEG_FX_FREE);
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

static void ring(struct step *s)
{
	respond(s, s->l->ring_code);
	emit(s, LEG_FX_RINGING);
	deadline(s, 10 * (uint64_t)s->cfg->answer_timeout_ms); /* ringing may take its time */
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
	respond(s, s->l->wish.code);
	over(s, LEG_BY_BACKEND, s->l->wish.code, "rejected");
	finish(s);
}

static void hang_up_early(struct step *s)
{
	respond(s, 480);
	over(s, LEG_BY_BACKEND, 480, "hung up before the answer");
	finish(s);
}

static void cancelled(struct step *s)
{
	respond(s, 487);
	over(s, LEG_BY_CALLER, 487, "cancelled");
	finish(s);
}

static void no_answer(struct step *s)
{
	respond(s, 480);
	over(s, LEG_BY_SYSTEM, 480, "nobody answered");
	finish(s);
}

static void early_bye(struct step *s)
{
	respond(s, 487);
	over(s, LEG_BY_CALLER, 487, "ended before the answer");
	finish(s);
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

/* clang-format off */
static const struct rule rules[LEG_STATES][LEG_EVENTS] = {
	[LEG_IDLE] = {
		[LEG_EV_INVITE]   = {ask_control,      LEG_ROUTING},
	},
	[LEG_ROUTING] = {
		[LEG_EV_RING]     = {ring,             LEG_RINGING},
		[LEG_EV_ANSWER]   = {answer,           LEG_ANSWERED},
		[LEG_EV_REJECT]   = {refuse_as_wished, LEG_ENDED},
		[LEG_EV_HANGUP]   = {hang_up_early,    LEG_ENDED},
		[LEG_EV_CANCEL]   = {cancelled,        LEG_ENDED},
		[LEG_EV_BYE]      = {early_bye,        LEG_ENDED},
		[LEG_EV_TIMER]    = {no_answer,        LEG_ENDED},
	},
	[LEG_RINGING] = {
		[LEG_EV_RING]     = {ring,             LEG_RINGING},
		[LEG_EV_ANSWER]   = {answer,           LEG_ANSWERED},
		[LEG_EV_REJECT]   = {refuse_as_wished, LEG_ENDED},
		[LEG_EV_HANGUP]   = {hang_up_early,    LEG_ENDED},
		[LEG_EV_CANCEL]   = {cancelled,        LEG_ENDED},
		[LEG_EV_BYE]      = {early_bye,        LEG_ENDED},
		[LEG_EV_TIMER]    = {no_answer,        LEG_ENDED},
	},
	[LEG_ANSWERED] = {
		[LEG_EV_ANSWER]   = {ignore,           LEG_ANSWERED},
		[LEG_EV_CANCEL]   = {ignore,           LEG_ANSWERED},
		[LEG_EV_ACK]      = {confirm,          LEG_CONFIRMED},
		[LEG_EV_BYE]      = {bye_peer,         LEG_ENDED},
		[LEG_EV_HANGUP]   = {hang_up_later,    LEG_HANGING},
		[LEG_EV_REJECT]   = {hang_up_later,    LEG_HANGING},
		[LEG_EV_TIMER]    = {repeat_answer,    LEG_ANSWERED}, /* or no_ack: leg_input() */
	},
	[LEG_HANGING] = {
		[LEG_EV_ACK]      = {bye_after_ack,    LEG_ENDING},
		[LEG_EV_BYE]      = {finish,           LEG_ENDED},
		[LEG_EV_TIMER]    = {repeat_answer,    LEG_HANGING},
		[LEG_EV_HANGUP]   = {ignore,           LEG_HANGING},
		[LEG_EV_REJECT]   = {ignore,           LEG_HANGING},
		[LEG_EV_CANCEL]   = {ignore,           LEG_HANGING},
	},
	[LEG_CONFIRMED] = {
		[LEG_EV_ACK]      = {ignore,           LEG_CONFIRMED},
		[LEG_EV_ANSWER]   = {ignore,           LEG_CONFIRMED},
		[LEG_EV_CANCEL]   = {ignore,           LEG_CONFIRMED},
		[LEG_EV_BYE]      = {bye_peer,         LEG_ENDED},
		[LEG_EV_HANGUP]   = {hang_up,          LEG_ENDING},
		[LEG_EV_REJECT]   = {hang_up,          LEG_ENDING},
	},
	[LEG_ENDING] = {
		[LEG_EV_BYE_DONE] = {finish,           LEG_ENDED},
		[LEG_EV_TIMER]    = {finish,           LEG_ENDED},
		[LEG_EV_BYE]      = {ignore,           LEG_ENDING}, /* both at once */
		[LEG_EV_ACK]      = {ignore,           LEG_ENDING},
		[LEG_EV_HANGUP]   = {ignore,           LEG_ENDING},
		[LEG_EV_REJECT]   = {ignore,           LEG_ENDING},
	},
};
/* clang-format on */

static const struct rule give_up[LEG_STATES] = {
	[LEG_ANSWERED] = {no_ack, LEG_ENDING},
	[LEG_HANGING] = {bye_after_ack, LEG_ENDING},
};

bool leg_input(struct leg *l, enum leg_event ev, const struct leg_config *cfg, uint64_t now_ms, struct leg_effects *out)
{
	struct step s = {l, cfg, now_ms, out};
	const struct rule *r = &rules[l->r.state][ev];

	out->n = 0;
	if (ev == LEG_EV_TIMER && give_up[l->r.state].act != NULL && now_ms >= l->r.give_up_ms)
		r = &give_up[l->r.state];
	if (r->act == NULL) {
		l->unexpected++;
		return false;
	}
	r->act(&s);
	l->r.state = (uint32_t)r->next;
	l->dirty = true;
	return true;
}

const char *leg_state_name(enum leg_state s)
{
	static const char *const names[LEG_STATES] = {
		"idle", "routing", "ringing", "answered", "hanging", "confirmed", "ending", "ended",
	};

	return names[s];
}

const char *leg_event_name(enum leg_event e)
{
	static const char *const names[LEG_EVENTS] = {
		"invite", "ring", "answer", "reject", "hangup", "ack", "bye", "cancel", "bye_done", "timer",
	};

	return names[e];
}
