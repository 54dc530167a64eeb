/* from_change.c - see from_change.h */
#include "signaling/daemon/from_change.h"

#include "signaling/daemon/effects.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/serve_effects.h"
#include "signaling/leg/change.h"
#include "signaling/leg/prack.h"

void from_change_reinvite(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	enum leg_todo todo = LEG_ASK;
	struct leg_refusal why = leg_reinvite(l, &s->leg_config, e, &todo);

	legs_save(s, l); /* the CSeq */
	if (why.code != 0) {
		serve_refuse(s, e, why);
		return;
	}
	sip_stack_set_user(&s->stack, e->txn, pool_handle(&s->legs, l));
	count(s, STAT_signaling_legs_refreshed, todo == LEG_REFRESH_NOW);
	(void)effects_leg_input(s, l, todo == LEG_REFRESH_NOW ? LEG_EV_REFRESH : LEG_EV_OFFER);
}

void from_change_update(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	enum leg_todo todo = LEG_ASK;
	struct leg_refusal why = leg_update(l, &s->leg_config, e, &todo);

	if (why.code != 0) {
		legs_save(s, l);
		serve_refuse(s, e, why);
		return;
	}
	if (todo == LEG_ASK) {
		(void)effects_leg_input(s, l, LEG_EV_OFFER);
		return;
	}
	count(s, STAT_signaling_legs_refreshed, l->r.change.answers);
	serve_update(s, l, e->txn, 200);
}

void from_change_update_again(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	l->update = e->txn;
	if (l->r.change.code != 0)
		serve_update(s, l, e->txn, l->r.change.code);
}

/* It has its answer before what waited for it goes out. */
void from_change_prack(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	bool acknowledged;
	struct leg_refusal why = leg_prack(l, &s->leg_config, e, &acknowledged);

	if (why.code != 0) {
		legs_save(s, l);
		serve_refuse(s, e, why);
	} else {
		serve_prack(s, l, e->txn);
	}
	if (acknowledged && l->r.state == LEG_RINGING)
		(void)effects_leg_input(s, l, LEG_EV_PRACK);
}

void from_change_prack_again(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	if (l->r.reliable.prack_code == 200)
		serve_prack(s, l, e->txn);
	else
		serve_refuse(s, e, (struct leg_refusal){.code = l->r.reliable.prack_code, .fit = SDP_FITS});
}

/* Of an offer that waits no more it means nothing: what is in force was said. */
static void decided(struct signaling *s, uint64_t leg_id, uint32_t generation, bool accepted)
{
	struct leg *l = pool_get(&s->legs, leg_id);
	enum leg_event ev = LEG_EV_DECLINE;

	if (l == NULL || l->r.state != LEG_OFFERED || l->r.change.offered != generation)
		return;
	if (accepted)
		ev = l->r.change.update ? LEG_EV_ACCEPT_UPDATE : LEG_EV_ACCEPT;
	count(s, accepted ? STAT_signaling_legs_changed : STAT_signaling_legs_unchanged, 1);
	(void)effects_leg_input(s, l, ev);
}

void from_change_accept(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	(void)peer;
	decided(self, m->leg_accept->leg_id, m->leg_accept->generation, true);
}

void from_change_refuse(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	(void)peer;
	decided(self, m->leg_refuse->leg_id, m->leg_refuse->generation, false);
}
