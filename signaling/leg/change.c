/* change.c - see change.h */
#include "signaling/leg/change.h"

#include "signaling/leg/leg_parts.h"
#include "signaling/leg/renew.h"
#include "signaling/sip/body.h"

static struct leg_refusal refusal(uint32_t code)
{
	return (struct leg_refusal){.code = code, .fit = SDP_FITS};
}

static struct str offer_in(const struct sip_effect *request)
{
	return sip_body_part(sip_value(request->msg, SIP_CONTENT_TYPE), request->msg->body,
			     STR("application/sdp"));
}

/* May an offer come now? RFC 3261 14.2, RFC 3311 5.2. */
static uint32_t fault_of_time(const struct leg *l)
{
	switch ((enum leg_state)l->r.state) {
	case LEG_CONFIRMED:
		return leg_renewal_is_out(&l->r) ? 491 : 0;
	case LEG_ANSWERED:
	case LEG_REFRESHED:
	case LEG_HANGING:
	case LEG_DIALLING: /* ours has no answer yet, or one in a provisional */
		return 491; /* the last 2xx has no ACK yet */
	case LEG_ROUTING:
	case LEG_RINGING:
	case LEG_OFFERED:
		return 500; /* the last offer of theirs has no answer yet */
	case LEG_IDLE:
	case LEG_CANCELLING:
	case LEG_ENDING:
	case LEG_REFUSED:
	case LEG_ENDED:
	case LEG_REDIRECTED:
	case LEG_STATES:
		break;
	}
	return 481;
}

/* ---- the offer ---- */

/* Would there be an answer that fits a response? Asked before control is. */
static bool is_answerable(const struct leg_record *r, const struct sdp *offer,
			  const struct sdp_choice *c)
{
	char area[SIP_RESPONSE_BYTES / 2];
	struct buf b = buf_of(area, sizeof area);
	struct sdp_origin o = leg_origin(r);

	o.version = UINT64_MAX;
	return sdp_answer(&b, offer, c, &o) == 0;
}

static void keep_offer(struct leg_record *r, struct str text)
{
	memcpy(r->offer, text.p, text.n);
	r->offer_bytes = (uint32_t)text.n;
	r->dialled.ours = r->late.ours = r->renewal.ours = 0;
}

/* Waits from here on; the target is the peer's when it is accepted (RFC 3261 12.2.2). */
static bool put_aside(struct leg_record *r, const struct sip_effect *request,
		      struct str text, const struct sdp_choice *choice)
{
	struct leg_change *c = &r->change;
	char target[SIP_DIALOG_URI_BYTES];
	int err;

	memcpy(target, r->dialog.target, sizeof target);
	err = sip_dialog_refresh(&r->dialog, request->msg, request->core);
	memcpy(r->change_target, r->dialog.target, sizeof r->change_target);
	memcpy(r->dialog.target, target, sizeof target);
	if (err != 0)
		return false;
	c->offered = leg_next_generation(r);
	r->change_choice = *choice;
	memcpy(r->change_offer, text.p, text.n);
	r->change_bytes = (uint32_t)text.n;
	return true;
}

static struct leg_refusal take_offer(struct leg *l, const struct leg_config *cfg,
				     const struct sip_effect *request, bool *ret_waits)
{
	struct leg_codecs codecs = leg_codecs_taken(&l->r);
	struct sdp_wants w = {.families = cfg->families,
			      .codecs = codecs.v,
			      .count = codecs.count,
			      .now = &l->r.choice,
			      .direction = l->r.renewal.holds ? SDP_SENDONLY : SDP_SENDRECV};
	struct str text = offer_in(request);
	struct leg_record *r = &l->r;
	struct sdp_choice choice;
	struct sdp offer;
	enum sdp_fit fit;

	if (text.n == 0 || text.n > sizeof r->offer || sdp_parse(text, &offer) != 0)
		return refusal(488);
	fit = sdp_choose(&offer, &w, &choice);
	if (fit != SDP_FITS)
		return (struct leg_refusal){.code = 488, .fit = fit};
	if (!is_answerable(r, &offer, &choice))
		return refusal(488);
	*ret_waits = !leg_choice_eq(&choice, &r->choice);
	if (*ret_waits)
		return refusal(put_aside(r, request, text, &choice) ? 0 : 488);
	if (sip_dialog_refresh(&r->dialog, request->msg, request->core) != 0)
		return refusal(488);
	r->choice = choice;
	keep_offer(r, text);
	return refusal(0);
}

struct leg_refusal leg_offer_early(struct leg *l, const struct leg_config *cfg,
			     const struct sip_effect *request)
{
	struct leg_change before = l->r.change;
	bool waits = false;
	struct leg_refusal why = take_offer(l, cfg, request, &waits);

	if (why.code != 0)
		return why;
	if (waits) {
		l->r.change = before;
		return refusal(488);
	}
	l->r.reliable.renewed = 1;
	return why;
}

static bool may_offer_early(const struct leg *l)
{
	return l->r.state == LEG_RINGING && l->r.reliable.agreed && !l->r.reliable.out.waits;
}

static void begin(struct leg *l, const struct sip_effect *request, bool update)
{
	struct leg_change *c = &l->r.change;

	c->update = update;
	c->cseq = request->core->cseq.number;
	c->code = 0;
}

/* The answer to the offer of ours is in the ACK: until then nothing changes but the target. */
static struct leg_refusal owe_offer(struct leg *l, const struct sip_effect *request)
{
	if (sip_dialog_refresh(&l->r.dialog, request->msg, request->core) != 0)
		return refusal(400);
	l->r.late.stage = LEG_LATE_OWED;
	return refusal(0);
}

struct leg_refusal leg_reinvite(struct leg *l, const struct leg_config *cfg,
				const struct sip_effect *request, enum leg_todo *ret_todo)
{
	struct leg_refusal why = refusal(fault_of_time(l));
	bool waits = false;

	if (why.code == 0)
		why = refusal(refresh_asked(&l->r.refresh, &cfg->refresh, request->msg));
	if (why.code == 0)
		why = leg_wants_offer(request->msg) ? owe_offer(l, request)
						    : take_offer(l, cfg, request, &waits);
	if (why.code != 0)
		return why;
	*ret_todo = waits ? LEG_ASK : LEG_REFRESH_NOW;
	l->txn = request->txn;
	if (waits)
		begin(l, request, false);
	else
		l->r.invite_cseq = request->core->cseq.number;
	return why;
}

/* ---- UPDATE ---- */

/* RFC 3311 5.2: the target alone. */
static struct leg_refusal refresh_target(struct leg *l, const struct sip_effect *request)
{
	if (l->r.state == LEG_ENDING || l->r.state == LEG_CANCELLING || l->r.state == LEG_REDIRECTED)
		return refusal(481);
	return refusal(sip_dialog_refresh(&l->r.dialog, request->msg, request->core) == 0
			       ? 0
			       : 400);
}

struct leg_refusal leg_update(struct leg *l, const struct leg_config *cfg,
			      const struct sip_effect *request, enum leg_todo *ret_todo)
{
	bool offers = request->msg->body.n > 0, early = may_offer_early(l), waits = false;
	struct leg_refusal why = refusal(offers && !early ? fault_of_time(l) : 0);

	if (why.code == 0 && leg_has_session(l))
		why = refusal(refresh_asked(&l->r.refresh, &cfg->refresh, request->msg));
	if (why.code == 0 && !offers)
		why = refresh_target(l, request);
	else if (why.code == 0)
		why = early ? leg_offer_early(l, cfg, request) : take_offer(l, cfg, request, &waits);
	if (why.code != 0)
		return why;
	*ret_todo = waits ? LEG_ASK : LEG_UPDATE_NOW;
	if (l->r.state == LEG_OFFERED)
		return why; /* what waits is remembered, not this */
	begin(l, request, true);
	l->update = request->txn;
	l->r.change.answers = offers;
	if (!waits)
		l->r.change.code = 200;
	return why;
}

bool leg_is_same_update(const struct leg *l, const struct sip_effect *request)
{
	const struct leg_change *c = &l->r.change;

	return request->msg->method == SIP_M_UPDATE && c->update &&
	       c->cseq == request->core->cseq.number && c->cseq == l->r.dialog.remote_cseq;
}

/* ---- how it ends ---- */

void leg_change_take(struct leg *l)
{
	struct leg_record *r = &l->r;

	memcpy(r->dialog.target, r->change_target, sizeof r->dialog.target);
	keep_offer(r, (struct str){r->change_offer, r->change_bytes});
	r->choice = r->change_choice;
	leg_set_generation(r, r->change.offered);
	if (!r->change.update)
		r->invite_cseq = r->change.cseq;
}

void leg_change_withdraw(struct leg *l)
{
	leg_set_generation(&l->r, ++l->r.change.offered);
}

bool leg_change_is_sound(const struct leg_record *r)
{
	struct sdp offer;

	return r->change.offered > leg_generation(r) && r->change_bytes <= sizeof r->change_offer &&
	       r->change_target[0] != '\0' &&
	       sdp_parse((struct str){r->change_offer, r->change_bytes}, &offer) == 0 &&
	       sdp_choice_is_sound(&r->change_choice, &offer);
}
