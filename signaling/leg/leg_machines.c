/* leg_machines.c - see leg_step.h: what an event is to the machines beside the life of the leg. */
#include "signaling/leg/late.h"
#include "signaling/leg/leg_step.h"
#include "signaling/leg/lines.h"
#include "signaling/leg/renew.h"

/* What an event is to the INVITE we send. */
static const uint8_t of_attempt[LEG_EVENTS] = {
	[LEG_EV_DIAL] = ATTEMPT_EV_DIAL,           [LEG_EV_TRYING] = ATTEMPT_EV_TRYING,
	[LEG_EV_PROGRESS] = ATTEMPT_EV_EARLY,      [LEG_EV_PICKED_UP] = ATTEMPT_EV_ANSWERED,
	[LEG_EV_MISFIT] = ATTEMPT_EV_ANSWERED,     [LEG_EV_ACK_WANTED] = ATTEMPT_EV_ANSWERED,
	[LEG_EV_DECLINED] = ATTEMPT_EV_OVER,       [LEG_EV_NOBODY] = ATTEMPT_EV_OVER,
	[LEG_EV_LAPSED] = ATTEMPT_EV_OVER,         [LEG_EV_UNSENT] = ATTEMPT_EV_OVER,
	[LEG_EV_HANGUP] = ATTEMPT_EV_CANCEL,       [LEG_EV_REJECT] = ATTEMPT_EV_CANCEL,
	[LEG_EV_TIMER] = ATTEMPT_EV_CANCEL,        [LEG_EV_CHALLENGED] = ATTEMPT_EV_AGAIN,
	[LEG_EV_REDIRECTED] = ATTEMPT_EV_OVER,     [LEG_EV_FOLLOW] = ATTEMPT_EV_AGAIN,
};

void step_to_attempt(struct step *s, enum leg_event ev)
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

/* ---- what of it the provisionals to the INVITE we serve let pass ---- */

static enum reliable_do tell_reliable(struct step *s, enum reliable_event ev)
{
	static const struct map_key any = {0, 0};
	struct leg_record *r = &s->l->r;
	uint64_t chance = map_hash(&any, r->dialog.local_tag,
				   strnlen(r->dialog.local_tag, sizeof r->dialog.local_tag));

	return reliable_event(&r->reliable, ev, r->invite_cseq, chance, s->now_ms);
}

/* False: that was all. */
static bool tick_reliable(struct step *s, enum leg_event *ev)
{
	struct leg_record *r = &s->l->r;
	bool waits = r->reliable.out.waits != 0;

	switch (sip_rel100_tick(&r->reliable.out, s->now_ms)) {
	case SIP_REL100_RESEND:
		emit(s, LEG_FX_REPEAT);
		return false;
	case SIP_REL100_GIVE_UP:
		*ev = LEG_EV_UNPRACKED;
		return true;
	case SIP_REL100_NOTHING:
		break;
	}
	return !waits || s->now_ms >= r->deadline_ms;
}

static void ring_as_sent(struct leg *l)
{
	const struct reliable *r = &l->r.reliable;

	if (r->caller == RELIABLE_UNKNOWN)
		return;
	l->ring_code = r->sent.code;
	l->ring_described = r->sent.described != 0;
}

/* False: there is nothing in it for the leg. `*ev` may become another one. */
bool step_to_reliable(struct step *s, enum leg_event *ev)
{
	struct leg *l = s->l;
	enum reliable_do todo = RELIABLE_GO_ON;

	if (!step_is_unanswered((enum leg_state)l->r.state))
		return true;
	if (*ev == LEG_EV_TIMER)
		return tick_reliable(s, ev);
	if (*ev == LEG_EV_RING && leg_rings_in_silence(&l->r)) {
		leg_lines_drop(&l->r, LEG_LINES_RING);
		return true;
	}
	if (*ev == LEG_EV_RING) {
		if (l->r.reliable.state != RELIABLE_ANSWER_WAITS)
			l->r.reliable.wish = (struct reliable_wish){l->ring_code, l->ring_described};
		todo = tell_reliable(s, RELIABLE_EV_RING);
		if (todo == RELIABLE_HOLD && l->r.reliable.state != RELIABLE_RING_WAITS)
			leg_lines_drop(&l->r, LEG_LINES_RING); /* of one that is not sent again */
	} else if (*ev == LEG_EV_ANSWER) {
		todo = tell_reliable(s, RELIABLE_EV_ANSWER);
	} else if (*ev == LEG_EV_PRACK) {
		todo = tell_reliable(s, RELIABLE_EV_PRACK);
	}
	if (todo == RELIABLE_RING) {
		*ev = LEG_EV_RING;
		ring_as_sent(l);
	} else if (todo == RELIABLE_ANSWER) {
		*ev = LEG_EV_ANSWER;
	}
	return todo != RELIABLE_HOLD;
}

void step_end_reliable(struct step *s)
{
	(void)tell_reliable(s, RELIABLE_EV_OVER);
}

/* ---- re-INVITEs of ours ---- */

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
bool step_to_renewal(struct step *s, enum leg_event ev)
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
