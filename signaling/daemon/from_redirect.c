/* from_redirect.c - see from_redirect.h */
#include "signaling/daemon/from_redirect.h"

#include "signaling/daemon/effects.h"
#include "signaling/daemon/from_dial.h"
#include "signaling/leg/dial.h"

static bool follow(struct signaling *s, struct leg *l, const Tipring__V1__LegFollow *f)
{
	struct leg_call c = {.call_id = 0};

	if (!from_dial_take_hop(s, f->next_hop, &c))
		return false;
	return leg_follow(l, &(struct leg_next){.request_uri = str_of(f->request_uri),
						.next_hop = c.next_hop,
						.local = c.local,
						.flow = c.flow});
}

/* Of a hop that waits no more it means nothing. */
void from_redirect(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__LegFollow *f = m->leg_follow;
	struct signaling *s = self;
	struct leg *l = pool_get(&s->legs, f->leg_id);
	bool good;

	(void)peer;
	if (l == NULL || l->r.state != LEG_REDIRECTED || l->r.redirect.hop != f->hop)
		return;
	good = f->request_uri[0] != '\0' && follow(s, l, f);
	(void)effects_leg_input(s, l, good ? LEG_EV_FOLLOW : LEG_EV_NO_FOLLOW);
}

void from_redirect_got(struct signaling *s, struct leg *l, const struct sip_effect *e)
{
	(void)effects_leg_input(s, l, leg_redirected(l, e->msg));
}

bool from_redirect_take(const Tipring__V1__LegReject *m, struct buf *lines)
{
	if (m->n_contacts > LEG_CONTACTS_MAX)
		return false;
	for (size_t i = 0; i < m->n_contacts; i++)
		if (!leg_put_contact(lines, str_of(m->contacts[i]->uri),
				     m->contacts[i]->q_thousandths))
			return false;
	return buf_ok(lines);
}
