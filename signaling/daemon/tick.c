/* tick.c - see tick.h */
#include "signaling/daemon/tick.h"

#include "signaling/daemon/effects.h"
#include "signaling/daemon/from_peer.h"
#include "signaling/daemon/from_refer.h"
#include "signaling/daemon/legs.h"

void tick_run(struct signaling *s)
{
	struct wheel_timer *t;
	struct sip_effects fx;

	while (sip_stack_tick(&s->stack, s->actor->now_ms, &fx))
		from_peer(s, &fx);
	while ((t = wheel_next(&s->wheel, s->actor->now_ms)) != NULL) {
		struct leg *l = t->owner;

		if (t == &l->refer_timer)
			from_refer_timer(s, l);
		else
			(void)effects_leg_input(s, l, legs_due(l, s->actor->now_ms));
	}
	registrations_tick(s);
	strays_tick(s);
	messages_tick(s);
}

uint64_t tick_deadline_ms(const struct signaling *s)
{
	uint64_t stack_ms = sip_stack_deadline(&s->stack),
		 legs_ms = wheel_deadline(&s->wheel),
		 others_ms = registrations_deadline_ms(s),
		 strays_ms = strays_deadline_ms(s),
		 messages_ms = messages_deadline_ms(s);

	if (strays_ms < others_ms)
		others_ms = strays_ms;
	if (messages_ms < others_ms)
		others_ms = messages_ms;
	if (others_ms < legs_ms)
		legs_ms = others_ms;
	return stack_ms < legs_ms ? stack_ms : legs_ms;
}
