/* counts.c - see counts.h */
#include "media/daemon/counts.h"

#include <string.h>

void counts_session(struct media *m, struct media_session *ms)
{
	const struct session_counters *now = &ms->s.count;
	const struct stream_counters *in = &ms->s.in.count;
	struct session_counters *told = &ms->told;
	struct stream_counters *told_in = &ms->told_in;

	count(m, STAT_media_rtp_rejected, in->packets_rejected - told_in->packets_rejected);
	count(m, STAT_media_rtp_malformed, in->packets_malformed - told_in->packets_malformed);
	count(m, STAT_media_rtp_unknown, in->packets_unknown - told_in->packets_unknown);
	count(m, STAT_media_rtp_looped, in->packets_looped - told_in->packets_looped);
	count(m, STAT_media_frames_concealed, now->frames_concealed - told->frames_concealed);
	count(m, STAT_media_ticks_skipped, now->ticks_skipped - told->ticks_skipped);
	count(m, STAT_media_keys_dropped, now->keys_dropped - told->keys_dropped);
	count(m, STAT_media_rtp_duplicate, ms->s.in.seq.duplicates - ms->told_duplicates);
	count(m, STAT_media_rtp_late, ms->s.in.reorder.late - ms->told_late);
	if (ms->has_tape)
		count(m, STAT_media_tape_hostile, ms->tape.hostile - ms->told_hostile);
	*told = *now;
	*told_in = *in;
	ms->told_duplicates = ms->s.in.seq.duplicates;
	ms->told_late = ms->s.in.reorder.late;
	ms->told_hostile = ms->has_tape ? ms->tape.hostile : 0;
}

void counts_gauges(struct media *m)
{
	struct statpage *p = &m->actor->stats;
	struct media_session *ms;
	struct loop_stats ls;
	uint32_t at = 0, attached = 0, tapes = 0;

	while ((ms = pool_each(&m->sessions, &at)) != NULL) {
		tapes += ms->has_tape;
		counts_session(m, ms);
	}
	for (uint32_t i = 0; i < MEDIA_CONNECTIONS_MAX; i++)
		attached += m->connections[i].fd >= 0;
	loop_stats(m->actor->loop, &ls);
	stat_set(p, STAT_media_sessions, m->sessions.used);
	stat_set(p, STAT_ready, worker_welcome(m->worker) && !m->draining);
	stat_set(p, STAT_media_tapes, tapes);
	stat_set(p, STAT_media_bridged, m->members.used);
	stat_set(p, STAT_media_attached, attached);
	stat_set(p, STAT_media_ports_free, ports_free(&m->ports, m->actor->now_ms));
	stat_set(p, STAT_media_engine_uring, strcmp(loop_name(m->actor->loop), "uring") == 0);
	stat_set(p, STAT_media_send_failed, ls.send_failed);
	stat_set(p, STAT_media_no_buffers, ls.no_buffers);
	stat_set(p, STAT_media_enters, ls.enters);
}
