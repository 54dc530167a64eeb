/* call_step.c - see call_step.h */
#include "control/model/call_step.h"

bool step_owner_is_here(const struct step *s)
{
	return backend_is_here(s->w->backends, str_of(s->c->backend));
}

void step_release(struct step *s)
{
	struct backend *b = backend_find_app(s->w->backends, str_of(s->c->backend), str_of(s->c->app));

	if (s->c->holds_place && b != NULL && b->used > 0)
		b->used--;
	s->c->holds_place = false;
}

void step_finish(struct step *s)
{
	transfer_look(s, CALL_CLOSING);
	if (s->c->lease_lost_due)
		emit(s, CALL_FX_LEASE_LOST)->reason = s->c->end_reason;
	step_release(s);
	emit(s, CALL_FX_ENDED);
	emit(s, CALL_FX_FREE);
	deadline(s, UINT64_MAX);
}

/* Both sides are over, and whoever should hear of it can. */
void step_finish_when_done(struct step *s)
{
	struct call *c = s->c;

	if (!c->leg_over || c->has_session)
		return;
	if (s->w->now_ms >= c->not_before_ms)
		step_finish(s);
	else
		c->deadline_ms = c->not_before_ms;
}

void step_tell_leg(struct step *s)
{
	struct call *c = s->c;
	struct call_fx *fx;

	if (c->leg_over || c->leg_end == CALL_LEG_STAYS || (c->outbound && c->leg_id == 0))
		return; /* a leg that was asked for and is not known yet hears of it when it is */
	fx = emit(s, c->leg_end == CALL_LEG_REJECT ? CALL_FX_LEG_REJECT : CALL_FX_LEG_HANGUP);
	fx->code = c->sip_code >= 300 ? c->sip_code : 503;
	fx->reason = c->end_reason;
	fx->retry_s = c->retry_s;
}

void step_tell_session(struct step *s)
{
	if (s->c->has_session)
		emit(s, CALL_FX_SESSION_CLOSE);
}

/* To an owner that did not ask for the end. One that is not there hears it when it is back. */
void step_lose_lease(struct step *s)
{
	if (s->c->owned && step_owner_is_here(s))
		emit(s, CALL_FX_LEASE_LOST)->reason = s->c->end_reason;
	else
		s->c->lease_lost_due = s->c->owned;
}

void step_close(struct step *s)
{
	if (!s->c->answered) /* and nobody told why it never will be */
		call_set_outcome(s->c, CALL_OUTCOME_ERROR);
	step_tell_leg(s); /* first: an owner that has heard of the end does not ask for it again */
	if (s->c->command[0] != '\0')
		emit(s, CALL_FX_FAIL)->reason = s->c->outbound ? s->c->end_reason : "the call ended";
	step_tell_session(s);
	s->next = CALL_CLOSING;
	deadline(s, CALL_CLOSE_MS);
	step_finish_when_done(s);
}

void step_hang_up(struct step *s)
{
	s->c->leg_end = CALL_LEG_HANGUP;
	step_close(s);
}

void step_refuse(struct step *s, uint32_t code, const char *reason, uint32_t retry_s)
{
	call_set_reason(s->c, CALL_BY_SYSTEM, s->c->answered ? 200 : code, reason);
	s->c->retry_s = s->c->sip_code == 503 ? retry_s : 0;
	s->c->leg_end = s->c->answered || s->c->outbound ? CALL_LEG_HANGUP : CALL_LEG_REJECT;
	step_close(s);
}

/* A worker that was replaced before it could write down the last of it. */
void step_update_when_older(struct step *s)
{
	if (s->c->media_generation < s->c->generation)
		emit(s, CALL_FX_SESSION_UPDATE);
}

/* The one who asked for it must be there to hear where the tape is: CALL_EV_BACKEND_BACK or CALL_EV_BACKEND_LOST comes, maybe to our
 * successor, which then has to know what was asked. */
void step_start(struct step *s)
{
	if (step_owner_is_here(s)) {
		emit(s, CALL_FX_SESSION_START);
		deadline(s, CALL_REQUEST_MS);
	}
	emit(s, CALL_FX_ANNOTATE);
}
