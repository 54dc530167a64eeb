/* buckets.c - see buckets.h */
#include "media/daemon/buckets.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/must.h"

int buckets_init(struct media *m, uint32_t cap)
{
	for (uint32_t b = 0; b < MEDIA_BUCKETS; b++) {
		m->buckets[b] = calloc(cap, sizeof *m->buckets[b]);
		m->later[b] = calloc(cap, sizeof *m->later[b]);
		if (m->buckets[b] == NULL || m->later[b] == NULL)
			return ERR_NOMEM;
	}
	m->tick_no = clock_ns() / MEDIA_TICK_NS + 1;
	return 0;
}

void buckets_fini(struct media *m)
{
	for (uint32_t b = 0; b < MEDIA_BUCKETS; b++) {
		free(m->buckets[b]);
		free(m->later[b]);
	}
}

static bool is_empty(const struct media *m, uint64_t tick_no)
{
	return m->bucket_n[tick_no % MEDIA_BUCKETS] == 0 && m->later_n[tick_no % MEDIA_BUCKETS] == 0;
}

/* Nobody waited for the ticks that passed while their buckets were empty: whoever joins now is not late for them. */
static void skip_empty(struct media *m)
{
	uint64_t now_no = m->actor->now_ns / MEDIA_TICK_NS;

	while (m->tick_no < now_no && is_empty(m, m->tick_no))
		m->tick_no++;
}

void buckets_rejoin(struct media *m, struct media_session *ms)
{
	uint32_t b = ms->s.r.bucket % MEDIA_BUCKETS;

	skip_empty(m);
	ms->bucket_at = m->bucket_n[b];
	m->buckets[b][m->bucket_n[b]++] = pool_slot(media_handle(m, ms));
}

void buckets_join(struct media *m, struct media_session *ms)
{
	uint32_t best = 0;

	for (uint32_t b = 1; b < MEDIA_BUCKETS; b++)
		if (m->bucket_n[b] < m->bucket_n[best])
			best = b;
	ms->s.r.bucket = best;
	buckets_rejoin(m, ms);
}

void buckets_leave(struct media *m, struct media_session *ms)
{
	uint32_t b = ms->s.r.bucket % MEDIA_BUCKETS, last;

	must(m->bucket_n[b] > 0);
	last = m->buckets[b][--m->bucket_n[b]];
	m->buckets[b][ms->bucket_at] = last;
	if (ms->bucket_at < m->bucket_n[b])
		media_slot(m, last)->bucket_at = ms->bucket_at;
}

/* hot */
void buckets_later(struct media *m, struct media_session *ms)
{
	uint32_t b = (ms->s.r.bucket + MEDIA_BUCKETS / 2) % MEDIA_BUCKETS;

	if (ms->later || m->later_n[b] == m->sessions.cap) /* full of slots that were given back and taken again: with its next tick, then */
		return;
	ms->later = true;
	m->later[b][m->later_n[b]++] = pool_slot(media_handle(m, ms));
}

uint64_t buckets_start_ns(const struct media *m, const struct media_session *ms)
{
	uint64_t no = m->actor->now_ns / MEDIA_TICK_NS + 1;

	while (no % MEDIA_BUCKETS != ms->s.r.bucket)
		no++;
	return no * MEDIA_TICK_NS;
}

uint64_t buckets_deadline_ns(const struct media *m)
{
	for (uint32_t k = 0; k < MEDIA_BUCKETS; k++)
		if (!is_empty(m, m->tick_no + k))
			return (m->tick_no + k) * MEDIA_TICK_NS;
	return UINT64_MAX;
}
