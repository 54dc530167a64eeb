/* leg_rules.c - what a leg does when. */
#include "signaling/leg/leg_step.h"
#include "signaling/leg/refresh.h"

/* clang-format off */
static const struct rule rules[LEG_STATES][LEG_EVENTS] = {
	[LEG_IDLE] = {
		[LEG_EV_INVITE]   = {act_ask_control,      LEG_ROUTING},
		[LEG_EV_DIAL]     = {act_dialled,          LEG_DIALLING},
	},
	[LEG_ROUTING] = {
		[LEG_EV_RING]     = {act_ring,             LEG_RINGING},
		[LEG_EV_ANSWER]   = {act_answer,           LEG_ANSWERED},
		[LEG_EV_REJECT]   = {act_refuse_as_wished, LEG_REFUSED},
		[LEG_EV_HANGUP]   = {act_hang_up_early,    LEG_REFUSED},
		[LEG_EV_CANCEL]   = {act_cancelled,        LEG_REFUSED},
		[LEG_EV_BYE]      = {act_early_bye,        LEG_REFUSED},
		[LEG_EV_TIMER]    = {act_no_answer,        LEG_REFUSED},
	},
	[LEG_RINGING] = {
		[LEG_EV_RING]     = {act_ring,             LEG_RINGING},
		[LEG_EV_ANSWER]   = {act_answer,           LEG_ANSWERED},
		[LEG_EV_REJECT]   = {act_refuse_as_wished, LEG_REFUSED},
		[LEG_EV_HANGUP]   = {act_hang_up_early,    LEG_REFUSED},
		[LEG_EV_CANCEL]   = {act_cancelled,        LEG_REFUSED},
		[LEG_EV_BYE]      = {act_early_bye,        LEG_REFUSED},
		[LEG_EV_TIMER]    = {act_ring_again,       LEG_RINGING}, /* or no_answer: give_up */
		[LEG_EV_PRACK]    = {act_ignore,           LEG_RINGING},
		[LEG_EV_UNPRACKED] = {act_no_prack,        LEG_REFUSED},
	},
	[LEG_ANSWERED] = {
		[LEG_EV_ANSWER]   = {act_ignore,           LEG_ANSWERED},
		[LEG_EV_CANCEL]   = {act_ignore,           LEG_ANSWERED},
		[LEG_EV_ACK]      = {act_confirm,          LEG_CONFIRMED},
		[LEG_EV_ACK_AGREED] = {act_confirm_agreed, LEG_CONFIRMED},
		[LEG_EV_ACK_MISFIT] = {act_unusable_ack,   LEG_ENDING},
		[LEG_EV_BYE]      = {act_bye_peer,         LEG_ENDED},
		[LEG_EV_HANGUP]   = {act_hang_up_later,    LEG_HANGING},
		[LEG_EV_REJECT]   = {act_hang_up_later,    LEG_HANGING},
		[LEG_EV_TIMER]    = {act_repeat_answer,    LEG_ANSWERED}, /* or no_ack: give_up */
		[LEG_EV_REFRESH_DUE] = {act_refresh_later, LEG_ANSWERED},
		[LEG_EV_EXPIRED]  = {act_expire_later,     LEG_HANGING},
		[LEG_EV_UNSENT]   = {act_unanswerable,     LEG_REFUSED},
		[LEG_EV_GONE]     = {act_gone_later,       LEG_HANGING},
	},
	[LEG_HANGING] = {
		[LEG_EV_ACK]      = {act_bye_after_ack,    LEG_ENDING},
		[LEG_EV_BYE]      = {act_finish,           LEG_ENDED},
		[LEG_EV_TIMER]    = {act_repeat_answer,    LEG_HANGING},
		[LEG_EV_HANGUP]   = {act_ignore,           LEG_HANGING},
		[LEG_EV_REJECT]   = {act_ignore,           LEG_HANGING},
		[LEG_EV_CANCEL]   = {act_ignore,           LEG_HANGING},
		[LEG_EV_SETTLED]  = {act_settle,           LEG_HANGING},
		[LEG_EV_ACK_WANTED] = {act_ignore,         LEG_HANGING},
	},
	[LEG_CONFIRMED] = {
		[LEG_EV_ACK]      = {act_ignore,           LEG_CONFIRMED},
		[LEG_EV_ANSWER]   = {act_ignore,           LEG_CONFIRMED},
		[LEG_EV_CANCEL]   = {act_ignore,           LEG_CONFIRMED},
		[LEG_EV_BYE]      = {act_bye_peer,         LEG_ENDED},
		[LEG_EV_HANGUP]   = {act_hang_up,          LEG_ENDING},
		[LEG_EV_REJECT]   = {act_hang_up,          LEG_ENDING},
		[LEG_EV_REFRESH]  = {act_answer,           LEG_REFRESHED},
		[LEG_EV_OFFER]    = {act_ask_change,       LEG_OFFERED},
		[LEG_EV_RENEW_DEAD] = {act_lost_peer,      LEG_ENDING},
		[LEG_EV_ACK_WANTED] = {act_ignore,         LEG_CONFIRMED},
		[LEG_EV_GONE]     = {act_gone,             LEG_ENDING},
		[LEG_EV_REFRESH_DUE] = {act_send_refresh,  LEG_CONFIRMED},
		[LEG_EV_EXPIRED]  = {act_expire,           LEG_ENDING},
	},
	[LEG_REFRESHED] = {
		[LEG_EV_ACK]      = {act_refreshed,        LEG_CONFIRMED},
		[LEG_EV_ACK_AGREED] = {act_changed_by_ack, LEG_CONFIRMED},
		[LEG_EV_ANSWER]   = {act_ignore,           LEG_REFRESHED},
		[LEG_EV_CANCEL]   = {act_ignore,           LEG_REFRESHED},
		[LEG_EV_BYE]      = {act_bye_peer,         LEG_ENDED},
		[LEG_EV_HANGUP]   = {act_hang_up_later,    LEG_HANGING},
		[LEG_EV_REJECT]   = {act_hang_up_later,    LEG_HANGING},
		[LEG_EV_TIMER]    = {act_repeat_answer,    LEG_REFRESHED}, /* or no_ack: give_up */
		[LEG_EV_UNSENT]   = {act_refuse_refresh,   LEG_CONFIRMED},
		[LEG_EV_ACK_WANTED] = {act_ignore,         LEG_REFRESHED},
		[LEG_EV_GONE]     = {act_gone_later,       LEG_HANGING},
		[LEG_EV_REFRESH_DUE] = {act_refresh_later, LEG_REFRESHED},
		[LEG_EV_EXPIRED]  = {act_expire_later,     LEG_HANGING},
	},
	[LEG_ENDING] = {
		[LEG_EV_BYE_DONE] = {act_finish,           LEG_ENDED},
		[LEG_EV_TIMER]    = {act_finish,           LEG_ENDED},
		[LEG_EV_BYE]      = {act_ignore,           LEG_ENDING}, /* both at once */
		[LEG_EV_ACK]      = {act_ignore,           LEG_ENDING},
		[LEG_EV_HANGUP]   = {act_ignore,           LEG_ENDING},
		[LEG_EV_REJECT]   = {act_ignore,           LEG_ENDING},
		[LEG_EV_SETTLED]  = {act_settle,           LEG_ENDING},
		[LEG_EV_RESUME]   = {act_bye_again,        LEG_ENDING},
		[LEG_EV_ACK_WANTED] = {act_ignore,         LEG_ENDING},
	},
	[LEG_REFUSED] = {
		[LEG_EV_REFUSAL_DONE] = {act_finish,       LEG_ENDED},
		[LEG_EV_SETTLED]  = {act_settle,           LEG_REFUSED},
		[LEG_EV_TIMER]    = {act_tell_again,       LEG_REFUSED}, /* or finish: give_up */
		[LEG_EV_HANGUP]   = {act_ignore,           LEG_REFUSED},
		[LEG_EV_REJECT]   = {act_ignore,           LEG_REFUSED},
	},
	[LEG_ENDED] = {
		[LEG_EV_SETTLED]  = {act_forget,           LEG_ENDED},
		[LEG_EV_TIMER]    = {act_tell_again,       LEG_ENDED},
	},
	[LEG_DIALLING] = {
		[LEG_EV_TRYING]   = {act_ignore,           LEG_DIALLING},
		[LEG_EV_CHALLENGED] = {act_ignore,         LEG_DIALLING},
		[LEG_EV_PROGRESS] = {act_progress,         LEG_DIALLING},
		[LEG_EV_PICKED_UP] = {act_picked_up,       LEG_CONFIRMED},
		[LEG_EV_MISFIT]   = {act_misfit,           LEG_ENDING},
		[LEG_EV_DECLINED] = {act_declined,         LEG_ENDED},
		[LEG_EV_REDIRECTED] = {act_ask_redirect,   LEG_REDIRECTED},
		[LEG_EV_NOBODY]   = {act_unreachable,      LEG_ENDED},
		[LEG_EV_UNSENT]   = {act_undialled,        LEG_ENDED},
		[LEG_EV_HANGUP]   = {act_hang_up_dialling, LEG_CANCELLING},
		[LEG_EV_REJECT]   = {act_hang_up_dialling, LEG_CANCELLING},
		[LEG_EV_TIMER]    = {act_rang_out,         LEG_CANCELLING},
	},
	[LEG_CANCELLING] = {
		[LEG_EV_TRYING]   = {act_ignore,           LEG_CANCELLING},
		[LEG_EV_PROGRESS] = {act_prack_only,       LEG_CANCELLING},
		[LEG_EV_PICKED_UP] = {act_bye_after_ack,   LEG_ENDING},
		[LEG_EV_MISFIT]   = {act_bye_after_ack,    LEG_ENDING},
		[LEG_EV_DECLINED] = {act_finish,           LEG_ENDED},
		[LEG_EV_NOBODY]   = {act_finish,           LEG_ENDED},
		[LEG_EV_LAPSED]   = {act_finish,           LEG_ENDED},
		[LEG_EV_UNSENT]   = {act_finish,           LEG_ENDED},
		[LEG_EV_HANGUP]   = {act_ignore,           LEG_CANCELLING},
		[LEG_EV_REJECT]   = {act_ignore,           LEG_CANCELLING},
		[LEG_EV_SETTLED]  = {act_settle,           LEG_CANCELLING},
		[LEG_EV_TIMER]    = {act_tell_again,       LEG_CANCELLING}, /* or finish: give_up */
	},
	[LEG_OFFERED] = {
		[LEG_EV_ACCEPT]   = {act_accept_change,    LEG_REFRESHED},
		[LEG_EV_ACCEPT_UPDATE] = {act_accept_update, LEG_CONFIRMED},
		[LEG_EV_DECLINE]  = {act_decline_change,   LEG_CONFIRMED},
		[LEG_EV_TIMER]    = {act_wait_for_control, LEG_OFFERED}, /* or no_change: give_up */
		[LEG_EV_CANCEL]   = {act_cancel_change,    LEG_CONFIRMED},
		[LEG_EV_UNSENT]   = {act_no_change,        LEG_CONFIRMED}, /* its transaction is lost */
		[LEG_EV_BYE]      = {act_bye_offered,      LEG_ENDED},
		[LEG_EV_HANGUP]   = {act_hang_up_offered,  LEG_ENDING},
		[LEG_EV_REJECT]   = {act_hang_up_offered,  LEG_ENDING},
		[LEG_EV_ACK]      = {act_ignore,           LEG_OFFERED},
		[LEG_EV_ANSWER]   = {act_ignore,           LEG_OFFERED},
		[LEG_EV_ACK_WANTED] = {act_ignore,         LEG_OFFERED},
		[LEG_EV_GONE]     = {act_gone_offered,     LEG_ENDING},
		[LEG_EV_REFRESH_DUE] = {act_refresh_later, LEG_OFFERED},
		[LEG_EV_EXPIRED]  = {act_expire_offered,   LEG_ENDING},
	},
	[LEG_REDIRECTED] = {
		[LEG_EV_FOLLOW]    = {act_follow,             LEG_DIALLING},
		[LEG_EV_NO_FOLLOW] = {act_not_followed,       LEG_ENDED},
		[LEG_EV_HANGUP]    = {act_hang_up_redirected, LEG_ENDED},
		[LEG_EV_REJECT]    = {act_hang_up_redirected, LEG_ENDED},
		[LEG_EV_TIMER]     = {act_wait_for_word,      LEG_REDIRECTED}, /* or not_followed: give_up */
	},
};
/* clang-format on */

/* LEG_EV_TIMER when give_up_ms has passed. */
static const struct rule give_up[LEG_STATES] = {
	[LEG_RINGING] = {act_no_answer, LEG_REFUSED},
	[LEG_ANSWERED] = {act_no_ack, LEG_ENDING},
	[LEG_REFRESHED] = {act_no_ack, LEG_ENDING},
	[LEG_HANGING] = {act_bye_after_ack, LEG_ENDING},
	[LEG_REFUSED] = {act_finish, LEG_ENDED},
	[LEG_CANCELLING] = {act_finish, LEG_ENDED},
	[LEG_OFFERED] = {act_no_change, LEG_CONFIRMED},
	[LEG_REDIRECTED] = {act_not_followed, LEG_ENDED},
};

bool leg_input(struct leg *l, enum leg_event ev, const struct leg_config *cfg,
	       uint64_t now_ms, struct leg_effects *out)
{
	struct step s = {.l = l, .cfg = cfg, .now_ms = now_ms, .out = out};
	enum leg_state before = (enum leg_state)l->r.state;
	const struct rule *r;
	bool renewed;

	out->n = 0;
	if (rules[before][ev].act != NULL && !step_to_reliable(&s, &ev)) {
		l->dirty = true;
		return true;
	}
	r = &rules[before][ev];
	if (ev == LEG_EV_TIMER && give_up[l->r.state].act != NULL &&
	    now_ms >= l->r.give_up_ms)
		r = &give_up[l->r.state];
	renewed = step_to_renewal(&s, ev);
	if (r->act == NULL) {
		l->unexpected += !renewed;
		l->dirty |= renewed;
		return renewed;
	}
	step_to_attempt(&s, ev);
	r->act(&s);
	l->r.state = (uint32_t)r->next;
	if (step_is_unanswered(before) && !step_is_unanswered(r->next))
		step_end_reliable(&s);
	l->dirty = true;
	return true;
}

uint64_t leg_deadline_ms(const struct leg *l)
{
	uint64_t ms = leg_has_session(l) ? refresh_deadline_ms(&l->r.refresh)
					 : sip_rel100_deadline(&l->r.reliable.out);

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
		"dialling",  "cancelling", "offered", "redirected",
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
		"prack", "unpracked",
		"ack_agreed", "ack_misfit", "redirected", "follow", "no_follow",
		"renew", "renew_due", "renewed", "renew_over", "renew_later", "renew_again", "renew_dead",
		"renew_ack",
	};

	return names[e];
}
