/* from_asks.c - see from_asks.h */
#include "signaling/daemon/from_asks.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "signaling/daemon/ask_effects.h"
#include "signaling/daemon/effects.h"
#include "signaling/daemon/from_refresh.h"
#include "signaling/daemon/from_refer.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/logins.h"
#include "signaling/daemon/to_asks.h"
#include "signaling/sip/reply.h"

/* Those that control asks. */
static uint32_t kind_of(enum ask_kind kind)
{
	return kind == ASK_INFO ? TIPRING__V1__ASK_KIND__INFO : TIPRING__V1__ASK_KIND__MESSAGE;
}

static void tell_outcome(const struct ask_done *d, enum ask_kind kind)
{
	struct ask_news n = {.leg_id = pool_handle(&d->s->legs, d->l),
			     .token = d->token,
			     .kind = kind_of(kind),
			     .code = TIPRING__V1__RESULT_CODE__OK,
			     .sip_code = d->code};

	if (d->heard != NULL)
		n.reason = d->heard->msg->reason;
	to_asks_told(d->s, &n);
}

static void info_done(const struct ask_done *d)
{
	tell_outcome(d, ASK_INFO);
}

static void message_done(const struct ask_done *d)
{
	tell_outcome(d, ASK_MESSAGE);
}

/* By kind, others in files of their own on this floor; NULL: nobody has to hear of it. */
static ask_done_fn *const done[ASK_KINDS] = {
	[ASK_INFO] = info_done,
	[ASK_MESSAGE] = message_done,
	[ASK_UPDATE] = from_refresh_updated,
	[ASK_REFER] = from_refer_asked,
	[ASK_NOTIFY] = from_refer_notified,
};

static uint32_t slot_of(const struct leg *l, uint64_t txn)
{
	for (uint32_t i = 0; i < ASK_SLOTS; i++)
		if (l->r.asks[i].state == ASK_OUT && l->ask_txn[i] == txn)
			return i;
	return ASK_NONE;
}

/* There is a call, and nobody has decided to end it. */
static bool is_up(const struct leg *l)
{
	return l->r.state == LEG_CONFIRMED || l->r.state == LEG_REFRESHED ||
	       l->r.state == LEG_OFFERED;
}

/* RFC 3261 12.2.1.2. Of an early dialog the INVITE decides. */
static void end_call(struct signaling *s, struct leg *l, enum ask_kind kind, uint32_t code)
{
	l->said = (struct leg_wish){.code = code};
	(void)!str_copy(l->said.reason, sizeof l->said.reason,
			code == 481 ? STR("the peer knows no call") : STR("the peer is silent"));
	log_debug("leg.gone", "leg=%" PRIx64 " method=%s code=%u", pool_handle(&s->legs, l),
		  sip_method_name(ask_method(kind)), code);
	(void)effects_leg_input(s, l, LEG_EV_GONE);
}

static void finish(struct signaling *s, struct leg *l, uint32_t slot, uint32_t code,
		   const struct sip_effect *heard);

/* The next one of a row; several when one can not go out. */
static void go_on(struct signaling *s, struct leg *l)
{
	uint32_t slot = ask_waiting(l);

	if (slot != ASK_NONE && asks_go(s, l, slot) != 0)
		finish(s, l, slot, 503, NULL);
}

static void finish(struct signaling *s, struct leg *l, uint32_t slot, uint32_t code,
		   const struct sip_effect *heard)
{
	struct ask a = l->r.asks[slot];
	enum ask_kind kind = (enum ask_kind)a.kind;
	struct ask_done d = {s, l, a.token, code, heard};
	uint64_t handle = pool_handle(&s->legs, l);

	ask_end(l, slot);
	l->r.ask_last[kind] = (struct ask_last){.token = a.token, .code = code};
	if (kind == ASK_UPDATE && code / 100 == 2 && heard != NULL && heard->msg != NULL)
		(void)!sip_dialog_refresh(&l->r.dialog, heard->msg, heard->core);
	legs_save(s, l);
	if (!is_up(l) && l->r.state != LEG_DIALLING)
		return; /* whoever asked hears of the end */
	if (done[kind] != NULL)
		done[kind](&d);
	if (pool_get(&s->legs, handle) != l)
		return;
	if (ask_ends_call(kind, code) && is_up(l))
		end_call(s, l, kind, code);
	else
		go_on(s, l);
}

bool from_asks_final(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	uint32_t slot = slot_of(l, e->txn);
	struct sip_login login = logins_of(s, l);
	bool heard = e->kind == SIP_GOT_RESPONSE;

	if (slot == ASK_NONE)
		return false;
	if (heard && ask_is_challenged(l, slot, &login, e->msg, clock_entropy()) &&
	    asks_go(s, l, slot) == 0)
		return true;
	finish(s, l, slot, e->status, heard ? e : NULL);
	return true;
}

void from_asks_go_on(struct signaling *s, struct leg *l)
{
	for (uint32_t i = 0; i < ASK_SLOTS && ask_waiting(l) != ASK_NONE; i++)
		go_on(s, l);
}

void from_asks_resume(struct signaling *s, struct leg *l)
{
	bool goes_on = is_up(l) || l->r.state == LEG_DIALLING || l->r.state == LEG_ANSWERED;

	for (uint32_t i = 0; i < ASK_SLOTS; i++) {
		while (!goes_on && l->r.asks[i].state != ASK_FREE)
			ask_end(l, i);
		if (l->r.asks[i].state == ASK_OUT && asks_repeat(s, l, i) != 0)
			finish(s, l, i, 503, NULL);
	}
	from_asks_go_on(s, l);
}

/* ---- control asks ---- */

static void refuse(struct signaling *s, const Tipring__V1__LegAsk *a, uint32_t code, struct str reason)
{
	to_asks_told(s, &(struct ask_news){.leg_id = a->leg_id, .token = a->token, .kind = a->kind, .code = code, .reason = reason});
}

static void refuse_by(struct signaling *s, const Tipring__V1__LegAsk *a, int err)
{
	if (err == ERR_AGAIN)
		refuse(s, a, TIPRING__V1__RESULT_CODE__CONFLICT, STR("another one is under way"));
	else if (err == ERR_PROTO)
		refuse(s, a, TIPRING__V1__RESULT_CODE__CONFLICT, STR("not possible in the leg's state"));
	else if (err == ERR_NOSPC)
		refuse(s, a, TIPRING__V1__RESULT_CODE__OVERLOADED, STR("no room for it"));
	else
		refuse(s, a, TIPRING__V1__RESULT_CODE__REJECTED, STR("it can not be printed"));
}

/* It is out, or it was: then it is told again. */
static bool is_known(struct signaling *s, struct leg *l, const Tipring__V1__LegAsk *a, enum ask_kind kind)
{
	const struct ask_last *last = &l->r.ask_last[kind];

	for (uint32_t i = 0; i < ASK_SLOTS; i++)
		if (ask_at(l, i) != NULL && ask_at(l, i)->kind == kind && ask_at(l, i)->token == a->token)
			return true;
	if (last->token != a->token)
		return false;
	tell_outcome(&(struct ask_done){s, l, a->token, last->code, NULL}, kind);
	return true;
}

static int ask(struct signaling *s, struct leg *l, const Tipring__V1__LegAsk *a, enum ask_kind kind)
{
	char area[ASK_TEXT_EACH];
	struct buf lines = buf_of(area, sizeof area);
	struct ask_request r = {.kind = kind, .token = a->token, .type = str_of(a->content_type)};
	int err = 0;

	for (size_t i = 0; i < a->n_headers && err == 0; i++)
		err = sip_line(&lines, str_of(a->headers[i]->name), str_of(a->headers[i]->value));
	if (err != 0 || !buf_ok(&lines))
		return err != 0 ? err : ERR_NOSPC;
	r.lines = buf_str(&lines);
	r.body = (struct str){(const char *)a->body.data, a->body.len};
	return asks_send(s, l, &r);
}

void from_asks_ask(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct signaling *s = self;
	const Tipring__V1__LegAsk *a = m->leg_ask;
	enum ask_kind kind = a->kind == TIPRING__V1__ASK_KIND__MESSAGE ? ASK_MESSAGE : ASK_INFO;
	struct leg *l = pool_get(&s->legs, a->leg_id);
	int err;

	(void)peer;
	if (l == NULL || leg_is_over(l) || a->token == 0) {
		refuse(s, a, TIPRING__V1__RESULT_CODE__NOT_FOUND, STR("no such leg"));
		return;
	}
	if (is_known(s, l, a, kind))
		return;
	if (a->again) {
		refuse(s, a, TIPRING__V1__RESULT_CODE__NOT_FOUND, STR("signaling was replaced before it was sent"));
		return;
	}
	err = ask(s, l, a, kind);
	if (err != 0)
		refuse_by(s, a, err);
}
