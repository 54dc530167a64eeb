/* tick.c - the 1 ms clock of the worker. A session is served every 20th tick, in the bucket it joined, so sends are spread evenly. */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/must.h"
#include "media/daemon/media.h"

#define CATCH_UP_TICKS 200u /* after a longer absence the missed milliseconds are skipped: sessions know what time it is */

int tick_init(struct media *m, uint32_t cap)
{
	for (uint32_t b = 0; b < MEDIA_BUCKETS; b++) {
		m->buckets[b] = calloc(cap, sizeof *m->buckets[b]);
		if (m->buckets[b] == NULL)
			return ERR_NOMEM;
	}
	m->tick_no = clock_ns() / MEDIA_TICK_NS + 1;
	return 0;
}

void tick_fini(struct media *m)
{
	for (uint32_t b = 0; b < MEDIA_BUCKETS; b++)
		free(m->buckets[b]);
}

/* Nobody waited for the ticks that passed while their buckets were empty: whoever joins now is not late for them. */
static void skip_empty(struct media *m)
{
	uint64_t now_no = m->actor->now_ns / MEDIA_TICK_NS;

	while (m->tick_no < now_no && m->bucket_n[m->tick_no % MEDIA_BUCKETS] == 0)
		m->tick_no++;
}

void tick_rejoin(struct media *m, struct media_session *ms)
{
	uint32_t b = ms->s.r.bucket % MEDIA_BUCKETS;

	skip_empty(m);
	ms->bucket_at = m->bucket_n[b];
	m->buckets[b][m->bucket_n[b]++] = pool_slot(sessions_handle(m, ms));
}

void tick_join(struct media *m, struct media_session *ms)
{
	uint32_t best = 0;

	for (uint32_t b = 1; b < MEDIA_BUCKETS; b++)
		if (m->bucket_n[b] < m->bucket_n[best])
			best = b;
	ms->s.r.bucket = best;
	tick_rejoin(m, ms);
}

void tick_leave(struct media *m, struct media_session *ms)
{
	uint32_t b = ms->s.r.bucket % MEDIA_BUCKETS, last;

	must(m->bucket_n[b] > 0);
	last = m->buckets[b][--m->bucket_n[b]];
	m->buckets[b][ms->bucket_at] = last;
	if (ms->bucket_at < m->bucket_n[b])
		media_slot(m, last)->bucket_at = ms->bucket_at;
}

uint64_t tick_start_ns(const struct media *m, const struct media_session *ms)
{
	uint64_t no = m->actor->now_ns / MEDIA_TICK_NS + 1;

	while (no % MEDIA_BUCKETS != ms->s.r.bucket)
		no++;
	return no * MEDIA_TICK_NS;
}

uint64_t tick_deadline_ns(const struct media *m)
{
	for (uint32_t k = 0; k < MEDIA_BUCKETS; k++)
		if (m->bucket_n[(m->tick_no + k) % MEDIA_BUCKETS] > 0)
			return (m->tick_no + k) * MEDIA_TICK_NS;
	return UINT64_MAX;
}

/* hot */
static void send_packets(struct media *m, struct media_session *ms, const struct session_packets *out)
{
	const struct addr *to = ms->connected ? NULL : latch_remote(&ms->s.in.latch);

	for (uint32_t i = 0; i < out->count; i++)
		if (loop_send(m->actor->loop, ms->rtp_slot, to, out->p[i], out->n[i]) != 0)
			count(m, STAT_media_send_full, 1);
	count(m, STAT_media_rtp_sent, out->count);
}

static void send_report(struct media *m, struct media_session *ms)
{
	size_t n;

	if (m->actor->now_ns < ms->s.report_ns || ms->rtcp_to.family == ADDR_NONE)
		return;
	n = session_report(&ms->s, m->actor->now_ns, clock_unix_ns(), rand_u64(&m->rand), ms->rtcp);
	if (n > 0 && loop_send(m->actor->loop, ms->rtcp_slot, &ms->rtcp_to, ms->rtcp, n) == 0)
		count(m, STAT_media_rtcp_sent, 1);
}

/* hot */
static void serve(struct media *m, struct media_session *ms)
{
	struct session_packets out;

	session_tick(&ms->s, m->actor->now_ns, &out, &m->events);
	send_packets(m, ms, &out);
	send_report(m, ms);
	rx_bell(m, ms);
	if (m->events.n > 0)
		to_bus_events(m, ms);
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
		serve(m, media_at(m, m->buckets[b][i]));
	}
}

void tick_run(struct media *m)
{
	uint64_t now_no = m->actor->now_ns / MEDIA_TICK_NS;

	if (now_no > m->tick_no + CATCH_UP_TICKS)
		m->tick_no = now_no - MEDIA_BUCKETS; /* everybody once */
	for (; m->tick_no <= now_no; m->tick_no++)
		run_bucket(m, (uint32_t)(m->tick_no % MEDIA_BUCKETS), m->actor->now_ns - m->tick_no * MEDIA_TICK_NS);
}
