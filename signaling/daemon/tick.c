/* tick.c - see tick.h */
#include "signaling/daemon/tick.h"

#include "signaling/daemon/effects.h"
#include "signaling/daemon/from_peer.h"
#include "signaling/daemon/legs.h"

void tick_run(struct signaling *s)
{
	struct wheel_timer *t;
	struct sip_effects fx;

	while (sip_stack_tick(&s->stack, s->actor->now_ms, &fx))
		from_peer(s, &fx);
	while ((t = wheel_next(&s->wheel, s->actor->now_ms)) != NULL)
		(void)effects_leg_input(s, t->owner, legs_due(t->owner, s->actor->now_ms));
	registrations_tick(s);
}

uint64_t tick_deadline_ms(const struct signaling *s)
{
	uint64_t stack_ms = sip_stack_deadline(&s->stack),
		 legs_ms = wheel_deadline(&s->wheel),
		 others_ms = registrations_deadline_ms(s);

	if (others_ms < legs_ms)
		legs_ms = others_ms;
	return stack_ms < legs_ms ? stack_ms : legs_ms;
}
