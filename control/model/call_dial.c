/* call_dial.c - what only outbound calls do: dialling, what the peer says before it answers, its answer. */
#include "control/model/call_step.h"

/* The session is open: its port is in the offer. */
void dial_now(struct step *s)
{
	s->next = CALL_DIALLING;
	s->c->leg_over = false;
	dial_again(s);
}

void dial_again(struct step *s)
{
	emit(s, CALL_FX_LEG_DIAL);
	deadline(s, CALL_DIAL_MS);
}

void dial_begun(struct step *s)
{
	emit(s, CALL_FX_ANNOTATE);
	deadline(s, UINT64_MAX); /* signaling watches the peer */
}

void dial_refused(struct step *s)
{
	s->c->leg_over = true;
	step_lose_lease(s);
	step_close(s);
}

/* A leg that it has all the same says so later, and is ended then. */
void dial_unanswered(struct step *s)
{
	step_lose_lease(s);
	step_refuse(s, 503, "signaling did not answer", 0);
}

/* By its owner, who has said why. */
void dial_cancel(struct step *s)
{
	call_set_outcome(s->c, CALL_OUTCOME_CANCELLED);
	s->c->sip_code = 487;
	step_hang_up(s);
}

void dial_owner_lost(struct step *s)
{
	step_release(s);
	call_set_reason(s->c, CALL_BY_SYSTEM, 487, "backend lost");
	call_set_outcome(s->c, CALL_OUTCOME_CANCELLED);
	step_hang_up(s);
}

/* True: something new was negotiated. */
static bool take_facts(struct call *c)
{
	struct addr towards = c->media.towards;

	if (c->heard.generation <= c->generation)
		return false;
	c->media = c->heard.media;
	c->media.towards = towards;
	c->generation = c->heard.generation;
	return true;
}

/* Said again by a signaling that was replaced, it is no news. */
void dial_progress(struct step *s)
{
	struct call *c = s->c;
	bool fresh = take_facts(c);

	if (fresh)
		emit(s, CALL_FX_SESSION_UPDATE);
	if (!fresh && c->heard.code == c->ring_code)
		return;
	c->ring_code = c->heard.code;
	emit(s, CALL_FX_RINGING);
	emit(s, CALL_FX_ANNOTATE);
}

static bool media_follows(const struct call *c)
{
	return c->generation > 0 && c->media_generation >= c->generation;
}

/* Media can run: now, when it is wanted before the answer. */
void dial_early(struct step *s)
{
	if (s->c->early_media && !s->c->started && step_owner_is_here(s))
		emit(s, CALL_FX_SESSION_START);
}

void dial_early_again(struct step *s)
{
	step_update_when_older(s);
	if (media_follows(s->c))
		dial_early(s);
}

void dial_early_ready(struct step *s)
{
	emit(s, CALL_FX_MEDIA_READY);
	emit(s, CALL_FX_ANNOTATE);
}

void dial_tell_ready(struct step *s)
{
	if (s->c->started)
		emit(s, CALL_FX_MEDIA_READY);
	else if (media_follows(s->c))
		dial_early(s);
}

/* Whatever is missing before its owner can speak. */
void dial_connect(struct step *s)
{
	if (s->c->started && media_follows(s->c)) { /* early media goes on */
		s->next = CALL_ANSWERED;
		emit(s, CALL_FX_ANNOTATE);
		deadline(s, UINT64_MAX);
	} else if (media_follows(s->c) && !step_owner_is_here(s)) {
		deadline(s, UINT64_MAX); /* CALL_EV_BACKEND_BACK or CALL_EV_BACKEND_LOST comes */
	} else if (media_follows(s->c)) {
		step_start(s);
	}
}

void dial_connect_again(struct step *s)
{
	step_update_when_older(s);
	dial_connect(s);
}

void dial_picked_up(struct step *s)
{
	struct call *c = s->c;

	call_set_outcome(c, CALL_OUTCOME_ANSWERED);
	c->answered = true;
	emit(s, CALL_FX_ANSWERED);
	emit(s, CALL_FX_COMPLETE);
	deadline(s, CALL_REQUEST_MS);
	if (take_facts(c)) {
		emit(s, CALL_FX_SESSION_UPDATE);
		emit(s, CALL_FX_ANNOTATE);
	} else if (media_follows(c)) {
		emit(s, CALL_FX_ANNOTATE);
		dial_connect(s);
	} else {
		step_update_when_older(s);
		emit(s, CALL_FX_ANNOTATE);
	}
}

/* Negotiated anew, or said again. */
void dial_facts(struct step *s)
{
	if (!take_facts(s->c))
		return;
	emit(s, CALL_FX_SESSION_UPDATE);
	emit(s, CALL_FX_ANNOTATE);
}

void dial_connected(struct step *s)
{
	emit(s, CALL_FX_MEDIA_READY);
	emit(s, CALL_FX_ANNOTATE);
	deadline(s, UINT64_MAX);
}

void dial_owner_back(struct step *s)
{
	emit(s, CALL_FX_COMPLETE);
	dial_connect(s);
}

/* ---- CALL_CLOSING ---- */

/* It was asked for before the end was decided. */
void dial_late(struct step *s)
{
	step_tell_leg(s);
}

bool dial_is_given_up(const struct step *s)
{
	const struct call *c = s->c;

	return c->outbound && c->leg_id == 0 && !c->has_session && c->closing_tries >= CALL_LATE_TRIES;
}

void dial_gone(struct step *s)
{
	s->c->leg_over = true;
	step_finish_when_done(s);
}

/* All legs of a signaling that was replaced are known: one that was asked for and is not among them never was. */
void dial_leg_again(struct step *s)
{
	if (s->c->outbound && s->c->leg_id == 0)
		dial_gone(s);
	else
		step_tell_leg(s);
}
