/* from_renew.c - see from_renew.h */
#include "signaling/daemon/from_renew.h"

#include <string.h>

#include "common/base/clock.h"
#include "signaling/daemon/effects.h"
#include "signaling/daemon/from_codecs.h"
#include "signaling/daemon/from_refresh.h"
#include "signaling/daemon/legs.h"
#include "signaling/daemon/logins.h"
#include "signaling/daemon/to_bus.h"
#include "signaling/leg/renew.h"

/* ---- the peer ---- */

static enum leg_event read_final(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	struct sip_login login = logins_of(s, l);

	if (e->kind != SIP_GOT_RESPONSE)
		return leg_renewal_unanswered(l);
	if (e->status >= 300)
		return leg_renewal_refused(l, &login, e->msg, s->actor->now_ms, clock_entropy());
	return leg_renewed(l, &s->leg_config, e->msg, e->core);
}

void from_renew_answer(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	if (e->kind == SIP_GOT_PROVISIONAL) {
		legs_save(s, l); /* it is not repeated any more */
		return;
	}
	if (e->kind == SIP_ACK_WANTED) {
		(void)effects_leg_input(s, l, LEG_EV_RENEW_ACK);
		return;
	}
	if (leg_renewal_is_out(&l->r))
		(void)effects_leg_input(s, l, from_refresh_renewed(s, l, e, read_final(s, l, e)));
	else
		(void)effects_leg_input(s, l, read_final(s, l, e));
}

/* ---- control ---- */

static bool take(const Tipring__V1__LegChange *c, struct renewal_wish *ret)
{
	static const uint32_t kinds[] = {
		[TIPRING__V1__LEG_CHANGE_KIND__LEG_HOLD] = RENEWAL_OF_HOLD,
		[TIPRING__V1__LEG_CHANGE_KIND__LEG_UNHOLD] = RENEWAL_OF_UNHOLD,
		[TIPRING__V1__LEG_CHANGE_KIND__LEG_CODECS] = RENEWAL_OF_CODECS,
	};
	size_t kind = (size_t)c->kind;
	struct leg_codecs codecs;

	if (c->number == 0 || kind >= sizeof kinds / sizeof kinds[0] || kinds[kind] == RENEWAL_OF_NOTHING ||
	    !from_codecs_take(c->codecs, c->n_codecs, &codecs))
		return false;
	*ret = (struct renewal_wish){.number = c->number, .kind = kinds[kind], .count = codecs.count};
	memcpy(ret->codecs, codecs.v, codecs.count);
	return true;
}

static bool may_change(const struct leg *l)
{
	return l->r.state == LEG_CONFIRMED || l->r.state == LEG_REFRESHED || l->r.state == LEG_OFFERED;
}

void from_renew_change(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct signaling *s = self;
	const Tipring__V1__LegChange *c = m->leg_change;
	struct leg *l = pool_get(&s->legs, c->leg_id);
	struct renewal_wish w;

	(void)peer;
	if (l != NULL && c->number != 0 && l->r.renewal.told == c->number)
		to_bus_changed(s, l); /* asked again */
	else if (l == NULL || !may_change(l))
		to_bus_unchanged(s, c->leg_id, c->number, 481, "not possible in the leg's state");
	else if (!take(c, &w))
		to_bus_unchanged(s, c->leg_id, c->number, 488, "no change that can be offered");
	else if (leg_renew(l, &w))
		(void)effects_leg_input(s, l, LEG_EV_RENEW);
	else if (w.number != l->r.renewal.now.number && w.number != l->r.renewal.next.number)
		to_bus_unchanged(s, c->leg_id, c->number, 491, "another change is under way");
}
