/* books.c - see books.h */
#include "control/daemon/books.h"

#include "common/base/clock.h"

void books_answered(struct control *k, const struct control_call *cc)
{
	uint64_t now = clock_unix_ns();

	if (now > cc->c.started_unix_ns) /* the clock may have been set since */
		tally_time(&k->tally.setup, (now - cc->c.started_unix_ns) / 1000000u);
}

void books_refused(struct control *k, const char *app, uint32_t code)
{
	tally_end(&k->tally, app, "", code);
}

void books_ended(struct control *k, const struct control_call *cc)
{
	const struct call *c = &cc->c;
	struct past_call *p = past_add(&k->past, c->id, k->actor->now_ms);

	tally_end(&k->tally, c->app, c->backend, c->sip_code);
	(void)!str_copy(p->app, sizeof p->app, str_of(c->app));
	(void)!str_copy(p->backend, sizeof p->backend, str_of(c->backend));
	past_text(p->from, c->from_uri);
	past_text(p->to, c->request_uri);
	past_text(p->sip_call_id, c->sip_call_id);
	(void)!str_copy(p->reason, sizeof p->reason, str_of(c->end_reason));
	p->who = c->who;
	p->code = c->sip_code;
	p->started_unix_ns = c->started_unix_ns;
	p->answered_unix_ns = c->answered_unix_ns;
	p->ended_unix_ns = c->ended_unix_ns != 0 ? c->ended_unix_ns : clock_unix_ns();
	p->duration_ms = call_duration_ms(c);
	if (!cc->has_stats)
		return;
	p->packets = cc->stats.packets_received;
	p->lost = cc->stats.packets_lost;
	p->jitter_us = cc->stats.jitter_us;
}
