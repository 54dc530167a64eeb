/* leg_acts_ours.c - see leg_step.h: what a leg of ours does; what the INVITE needs is the attempt's. */
#include "signaling/leg/leg_parts.h"
#include "signaling/leg/leg_step.h"

void act_dialled(struct step *s)
{
	emit(s, LEG_FX_DIALLED);
}

/* The deadline is the ringing's, set by leg_dial(). */
void act_progress(struct step *s)
{
	if (s->l->prack != 0)
		emit(s, LEG_FX_SEND_PRACK);
	if (s->l->news)
		emit(s, LEG_FX_PROGRESS);
}

/* Control has its end; the far side still counts on a PRACK. */
void act_prack_only(struct step *s)
{
	if (s->l->prack != 0)
		emit(s, LEG_FX_SEND_PRACK);
}

void act_picked_up(struct step *s)
{
	emit(s, LEG_FX_PICKED_UP);
	s->l->r.dialled.picked_up = 1;
	deadline(s, UINT64_MAX);
}

void act_misfit(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	act_failed(s, LEG_BY_SYSTEM, 200, LEG_OUT_MEDIA_REFUSED);
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

void act_declined(struct step *s)
{
	struct leg *l = s->l;

	act_over(s, LEG_BY_CALLER, l->said.code, "");
	l->r.over.outcome = (uint32_t)outcome_of(l->said.code);
	l->r.over.q850 = l->said_q850;
	memcpy(l->r.over.reason, l->said.reason, sizeof l->r.over.reason - 1);
	act_finish(s);
}

void act_unreachable(struct step *s)
{
	act_failed(s, LEG_BY_SYSTEM, 408, LEG_OUT_UNREACHABLE);
	act_finish(s);
}

void act_undialled(struct step *s)
{
	act_failed(s, LEG_BY_SYSTEM, 500, LEG_OUT_ERROR);
	act_finish(s);
}

/* Told now: what is left is between the peer and the transaction, which ends it within
 * 64*T1 for a provisional and 64*T1 behind the CANCEL. */
static void cancel(struct step *s)
{
	s->l->r.give_up_ms = s->now_ms + LEG_CANCELLING_MS;
	deadline(s, LEG_TELL_AGAIN_MS);
}

void act_hang_up_dialling(struct step *s)
{
	act_failed(s, LEG_BY_BACKEND, 487, LEG_OUT_CANCELLED);
	cancel(s);
}

/* Nobody can say that it rang where nothing was heard. */
void act_rang_out(struct step *s)
{
	bool heard = s->heard;

	act_failed(s, LEG_BY_SYSTEM, 487, heard ? LEG_OUT_NO_ANSWER : LEG_OUT_UNREACHABLE);
	cancel(s);
}

/* ---- sent elsewhere ---- */

void act_wait_for_word(struct step *s)
{
	uint64_t left = s->l->r.give_up_ms - s->now_ms;

	emit(s, LEG_FX_REDIRECTED);
	deadline(s, left < LEG_TELL_AGAIN_MS ? left : LEG_TELL_AGAIN_MS);
}

/* As long as it may ring, all hops together. */
void act_ask_redirect(struct step *s)
{
	s->l->r.give_up_ms = s->l->r.deadline_ms > s->now_ms ? s->l->r.deadline_ms : s->now_ms;
	act_wait_for_word(s);
}

void act_follow(struct step *s)
{
	s->l->r.deadline_ms = s->l->r.give_up_ms;
}

void act_not_followed(struct step *s)
{
	leg_redirect_said(s->l);
	act_declined(s);
}

void act_hang_up_redirected(struct step *s)
{
	act_failed(s, LEG_BY_BACKEND, 487, LEG_OUT_CANCELLED);
	act_finish(s);
}
