/* tick.c - see tick.h */
#include "media/daemon/tick.h"

#include "common/base/clock.h"
#include "media/daemon/bells.h"
#include "media/daemon/buckets.h"
#include "media/daemon/sessions.h"
#include "media/daemon/to_bus.h"

#define FIGURES_TICKS 100u /* one by one they would cost a message and two wake-ups each */
#define FIGURES_TURNS 50u  /* until all were told: 5 s */
#define CATCH_UP_TICKS 200u /* after a longer absence the missed milliseconds are skipped: sessions know what time it is */

/* hot */
static void send_packets(struct media *m, struct media_session *ms, const struct session_packets *out)
{
	const struct addr *to = ms->connected ? NULL : latch_remote(&ms->s.in.latch);

	for (uint32_t copy = 0; copy <= ms->s.cfg.duplicate; copy++)
		for (uint32_t i = 0; i < out->count; i++)
			if (loop_send(m->actor->loop, ms->rtp_slot, to, out->p[i], out->n[i]) != 0)
				count(m, STAT_media_send_full, 1);
	count(m, STAT_media_rtp_sent, out->count);
}

static void send_report(struct media *m, struct media_session *ms)
{
	size_t n;

	if (m->actor->now_ns < ms->s.report_ns)
		return;
	n = session_report(&ms->s, m->actor->now_ns, clock_unix_ns(), rand_u64(&m->rand), ms->rtcp);
	if (n == 0)
		return;
	if (sessions_send_rtcp(m, ms, n) == 0)
		count(m, STAT_media_rtcp_sent, 1);
}

/* hot */
void tick_serve(struct media *m, struct media_session *ms)
{
	struct session_packets out;

	session_tick(&ms->s, m->actor->now_ns, &out, &m->events);
	send_packets(m, ms, &out);
	if (ms->s.later_n > 0)
		buckets_later(m, ms);
	send_report(m, ms);
	bells_look(m, ms);
	if (m->events.n > 0)
		sessions_news(m, ms);
	if (ms->s.dirty)
		sessions_save(m, ms);
}

/* hot. The sessions that are served next. */
static void look_ahead(const struct media *m, uint32_t b, uint32_t i)
{
	const struct media_session *ms;

	if (i >= 2) {
		ms = media_at(m, m->buckets[b][i - 2]);
		for (size_t at = 0; at < offsetof(struct media_session, s); at += 64)
			__builtin_prefetch((const char *)ms + at, 1);
		session_prefetch(&ms->s);
	}
	if (i >= 1)
		session_prefetch_tape(&media_at(m, m->buckets[b][i - 1])->s);
}

static void run_bucket(struct media *m, uint32_t b, uint64_t late_ns)
{
	if (m->bucket_n[b] == 0)
		return;
	count(m, STAT_media_ticks, 1);
	count(m, STAT_media_ticks_late_5, late_ns > 5000000u);
	count(m, STAT_media_ticks_late_20, late_ns > 20000000u);
	/* backwards: a session that ends while it is served is replaced by one already done */
	for (uint32_t i = m->bucket_n[b]; i-- > 0;) {
		look_ahead(m, b, i);
		tick_serve(m, media_at(m, m->buckets[b][i]));
	}
}

/* hot. Packets that are due between two ticks of their sessions. */
static void run_later(struct media *m, uint32_t b)
{
	for (uint32_t i = 0; i < m->later_n[b]; i++) {
		struct media_session *ms = media_slot(m, m->later[b][i]);
		struct session_packets out = {.count = 0};

		if (ms == NULL)
			continue;
		ms->later = false;
		session_later(&ms->s, &out);
		send_packets(m, ms, &out);
	}
	m->later_n[b] = 0;
}

static void tell_figures(struct media *m)
{
	const struct media_session *v[TO_BUS_STATS_MAX], *ms;
	uint32_t n = 0, due = (m->sessions.used + FIGURES_TURNS - 1) / FIGURES_TURNS;

	if (due > TO_BUS_STATS_MAX)
		due = TO_BUS_STATS_MAX;
	while (n < due && (ms = pool_each(&m->sessions, &m->figures_at)) != NULL)
		v[n++] = ms;
	if (n < due)
		m->figures_at = 0; /* from the first again */
	if (n > 0)
		to_bus_stats(m, v, n);
}

void tick_run(struct media *m)
{
	uint64_t now_no = m->actor->now_ns / MEDIA_TICK_NS;

	if (now_no > m->tick_no + CATCH_UP_TICKS)
		m->tick_no = now_no - MEDIA_BUCKETS; /* everybody once */
	for (; m->tick_no <= now_no; m->tick_no++) {
		if (m->tick_no % FIGURES_TICKS == 0)
			tell_figures(m);
		run_later(m, (uint32_t)(m->tick_no % MEDIA_BUCKETS));
		run_bucket(m, (uint32_t)(m->tick_no % MEDIA_BUCKETS), m->actor->now_ns - m->tick_no * MEDIA_TICK_NS);
	}
}
