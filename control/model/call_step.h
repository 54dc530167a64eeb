/* call_step.h - private to the table of calls: call.c (the table, inbound calls) over call_dial.c (outbound calls) and call_change.c (changes in mid-call) over call_step.c (what both
 * do). An action appends effects and never changes the state: it may say which one is next. */
#pragma once

#include "common/base/must.h"
#include "control/model/call.h"

struct step {
	struct call *c;
	const struct call_world *w;
	struct call_effects *out;
	enum call_state next; /* from the table; an action that decides may set another */
};

typedef void action_fn(struct step *s);

struct rule {
	action_fn *act;
	enum call_state next;
};

static inline struct call_fx *emit(struct step *s, enum call_fx_kind kind)
{
	must(s->out->n < CALL_EFFECTS_MAX);
	s->out->v[s->out->n] = (struct call_fx){.kind = kind, .reason = ""};
	return &s->out->v[s->out->n++];
}

static inline void deadline(struct step *s, uint64_t ms)
{
	s->c->deadline_ms = ms == UINT64_MAX ? UINT64_MAX : s->w->now_ms + ms;
}

/* ---- call_step.c ---- */

bool step_owner_is_here(const struct step *s);
void step_release(struct step *s);          /* the backend's place */
void step_tell_leg(struct step *s);         /* to end, as was decided */
void step_tell_session(struct step *s);
void step_lose_lease(struct step *s);       /* to an owner that did not ask for the end */
void step_finish(struct step *s);
void step_finish_when_done(struct step *s);
void step_close(struct step *s);            /* CALL_CLOSING from here on */
void step_hang_up(struct step *s);
void step_refuse(struct step *s, uint32_t code, const char *reason, uint32_t retry_s);
void step_update_when_older(struct step *s);
void step_start(struct step *s);            /* ask media for the tape */

/* ---- call_dial.c ---- */

void dial_now(struct step *s);
void dial_again(struct step *s);
void dial_begun(struct step *s);
void dial_refused(struct step *s);
void dial_unanswered(struct step *s);
void dial_cancel(struct step *s);
void dial_owner_lost(struct step *s);
void dial_progress(struct step *s);
void dial_picked_up(struct step *s);
void dial_facts(struct step *s);
void dial_early(struct step *s);
void dial_early_again(struct step *s);
void dial_early_ready(struct step *s);
void dial_tell_ready(struct step *s);
void dial_connect(struct step *s);
void dial_connect_again(struct step *s);
void dial_connected(struct step *s);
void dial_owner_back(struct step *s);
void dial_late(struct step *s);
bool dial_is_given_up(const struct step *s);
void dial_gone(struct step *s);
void dial_leg_again(struct step *s);

/* ---- call_change.c ---- */

enum change_said {
	CHANGE_GOES_ON, /* the event is for the table, too */
	CHANGE_DONE
};

enum change_said change_input(struct step *s, enum call_event ev);
void change_look(struct step *s); /* behind every event: is the call on hold now? */

/* ---- call_renew.c ---- */

bool renew_may_begin(const struct call *c);
enum change_said renew_input(struct step *s, enum call_event ev);
