/* collects.c - see collects.h */
#include "control/daemon/collects.h"

#include "control/daemon/events.h"
#include "control/daemon/to_workers.h"

#define LOOK_MS 100u
#define TIMERS_PER_TURN 64

static void arm(struct control *k, struct control_call *cc)
{
	cc->collect_timer.owner = cc;
	if (cc->c.collect.deadline_ms == UINT64_MAX)
		wheel_cancel(&k->collect_wheel, &cc->collect_timer);
	else
		wheel_arm(&k->collect_wheel, &cc->collect_timer, cc->c.collect.deadline_ms);
}

void collects_end(struct control *k, struct control_call *cc, enum collect_end why)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__DtmfCollected m = TIPRING__V1__DTMF_COLLECTED__INIT;
	struct collect *c = &cc->c.collect;
	const char *cause = k->cause;

	if (c->command[0] == '\0')
		return;
	m.digits = c->digits;
	m.reason = (char *)(uintptr_t)collect_end_name(why); /* packing only reads it */
	m.keys = c->keys;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_DTMF_COLLECTED;
	e.dtmf_collected = &m;
	k->cause = c->command;
	events_media(k, cc, &e);
	k->cause = cause;
	wheel_cancel(&k->collect_wheel, &cc->collect_timer);
	c->command[0] = '\0';
	to_leg_annotate(k, cc);
}

static bool take(struct control *k, struct control_call *cc, char key)
{
	enum collect_end end = collect_key(&cc->c.collect, key, k->actor->now_ms);

	if (end != COLLECT_GOES_ON)
		collects_end(k, cc, end);
	return end == COLLECT_GOES_ON;
}

/* Keys that were published while the command was on its way. */
static bool catch_up(struct control *k, struct control_call *cc, uint32_t number)
{
	for (uint32_t i = 0; i < CONTROL_KEYS_MAX; i++) {
		const struct heard_key *h = &cc->recent_keys[(cc->recent_key_next + i) % CONTROL_KEYS_MAX];

		if (number != 0 && h->number >= number && !take(k, cc, h->digit))
			return false;
	}
	return true;
}

void collects_begin(struct control *k, struct control_call *cc, const struct collects_start *s)
{
	bool goes_on = true;

	collects_end(k, cc, COLLECT_CANCELLED);
	collect_begin(&cc->c.collect, str_of(s->command), &s->wish, k->actor->now_ms);
	for (const char *p = s->pressed; *p != '\0' && goes_on; p++)
		goes_on = take(k, cc, *p);
	if (!goes_on || !catch_up(k, cc, s->number))
		return;
	arm(k, cc);
	to_leg_annotate(k, cc);
}

/* Of INFO control knows a few CSeqs, which die with it. */
static bool is_news(struct collect *c, uint32_t number, uint32_t cseq)
{
	if (number > c->number)
		c->number = number;
	else if (cseq > c->cseq)
		c->cseq = cseq;
	else
		return false;
	return true;
}

void collects_key(struct control *k, struct control_call *cc, char key, uint32_t number, uint32_t cseq)
{
	if (number != 0)
		cc->recent_keys[cc->recent_key_next++ % CONTROL_KEYS_MAX] = (struct heard_key){.number = number, .digit = key};
	if (!is_news(&cc->c.collect, number, cseq) || cc->c.collect.command[0] == '\0' || !take(k, cc, key))
		return;
	arm(k, cc);
	to_leg_annotate(k, cc);
}

void collects_again(struct control *k, struct control_call *cc)
{
	if (cc->c.collect.command[0] != '\0')
		arm(k, cc);
}

/* Somebody hears how it ends, and all keys are known that were pressed before. */
static bool is_settled(const struct control *k, const struct control_call *cc)
{
	return events_reach_owner(k, cc) && (!cc->rebuilt || cc->knows_keys || !events_reach_nobody(k));
}

static void due(struct control *k, struct control_call *cc)
{
	enum collect_end end = collect_tick(&cc->c.collect, k->actor->now_ms);

	if (cc->c.collect.command[0] == '\0')
		return;
	if (end != COLLECT_GOES_ON && !is_settled(k, cc))
		wheel_arm(&k->collect_wheel, &cc->collect_timer, k->actor->now_ms + LOOK_MS);
	else if (end != COLLECT_GOES_ON)
		collects_end(k, cc, end);
	else
		arm(k, cc);
}

void collects_tick(struct control *k)
{
	struct wheel_timer *t;

	for (int i = 0; i < TIMERS_PER_TURN && (t = wheel_next(&k->collect_wheel, k->actor->now_ms)) != NULL; i++)
		due(k, t->owner);
}
