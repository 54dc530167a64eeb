/* leg_acts.c - see leg_step.h: what every leg does. */
#include "signaling/leg/change.h"
#include "signaling/leg/late.h"
#include "signaling/leg/leg_step.h"

#define RING_AGAIN_MS 60000u /* RFC 3261 13.3.1.1: proxies give up without it */

void act_over(struct step *s, enum leg_who who, uint32_t code, const char *reason)
{
	struct leg_end *end = &s->l->r.over;

	*end = (struct leg_end){.owed = 1, .who = who, .code = code, .at_ms = s->now_ms};
	end->outcome = leg_is_ours(s->l) ? LEG_OUT_ANSWERED : LEG_OUT_NONE;
	(void)!str_copy(end->reason, sizeof end->reason, str_of(reason));
	emit(s, LEG_FX_OVER);
}

/* Of an attempt: it was not answered. */
void act_failed(struct step *s, enum leg_who who, uint32_t code, enum leg_outcome outcome)
{
	static const char *const reasons[LEG_OUTCOMES] = {
		[LEG_OUT_NO_ANSWER] = "nobody picked up",
		[LEG_OUT_UNREACHABLE] = "nobody answered at all",
		[LEG_OUT_CANCELLED] = "hung up before the answer",
		[LEG_OUT_MEDIA_REFUSED] = "the answer can not be used",
		[LEG_OUT_ERROR] = "the INVITE can not go on",
	};

	act_over(s, who, code, reasons[outcome]);
	s->l->r.over.outcome = (uint32_t)outcome;
}

void act_respond(struct step *s, uint32_t code)
{
	emit(s, LEG_FX_RESPOND)->code = code;
}

/* The peer has what it needs; control may not know yet. */
void act_finish(struct step *s)
{
	if (s->l->r.over.owed) {
		deadline(s, LEG_TELL_AGAIN_MS);
		return;
	}
	deadline(s, UINT64_MAX);
	emit(s, LEG_FX_FREE);
}

/* The record has the refusal until the peer acknowledged it (timer H at the latest). */
static void refuse(struct step *s, uint32_t code, enum leg_who who, const char *reason)
{
	act_respond(s, code);
	act_over(s, who, code, reason);
	s->l->r.give_up_ms = s->now_ms + SIP_TIMEOUT_MS + SIP_T4_MS;
	deadline(s, LEG_TELL_AGAIN_MS);
}

/* ---- actions ---- */

void act_ignore(struct step *s)
{
	(void)s;
}

void act_ask_control(struct step *s)
{
	emit(s, LEG_FX_INCOMING);
	deadline(s, s->cfg->answer_timeout_ms);
}

static void wait_ringing(struct step *s)
{
	uint64_t left = s->l->r.give_up_ms - s->now_ms;

	deadline(s, left < RING_AGAIN_MS ? left : RING_AGAIN_MS);
}

void act_ring(struct step *s)
{
	if (!leg_rings_in_silence(&s->l->r))
		act_respond(s, s->l->ring_code);
	emit(s, LEG_FX_RINGING);
	s->l->r.give_up_ms =
		s->now_ms +
		10 * (uint64_t)s->cfg->answer_timeout_ms; /* ringing may take its time */
	wait_ringing(s);
}

void act_ring_again(struct step *s)
{
	if (!leg_rings_in_silence(&s->l->r))
		emit(s, LEG_FX_REPEAT);
	wait_ringing(s);
}

void act_answer(struct step *s)
{
	act_respond(s, 200);
	s->l->r.interval_ms = SIP_T1_MS;
	s->l->r.give_up_ms = s->now_ms + SIP_TIMEOUT_MS;
	deadline(s, SIP_T1_MS);
}

void act_refuse_as_wished(struct step *s)
{
	refuse(s, s->l->wish.code, LEG_BY_BACKEND, "rejected");
}

void act_hang_up_early(struct step *s)
{
	refuse(s, 480, LEG_BY_BACKEND, "hung up before the answer");
}

void act_cancelled(struct step *s)
{
	refuse(s, 487, LEG_BY_CALLER, "cancelled");
}

void act_no_answer(struct step *s)
{
	refuse(s, 480, LEG_BY_SYSTEM, "nobody answered");
}

void act_early_bye(struct step *s)
{
	refuse(s, 487, LEG_BY_CALLER, "ended before the answer");
	s->l->r.over.q850 = s->l->bye_q850;
}

void act_confirm(struct step *s)
{
	emit(s, LEG_FX_CONFIRMED);
	deadline(s, UINT64_MAX);
}

/* RFC 3261 13.3.1.4: repeat until the ACK, after 32 s end the dialog. */
void act_repeat_answer(struct step *s)
{
	struct leg_record *r = &s->l->r;

	emit(s, LEG_FX_REPEAT);
	r->interval_ms = 2 * r->interval_ms < SIP_T2_MS ? 2 * r->interval_ms : SIP_T2_MS;
	deadline(s, r->interval_ms);
}

/* The ACK of a refresh; control knows of none. */
void act_refreshed(struct step *s)
{
	deadline(s, UINT64_MAX);
}

/* RFC 3261 14.2: the session stays what it was. */
void act_refuse_refresh(struct step *s)
{
	s->l->r.late.stage = 0; /* nothing of ours is out */
	act_respond(s, 500);
	deadline(s, UINT64_MAX);
}

void act_unanswerable(struct step *s)
{
	refuse(s, 500, LEG_BY_SYSTEM, "the answer can not be made");
}

void act_bye_peer(struct step *s)
{
	act_over(s, LEG_BY_CALLER, 200, "hung up");
	s->l->r.over.q850 = s->l->bye_q850;
	act_finish(s);
}

void act_hang_up(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	act_over(s, LEG_BY_BACKEND, 200, "hung up");
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS); /* the transaction ends it earlier */
}

void act_hang_up_later(struct step *s)
{
	act_over(s, LEG_BY_BACKEND, 200, "hung up");
}

void act_bye_after_ack(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

void act_no_ack(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	act_over(s, LEG_BY_SYSTEM, 408, "no ACK");
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

/* Whether the BYE of a predecessor arrived is not known; to the peer that had it this one
 * is a 481. */
void act_bye_again(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}

void act_tell_again(struct step *s)
{
	if (s->l->r.over.owed)
		emit(s, LEG_FX_OVER);
	deadline(s, LEG_TELL_AGAIN_MS);
}

void act_settle(struct step *s)
{
	s->l->r.over.owed = 0;
}

void act_forget(struct step *s)
{
	act_settle(s);
	act_finish(s);
}

/* RFC 3262 3: 64*T1 without a PRACK. */
void act_no_prack(struct step *s)
{
	refuse(s, 504, LEG_BY_SYSTEM, "no PRACK");
}

/* Of a re-INVITE of ours: the peer knows of no dialog, or is not there. */
void act_lost_peer(struct step *s)
{
	emit(s, LEG_FX_SEND_BYE);
	act_over(s, LEG_BY_SYSTEM, 408, "the peer does not answer");
	deadline(s, SIP_TIMEOUT_MS + SIP_T4_MS);
}
