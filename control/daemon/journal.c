/* journal.c - see journal.h */
#include "control/daemon/journal.h"

#include <inttypes.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#define REFUSALS_PER_S 5u
#define ENDS_PER_S 200u /* beyond that the events and counters tell */
#define TEXT_BYTES 121u
#define APPS_BYTES 160u

struct text {
	char z[TEXT_BYTES];
};

/* Of a peer: cut, and it can not end the quotes it is put in. */
static struct text quotable(struct str s)
{
	struct text t;
	struct buf b = buf_of(t.z, sizeof t.z - 1);

	for (size_t i = 0; i < s.n && b.n + 4 <= b.cap; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\') {
			buf_z(&b, "\\x");
			buf_hex(&b, (uint8_t)s.p[i], 2);
		} else {
			buf_char(&b, s.p[i]);
		}
	}
	t.z[b.n] = '\0';
	return t;
}

static bool is_first(const struct backends *t, uint32_t row)
{
	for (uint32_t i = 0; i < row; i++)
		if (t->v[i].capacity > 0 && str_eq(str_of(t->v[i].app), str_of(t->v[row].app)))
			return false;
	return true;
}

/* Apps that backends take calls for, as many as there is room for. */
static void print_apps(struct buf *b, const struct backends *t)
{
	for (uint32_t i = 0; i < BACKENDS_MAX; i++) {
		const struct backend *row = &t->v[i];

		if (row->app[0] == '\0' || row->capacity == 0 || !is_first(t, i) ||
		    b->n + BACKEND_APP_BYTES + 2 > b->cap)
			continue;
		if (b->n > 0)
			buf_z(b, ", ");
		buf_z(b, row->app);
	}
	if (b->n == 0)
		buf_z(b, "no app");
}

/* What the operator can do about it. */
static void print_hint(struct control *k, const struct refusal *r, struct buf *b)
{
	char area[APPS_BYTES];
	struct buf apps = buf_of(area, sizeof area);

	if (r->code == 404)
		buf_z(b, " hint=\"no row of routes matches; one for * takes every number\"");
	if (r->code != 480)
		return;
	print_apps(&apps, &k->backends);
	buf_z(b, " hint=\"served now: ");
	buf_str_put(b, buf_str(&apps));
	buf_char(b, '"');
}

void journal_refused(struct control *k, const struct refusal *r)
{
	char area[APPS_BYTES + 32];
	struct buf hint = buf_of(area, sizeof area - 1);

	if (!log_limit(&k->log_refused, REFUSALS_PER_S))
		return;
	print_hint(k, r, &hint);
	area[hint.n] = '\0';
	log_warn("call.refused", "app=%s to=\"%s\" code=%u reason=\"%s\"%s", r->app, quotable(r->request).z, r->code, r->reason, area);
}

void journal_answered(struct control *k, const struct control_call *cc)
{
	uint64_t now = clock_unix_ns();

	if (now > cc->c.started_unix_ns) /* the clock may have been set since */
		tally_time(&k->tally.setup, (now - cc->c.started_unix_ns) / 1000000u);
}

static const char *who_name(enum call_who who)
{
	static const char *const names[] = {
		[CALL_BY_CALLER] = "caller", [CALL_BY_BACKEND] = "backend", [CALL_BY_SYSTEM] = "system",
	};

	return who >= CALL_BY_CALLER && who <= CALL_BY_SYSTEM ? names[who] : "nobody";
}

static void keep(struct control *k, const struct control_call *cc)
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
	p->outbound = c->outbound;
	p->outcome = c->outcome;
	p->code = c->sip_code;
	p->started_unix_ns = c->started_unix_ns;
	p->answered_unix_ns = c->answered_unix_ns;
	p->ended_unix_ns = c->ended_unix_ns != 0 ? c->ended_unix_ns : clock_unix_ns();
	p->duration_ms = call_duration_ms(c);
	if (!cc->has_stats)
		return;
	p->packets = cc->stats.packets_received;
	p->lost = cc->stats.packets_lost;
	p->concealed = cc->stats.frames_concealed;
	p->packets_sent = cc->stats.packets_sent;
	p->jitter_us = cc->stats.jitter_us;
	p->mos_x100 = cc->stats.mos_x100;
	p->remote_mos_x100 = cc->stats.remote_mos_x100;
	p->mos_least_x100 = cc->stats.mos_least_x100;
	p->remote_mos_least_x100 = cc->stats.remote_mos_least_x100;
}

void journal_ended(struct control *k, const struct control_call *cc)
{
	const struct call *c = &cc->c;

	keep(k, cc);
	if (c->who == CALL_BY_SYSTEM && !c->outbound && !c->answered && c->sip_code >= 300)
		journal_refused(k, &(struct refusal){c->app, c->request_uri, c->sip_code, c->end_reason});
	if (!log_limit(&k->log_ended, ENDS_PER_S))
		return;
	log_info("call.ended",
		 "call=%016" PRIx64 " direction=%s app=%s backend=%s from=\"%s\" to=\"%s\" sip_call_id=\"%s\" who=%s reason=\"%s\" code=%u "
		 "duration_ms=%" PRIu64 " packets=%" PRIu64 " lost=%" PRIu64,
		 c->id, c->outbound ? "out" : "in", c->app, c->backend, quotable(c->from_uri).z, quotable(c->to_uri).z, quotable(c->sip_call_id).z,
		 who_name(c->who), quotable(str_of(c->end_reason)).z, c->sip_code, call_duration_ms(c),
		 cc->has_stats ? cc->stats.packets_received : 0, cc->has_stats ? cc->stats.packets_lost : 0);
}
