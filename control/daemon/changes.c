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
