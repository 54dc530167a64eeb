/* from_asks.c - see from_asks.h */
#include "signaling/daemon/from_asks.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "signaling/daemon/ask_effects.h"
#include "signaling/daemon/effects.h"
#include "signaling/daemon/from_refer.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/logins.h"

/* By kind, in files of their own on this floor; NULL: nobody has to hear of it. */
static ask_done_fn *const done[ASK_KINDS] = {
	[ASK_UPDATE] = NULL,
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

void from_asks_resume(struct signaling *s, struct leg *l)
{
	bool goes_on = is_up(l) || l->r.state == LEG_DIALLING;

	for (uint32_t i = 0; i < ASK_SLOTS; i++) {
		while (!goes_on && l->r.asks[i].state != ASK_FREE)
			ask_end(l, i);
		if (l->r.asks[i].state == ASK_OUT && asks_repeat(s, l, i) != 0)
			finish(s, l, i, 503, NULL);
	}
	go_on(s, l);
}
