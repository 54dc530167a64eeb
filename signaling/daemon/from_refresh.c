/* from_refresh.c - see from_refresh.h */
#include "signaling/daemon/from_refresh.h"

#include "common/base/clock.h"
#include "signaling/daemon/effects.h"
#include "signaling/daemon/legs.h"

static bool take(struct signaling *s, struct leg *l, uint32_t code, const struct sip_msg *m)
{
	struct refresh_refusal why = {
		.code = code, .m = m, .owner = leg_is_ours(l), .chance = clock_entropy()};

	if (code / 100 != 2 || m == NULL)
		return refresh_refused(&l->r.refresh, &why, s->actor->now_ms);
	refresh_agreed(&l->r.refresh, m, s->actor->now_ms);
	return true;
}

/* RFC 4028 10: who has lost the session, or is silent, is not refreshed any more. */
void from_refresh_updated(const struct ask_done *d)
{
	struct leg *l = d->l;

	if (!leg_has_session(l))
		return;
	if (!take(d->s, l, d->code, d->heard != NULL ? d->heard->msg : NULL)) {
		(void)effects_leg_input(d->s, l, LEG_EV_EXPIRED);
		return;
	}
	legs_arm(d->s, l);
	legs_save(d->s, l);
}

/* Every one that is answered refreshes; one that is refused is tried again when it was to. */
enum leg_event from_refresh_renewed(struct signaling *s, struct leg *l, const struct sip_effect *e, enum leg_event ev)
{
	bool refused = ev == LEG_EV_RENEW_OVER && l->r.refresh.out;

	if ((ev != LEG_EV_RENEWED && !refused) || !leg_has_session(l))
		return ev;
	(void)take(s, l, e->status, e->msg);
	return ev;
}
