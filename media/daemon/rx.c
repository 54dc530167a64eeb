/* rx.c - datagrams from the sockets of sessions. */
#include "common/base/clock.h"
#include "media/daemon/media.h"

/* hot */
void rx_bell(struct media *m, struct media_session *ms)
{
	struct connection *c;

	if (ms->connection < 0)
		return;
	c = &m->connections[ms->connection];
	/* both are asked: each remembers that it was */
	c->ring |= tape_reader_sleeps(&ms->tape);
	c->ring |= tape_writer_waits(&ms->tape);
}

void rx_count(struct media *m, struct media_session *ms)
{
	const struct session_counters *now = &ms->s.count;
	const struct stream_counters *in = &ms->s.in.count;
	struct session_counters *told = &ms->told;
	struct stream_counters *told_in = &ms->told_in;

	count(m, STAT_media_rtp_rejected, in->packets_rejected - told_in->packets_rejected);
	count(m, STAT_media_rtp_malformed, in->packets_malformed - told_in->packets_malformed);
	count(m, STAT_media_rtp_unknown, in->packets_unknown - told_in->packets_unknown);
	count(m, STAT_media_frames_concealed, now->frames_concealed - told->frames_concealed);
	count(m, STAT_media_ticks_skipped, now->ticks_skipped - told->ticks_skipped);
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

/* From where the SDP says, or from the address the audio comes from. The port is the peer's choice (RFC 3550 section 11). */
static bool take_rtcp(struct media *m, struct media_session *ms, const struct loop_event *e)
{
	bool known = !e->has_from || addr_ip_eq(&e->from, &ms->s.facts.remote_rtcp) ||
		     addr_ip_eq(&e->from, latch_remote(&ms->s.in.latch));

	count(m, STAT_media_rtcp_received, 1);
	ms->s.in.count.packets_rejected += !known;
	return known && session_receive_rtcp(&ms->s, e->p, e->n, m->actor->now_ns, clock_unix_ns());
}

/* hot */
void rx_rtp(struct media *m, uint32_t slot, const struct loop_event *e)
{
	struct media_session *ms = media_slot(m, slot);

	if (ms == NULL)
		return;
	if (rtp_is_rtcp(e->p, e->n)) { /* a peer that multiplexes without having been asked */
		(void)take_rtcp(m, ms, e);
		return;
	}
	count(m, STAT_media_rtp_received, 1);
	session_receive(&ms->s, &(struct session_datagram){e->p, e->n, e->has_from ? &e->from : NULL}, m->actor->now_ns,
			&m->events);
	rx_bell(m, ms);
	if (m->events.n > 0)
		to_bus_events(m, ms);
	if (ms->s.dirty)
		sessions_save(m, ms);
}

void rx_rtcp(struct media *m, uint32_t slot, const struct loop_event *e)
{
	struct media_session *ms = media_slot(m, slot);

	/* a peer behind a NAT gets its reports where its own come from (RFC 4961) */
	if (ms != NULL && take_rtcp(m, ms, e) && ms->s.in.latch.is_locked && e->has_from &&
	    addr_ip_eq(&e->from, &ms->s.in.latch.locked))
		sessions_report_to(m, ms, &e->from);
}
