/* changes.c - see changes.h */
#include "control/daemon/changes.h"

#include "control/daemon/calls.h"
#include "control/daemon/info.h"
#include "control/daemon/to_workers.h"

static bool hear(struct call *c, const Tipring__V1__MediaFacts *facts, uint32_t generation)
{
	struct call_heard heard = {.generation = generation};

	if (generation == 0 || info_take_facts(facts, &heard.media) != 0)
		return false;
	c->heard = heard;
	return true;
}

void changes_offer(struct control *k, struct control_call *cc, const Tipring__V1__LegOffer *o)
{
	if (hear(&cc->c, o->facts, o->generation))
		(void)calls_input(k, cc, CALL_EV_LEG_OFFER);
	else
		to_leg_refuse(k, cc, o->generation);
}

void changes_agreed(struct control *k, struct control_call *cc, const Tipring__V1__LegAgreed *a)
{
	if (hear(&cc->c, a->facts, a->generation))
		(void)calls_input(k, cc, CALL_EV_LEG_AGREED);
}

void changes_renewed(struct control *k, struct control_call *cc, const Tipring__V1__LegChanged *d)
{
	struct call_renewal *n = &cc->c.renewal;

	if (n->number == 0 || n->number != d->number || n->code != 0)
		return; /* said twice, or of one that nobody waits for any more */
	n->code = d->code != 0 ? d->code : 500;
	n->generation = d->generation;
	(void)!str_copy(n->reason, sizeof n->reason, str_of(d->reason));
	if (n->code == 200 && hear(&cc->c, d->facts, d->generation)) /* it may have been said while control was away */
		(void)calls_input(k, cc, CALL_EV_LEG_AGREED);
	(void)calls_input(k, cc, CALL_EV_RENEWED);
}
