/* leg_step.h - private to the table of legs: leg_rules.c over leg_machines.c (the machines beside the life
 * of the leg) and the actions of leg_acts_ours.c (calls of ours) and leg_acts_change.c (in mid-call) over
 * leg_acts.c (all legs). Actions append effects and never change the state. */
#pragma once

#include "common/base/must.h"
#include "signaling/leg/leg.h"

#define LEG_TELL_AGAIN_MS 2000u

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

static inline struct leg_fx *emit(struct step *s, enum leg_fx_kind kind)
{
	must(s->out->n < LEG_EFFECTS_MAX);
	s->out->v[s->out->n] = (struct leg_fx){.kind = kind};
	return &s->out->v[s->out->n++];
}

static inline void deadline(struct step *s, uint64_t ms)
{
	s->l->r.deadline_ms = ms == UINT64_MAX ? UINT64_MAX : s->now_ms + ms;
}

/* ---- leg_acts.c ---- */

void act_failed(struct step *s, enum leg_who who, uint32_t code, enum leg_outcome outcome);
void act_over(struct step *s, enum leg_who who, uint32_t code, const char *reason);
void act_respond(struct step *s, uint32_t code);
action_fn act_finish;
action_fn act_ignore;
action_fn act_ask_control;
action_fn act_ring;
action_fn act_ring_again;
action_fn act_answer;
action_fn act_refuse_as_wished;
action_fn act_hang_up_early;
action_fn act_cancelled;
action_fn act_no_answer;
action_fn act_early_bye;
action_fn act_confirm;
action_fn act_repeat_answer;
action_fn act_refreshed;
action_fn act_refuse_refresh;
action_fn act_unanswerable;
action_fn act_bye_peer;
action_fn act_hang_up;
action_fn act_hang_up_later;
action_fn act_bye_after_ack;
action_fn act_no_ack;
action_fn act_bye_again;
action_fn act_tell_again;
action_fn act_settle;
action_fn act_forget;
action_fn act_no_prack;
action_fn act_lost_peer;

/* ---- leg_acts_ours.c ---- */

action_fn act_dialled;
action_fn act_progress;
action_fn act_prack_only;
action_fn act_picked_up;
action_fn act_misfit;
action_fn act_declined;
action_fn act_unreachable;
action_fn act_undialled;
action_fn act_hang_up_dialling;
action_fn act_rang_out;
action_fn act_wait_for_word;
action_fn act_ask_redirect;
action_fn act_follow;
action_fn act_not_followed;
action_fn act_hang_up_redirected;

/* ---- leg_acts_change.c ---- */

action_fn act_wait_for_control;
action_fn act_ask_change;
action_fn act_accept_change;
action_fn act_accept_update;
action_fn act_decline_change;
action_fn act_cancel_change;
action_fn act_no_change;
action_fn act_send_refresh;
action_fn act_refresh_later;
action_fn act_expire_later;
action_fn act_expire;
action_fn act_expire_offered;
action_fn act_bye_offered;
action_fn act_hang_up_offered;
action_fn act_gone;
action_fn act_gone_later;
action_fn act_gone_offered;
action_fn act_confirm_agreed;
action_fn act_unusable_ack;
action_fn act_changed_by_ack;

/* ---- leg_machines.c ---- */

/* To the INVITE we send. */
void step_to_attempt(struct step *s, enum leg_event ev);
/* To the provisionals of the INVITE we serve; false: there is nothing in it for the leg. `*ev` may become another one. */
bool step_to_reliable(struct step *s, enum leg_event *ev);
/* The INVITE we served has its final response. */
void step_end_reliable(struct step *s);
/* To the re-INVITE we send; false: it means nothing to it. */
bool step_to_renewal(struct step *s, enum leg_event ev);

/* Of an INVITE we serve. */
static inline bool step_is_unanswered(enum leg_state state)
{
	return state == LEG_ROUTING || state == LEG_RINGING;
}
