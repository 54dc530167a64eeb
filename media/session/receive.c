/* receive.c - datagrams to the timeline: source, sequence, order. */
#include "media/session/clock.h"
#include "media/session/events.h"
#include "media/session/key.h"
#include "media/session/timeline.h"

/* hot */
static void take(struct session *s, const struct reorder_item *in, struct session_events *ev)
{
	if (in->payload_type == s->facts.payload_type)
		timeline_audio(s, in, ev);
	else if (s->facts.dtmf_payload_type != 0 && in->payload_type == s->facts.dtmf_payload_type)
		key_packet(s, in, ev);
	else
		s->in.count.packets_unknown++; /* comfort noise (13) too: the gap it explains is filled with silence */
}

/* hot */
static void deliver(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	enum reorder_result got;
	struct reorder_item item;
	uint32_t lost;

	while ((got = reorder_next(&s->in.reorder, now_ns, &item, &lost)) != REORDER_NOTHING) {
		if (got == REORDER_LOST)
			s->lost_pending += lost;
		else
			take(s, &item, ev);
	}
}

/* hot */
static void heard(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	s->in.heard_ns = s->in.alive_ns = now_ns;
	if (!s->r.stalled)
		return;
	s->r.stalled = false;
	s->dirty = true;
	session_emit(ev, SESSION_RESUMED)->pos = session_pos_at(s, now_ns);
}

/* Numbers start again: what waited is delivered, nothing of it may be taken for the new stream. */
static void restart(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	reorder_flush(&s->in.reorder);
	if (s->tape != NULL)
		deliver(s, now_ns, ev);
	reorder_reset(&s->in.reorder);
	if (s->tape != NULL)
		key_expire(s, UINT64_MAX, ev);
	s->dtmf = (struct dtmf){.ignored = s->dtmf.ignored};
	s->lost_pending = 0;
}

/* hot. Believed, counted, numbered: *ret_ext. False: not to be played. */
static bool admit(struct session *s, const struct rtp_packet *p, uint64_t now_ns, struct session_events *ev,
		  uint64_t *ret_ext)
{
	enum seq_verdict v = seq_take(&s->in.seq, p->ssrc, p->seq, ret_ext);

	if (v == SEQ_DUPLICATE)
		return false;
	if (v == SEQ_UNPROVEN) {
		s->in.count.packets_rejected++;
		return false;
	}
	if (v == SEQ_RESTART) {
		restart(s, now_ns, ev);
		stream_rebase(&s->in, p->ssrc);
		s->r.rx_anchored = 0; /* another stream: another relation of timestamps to our clock */
		s->dirty = true;
	}
	stream_count(&s->in, p, now_ns, session_codec(s)->clock_hz, p->payload_type == s->facts.payload_type);
	return true;
}

/* hot */
void session_receive(struct session *s, const struct session_datagram *d, uint64_t now_ns, struct session_events *ev)
{
	bool was_locked = s->in.latch.is_locked;
	struct reorder_item item;
	struct rtp_packet rtp;
	uint64_t ext;

	/* RTCP here was not negotiated (RFC 5761); taken for RTP its SSRC would start another stream */
	if (rtp_is_rtcp(d->p, d->n) || rtp_parse(d->p, d->n, &rtp) != RTP_SOUND) {
		s->in.count.packets_malformed++;
		return;
	}
	if (d->from != NULL && !latch_accepts(&s->in.latch, d->from, rtp.ssrc, rtp.seq)) {
		s->in.count.packets_rejected++;
		return;
	}
	if (d->from != NULL && !was_locked) {
		session_emit(ev, SESSION_LOCKED);
		s->dirty = true;
	}
	heard(s, now_ns, ev);
	if (!admit(s, &rtp, now_ns, ev, &ext))
		return;
	if (s->tape == NULL) {
		s->in.count.packets_early++;
		s->in.reorder.next = 0;
		return;
	}
	item = (struct reorder_item){
		.ext = ext, .ts = rtp.ts, .payload_type = rtp.payload_type, .marker = rtp.marker,
		.arrival_ns = now_ns, .payload = rtp.payload, .payload_bytes = rtp.payload_bytes,
	};
	if (reorder_take(&s->in.reorder, &item))
		take(s, &item, ev);
	deliver(s, now_ns, ev);
}

void session_late(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	if (s->tape != NULL)
		deliver(s, now_ns, ev);
}
