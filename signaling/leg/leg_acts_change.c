/* leg_acts_change.c - see leg_step.h: what happens in mid-call. */
#include "signaling/leg/change.h"
#include "signaling/leg/leg_step.h"

#define OFFER_MS 30000u /* of the 64*T1 that a peer waits for the answer to an UPDATE */

/* ---- what the peer wants to change ---- */

void act_wait_for_control(struct step *s)
{
	uint64_t left = s->l->r.give_up_ms - s->now_ms;

	emit(s, LEG_FX_OFFER);
	deadline(s, left < LEG_TELL_AGAIN_MS ? left : LEG_TELL_AGAIN_MS);
}

void act_ask_change(struct step *s)
{
	s->l->r.give_up_ms = s->now_ms + OFFER_MS;
	act_wait_for_control(s);
}

/* To the request whose offer waits. */
static void refuse_change(struct step *s, uint32_t code)
{
	struct leg_change *c = &s->l->r.change;

	if (!c->update) {
		act_respond(s, code);
		return;
	}
	c->code = code;
	emit(s, LEG_FX_UPDATED)->code = code;
}

void act_accept_change(struct step *s)
{
	leg_change_take(s->l);
	act_answer(s);
}

void act_accept_update(struct step *s)
{
	leg_change_take(s->l);
	s->l->r.change.code = 200;
	emit(s, LEG_FX_UPDATED)->code = 200;
	deadline(s, UINT64_MAX);
}

void act_decline_change(struct step *s)
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

void act_cancel_change(struct step *s)
{
	withdraw(s, 487);
}

/* RFC 3261 14.2: it may be tried again. */
void act_no_change(struct step *s)
{
	withdraw(s, 500);
}

/* ---- the session timer ---- */

void act_send_refresh(struct step *s)
{
	refresh_sent(&s->l->r.refresh);
	emit(s, LEG_FX_SEND_REFRESH);
}

/* What is under way is a refresh itself, or soon over. */
void act_refresh_later(struct step *s)
{
	refresh_defer(&s->l->r.refresh, s->now_ms);
}

void act_expire_later(struct step *s)
{
	act_over(s, LEG_BY_SYSTEM, 408, "session timer expired");
	s->l->r.over.q850 = 102;
}

void act_expire(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	act_expire_later(s);
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

void act_expire_offered(struct step *s)
{
	refuse_change(s, 487);
	act_expire(s);
}

void act_bye_offered(struct step *s)
{
	refuse_change(s, 487);
	act_bye_peer(s);
}

void act_hang_up_offered(struct step *s)
{
	refuse_change(s, 487);
	act_hang_up(s);
}

/* ---- the system ends it ---- */

void act_gone(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	act_over(s, LEG_BY_SYSTEM, s->l->said.code, s->l->said.reason);
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

void act_gone_later(struct step *s)
{
	act_over(s, LEG_BY_SYSTEM, s->l->said.code, s->l->said.reason);
}

void act_gone_offered(struct step *s)
{
	refuse_change(s, 487);
	act_gone(s);
}

/* ---- offers of ours in a 2xx ---- */

void act_confirm_agreed(struct step *s)
{
	emit(s, LEG_FX_AGREED);
	act_confirm(s);
}

/* RFC 3261 13.2.2.4: there is a dialog, and nothing to do in it. */
void act_unusable_ack(struct step *s)
{
	(void)!str_copy(s->l->wish.reason, sizeof s->l->wish.reason, STR("no usable answer in the ACK"));
	emit(s, LEG_FX_SEND_BYE);
	act_over(s, LEG_BY_SYSTEM, 488, "no usable answer in the ACK");
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

void act_changed_by_ack(struct step *s)
{
	emit(s, LEG_FX_AGREED);
	deadline(s, UINT64_MAX);
}
