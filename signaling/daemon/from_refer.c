/* from_refer.c - see from_refer.h */
#include "signaling/daemon/from_refer.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "signaling/daemon/ask_effects.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/serve_effects.h"
#include "signaling/daemon/to_bus.h"
#include "signaling/leg/refer.h"
#include "signaling/sip/uses.h"

/* ---- what follows from any of it ---- */

static void arm(struct signaling *s, struct leg *l)
{
	uint64_t at_ms = refer_deadline_ms(l);

	l->refer_timer.owner = l;
	if (at_ms == UINT64_MAX)
		wheel_cancel(&s->wheel, &l->refer_timer);
	else
		wheel_arm(&s->wheel, &l->refer_timer, at_ms);
}

/* Kept in the same record as what it is about. */
static void notify(struct signaling *s, struct leg *l)
{
	char lines[REFER_LINES_BYTES], body[256];
	struct buf h = buf_of(lines, sizeof lines), b = buf_of(body, sizeof body);
	int err;

	refer_print_notify(l, s->actor->now_ms, &h, &b);
	refer_notify_begins(l);
	err = asks_send(s, l, &(struct ask_request){.kind = ASK_NOTIFY,
						    .token = l->r.refer.in_id,
						    .lines = buf_str(&h),
						    .type = STR("message/sipfrag;version=2.0"),
						    .body = buf_str(&b)});
	if (err == 0)
		return;
	log_warn("leg.notify", "leg=%" PRIx64 " reason=%s", pool_handle(&s->legs, l), err_name(err));
	refer_notify_ends(l, 503);
}

static void go_on(struct signaling *s, struct leg *l)
{
	if (refer_wants_notify(l))
		notify(s, l);
	arm(s, l);
	legs_save(s, l);
}

/* ---- the peer ---- */

static void accepted(struct signaling *s, struct leg *l, uint64_t txn)
{
	char area[256];
	struct buf b = buf_of(area, sizeof area);

	buf_z(&b, "Contact: <sip:");
	addr_print(&b, &l->r.local);
	buf_z(&b, ">\r\n");
	if (l->r.refer.in_quiet)
		buf_z(&b, "Refer-Sub: false\r\n");
	serve_answer(s, txn, &(struct sip_reply){.code = 202, .headers = buf_str(&b)});
}

void from_refer_request(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	uint32_t code = refer_take(l, e->msg, e->core->cseq.number, s->actor->now_ms);

	legs_save(s, l);
	if (code != 0) {
		serve_refuse(s, e, (struct leg_refusal){.code = code, .fit = SDP_FITS});
		return;
	}
	log_debug("leg.referred", "leg=%" PRIx64 " sip_call_id=%s", pool_handle(&s->legs, l),
		  l->r.dialog.call_id);
	accepted(s, l, e->txn);
	go_on(s, l);
	to_bus_referred(s, l);
}

static void tell_when(struct signaling *s, struct leg *l, bool news)
{
	arm(s, l);
	legs_save(s, l);
	if (news)
		to_bus_transfer(s, l);
}

/* Answered when it can not be lost any more. */
void from_refer_notify(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	bool news = false;
	uint32_t code = refer_notified(l, e->msg, s->actor->now_ms, &news);

	tell_when(s, l, news);
	if (code == 200)
		serve_answer(s, e->txn, &(struct sip_reply){.code = 200});
	else
		serve_refuse(s, e, (struct leg_refusal){.code = code, .fit = SDP_FITS});
}

bool from_refer_again(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	if (refer_is_same(l, e)) {
		accepted(s, l, e->txn);
		return true;
	}
	if (e->msg->method != SIP_M_NOTIFY || e->core->cseq.number != l->r.dialog.remote_cseq)
		return false;
	from_refer_notify(s, l, e);
	return true;
}

/* ---- an INVITE that replaces ---- */

static uint32_t fault_of_replaced(const struct leg *l, bool early_only)
{
	uint32_t state = l->r.state;

	if (state == LEG_CONFIRMED || state == LEG_REFRESHED || state == LEG_OFFERED)
		return early_only ? 486 : 0;
	if (state == LEG_DIALLING) /* an early dialog that we began: RFC 3891 3 */
		return 0;
	return state == LEG_ENDING || state == LEG_HANGING ? 603 : 481;
}

uint32_t from_refer_replaces(struct signaling *s, const struct sip_effect *e, struct leg **ret)
{
	struct sip_core wanted = {.has_via = false};
	struct sip_replaces r;

	*ret = NULL;
	if (!sip_has(e->msg, SIP_REPLACES))
		return 0;
	if (sip_fault_in(e->msg, SIP_BIT(REPLACES)) != NULL ||
	    sip_replaces_parse(sip_value(e->msg, SIP_REPLACES), &r) != 0)
		return 400;
	wanted.call_id = r.call_id;
	wanted.to.tag = r.to_tag;
	wanted.from.tag = r.from_tag;
	*ret = legs_find(s, &wanted);
	return *ret != NULL ? fault_of_replaced(*ret, r.early_only) : 481;
}

/* ---- what became of requests of ours ---- */

void from_refer_asked(const struct ask_done *d)
{
	const struct sip_msg *m = d->heard != NULL ? d->heard->msg : NULL;

	tell_when(d->s, d->l, refer_answered(d->l, d->code, m, d->s->actor->now_ms));
}

void from_refer_notified(const struct ask_done *d)
{
	refer_notify_ends(d->l, d->code);
	go_on(d->s, d->l);
}

/* ---- control ---- */

static void result(struct signaling *s, const Tipring__V1__Envelope *m,
		   Tipring__V1__ResultCode code, const char *reason)
{
	worker_result(s->worker, m, code, reason);
}

static const char *take_lines(const Tipring__V1__LegRefer *r, struct buf *b)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (sip_line(b, str_of(r->headers[i]->name), str_of(r->headers[i]->value)) != 0)
			return "a header is none, or they are too long";
	return NULL;
}

/* NULL, or what is wrong: then nothing has changed. */
static const char *ask_peer(struct signaling *s, struct leg *l, const Tipring__V1__LegRefer *r)
{
	char area[REFER_LINES_BYTES], more[REFER_LINES_BYTES];
	struct buf lines = buf_of(area, sizeof area), own = buf_of(more, sizeof more);
	struct leg_refer before = l->r.refer;
	struct refer_wish w = {.command = str_of(r->command),
			       .target = str_of(r->target),
			       .replaces = str_of(r->replaces),
			       .referred_by = str_of(r->referred_by)};
	const char *fault = take_lines(r, &own);

	if (r->replaces_leg != 0)
		w.other = pool_get(&s->legs, r->replaces_leg);
	w.lines = buf_str(&own);
	if (fault == NULL)
		fault = refer_print(l, &w, &lines);
	if (fault != NULL)
		return fault;
	refer_begin(l, w.command, l->r.dialog.local_cseq + 1, s->actor->now_ms);
	if (asks_send(s, l, &(struct ask_request){.kind = ASK_REFER, .token = 1, .lines = buf_str(&lines)}) == 0)
		return NULL;
	l->r.refer = before;
	return "it can not be sent now";
}

void from_refer_wish(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__LegRefer *r = m->leg_refer;
	struct signaling *s = self;
	struct leg *l = pool_get(&s->legs, r->leg_id);
	const char *fault;

	(void)peer;
	if (l == NULL || leg_is_over(l)) {
		result(s, m, TIPRING__V1__RESULT_CODE__NOT_FOUND, "no such leg");
		return;
	}
	if (refer_is_known(l, str_of(r->command))) {
		to_bus_transfer(s, l);
		return;
	}
	if (refer_is_busy(l)) {
		result(s, m, TIPRING__V1__RESULT_CODE__CONFLICT, "a transfer is under way");
		return;
	}
	fault = ask_peer(s, l, r);
	if (fault != NULL)
		result(s, m, TIPRING__V1__RESULT_CODE__REJECTED, fault);
	else
		tell_when(s, l, true);
}

/* For the leg of another worker. */
void from_refer_name(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct signaling *s = self;
	const Tipring__V1__LegRefer *r = m->leg_named->refer;
	const struct leg *other = r != NULL ? pool_get(&s->legs, r->replaces_leg) : NULL;

	(void)peer;
	if (r != NULL)
		to_bus_named(s, m->leg_named, other);
}

void from_refer_progress(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__LegReferProgress *p = m->leg_refer_progress;
	struct signaling *s = self;
	struct leg *l = pool_get(&s->legs, p->leg_id);
	char reason[64];
	struct buf b = buf_of(reason, sizeof reason - 1);

	(void)peer;
	if (l == NULL)
		return;
	for (const char *z = p->reason; *z != '\0'; z++)
		buf_char(&b, (unsigned char)*z >= ' ' && *z != 0x7f ? *z : ' ');
	if (refer_say(l, p->refer_id, p->code, buf_ok(&b) ? buf_str(&b) : (struct str){"", 0},
		      s->actor->now_ms))
		go_on(s, l);
}

/* ---- time ---- */

void from_refer_timer(struct signaling *s, struct leg *l)
{
	bool news = refer_expired(l, s->actor->now_ms);

	go_on(s, l);
	if (news)
		to_bus_transfer(s, l);
}

void from_refer_resume(struct signaling *s, struct leg *l)
{
	if (refer_wants_notify(l))
		notify(s, l);
	arm(s, l);
}
