/* receive.c - datagrams to the timeline: source, sequence, order. */
#include "media/session/session.h"

/* hot */
static void deliver(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	enum reorder_result got;
	struct reorder_item item;
	uint32_t lost;

	while ((got = reorder_next(&s->reorder, now_ns, &item, &lost)) != REORDER_NOTHING) {
		if (got == REORDER_LOST)
			s->lost_pending += lost;
		else
			timeline_packet(s, &item, ev);
	}
}

/* hot */
static void heard(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	s->heard_ns = s->alive_ns = now_ns;
	if (!s->r.stalled)
		return;
	s->r.stalled = false;
	s->dirty = true;
	session_emit(ev, SESSION_RESUMED)->pos = session_pos_at(s, now_ns);
}

/* Numbers start again: what waited is delivered, nothing of it may be taken for the new stream. */
static void restart(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	reorder_flush(&s->reorder);
	if (s->tape != NULL)
		deliver(s, now_ns, ev);
	reorder_reset(&s->reorder);
	if (s->tape != NULL)
		digit_expire(s, UINT64_MAX, ev);
	s->r.dtmf = (struct dtmf){.ignored = s->r.dtmf.ignored};
	s->lost_pending = 0;
}

/* hot. Believed, counted, numbered: *ret_ext. False: not to be played. */
static bool admit(struct session *s, const struct rtp_packet *p, uint64_t now_ns, struct session_events *ev,
		  uint64_t *ret_ext)
{
	enum seq_verdict v = seq_take(&s->seq, p->ssrc, p->seq, ret_ext);

	if (v == SEQ_DUPLICATE)
		return false;
	if (v == SEQ_UNPROVEN) {
		s->count.packets_rejected++;
		return false;
	}
	if (v == SEQ_RESTART) {
		restart(s, now_ns, ev);
		/* the first stream is believed at once, another one (SSRC or a jump) when two packets agree (RFC 3550 A.1) */
		s->seq.probation = 1;
		s->r.rx_ssrc = p->ssrc;
		s->r.rx_base = s->seq.base;
		s->r.rx_before = s->count.packets_received;
		s->r.rx_anchored = 0; /* another stream: another relation of timestamps to our clock */
		s->dirty = true;
	}
	session_hot_set(s, HOT_RX_EXT, s->seq.highest);
	s->count.packets_received++;
	s->count.octets_received += p->payload_bytes;
	session_hot_set(s, HOT_RECEIVED, s->count.packets_received);
	if (p->payload_type == s->r.facts.payload_type)
		seq_arrived(&s->seq, p->ts, (uint32_t)(now_ns / (1000000000u / SESSION_WIRE_HZ)));
	return true;
}

static bool is_believed(struct session *s, const struct addr *from, const struct rtp_packet *p, uint64_t now_ns)
{
	enum latch_verdict v = latch_take(&s->r.latch, &(struct latch_packet){
		.from = from, .ssrc = p->ssrc, .seq = p->seq, .goes_on = seq_goes_on(&s->seq, p->ssrc, p->seq), .now_ns = now_ns,
	});

	return v < LATCH_WAITING;
}

/* hot */
void session_receive(struct session *s, const struct session_datagram *d, uint64_t now_ns, struct session_events *ev)
{
	bool was_locked = s->r.latch.is_locked;
	struct reorder_item item;
	struct rtp_packet rtp;
	uint64_t ext;

	/* RTCP here was not negotiated (RFC 5761); taken for RTP its SSRC would start another stream */
	if (rtp_is_rtcp(d->p, d->n) || rtp_parse(d->p, d->n, &rtp) != RTP_SOUND) {
		s->count.packets_malformed++;
		return;
	}
	if (d->from == NULL)
		latch_heard(&s->r.latch, now_ns);
	else if (!is_believed(s, d->from, &rtp, now_ns)) {
		s->count.packets_rejected++;
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
		s->count.packets_early++;
		s->reorder.next = 0;
		return;
	}
	item = (struct reorder_item){
		.ext = ext, .ts = rtp.ts, .payload_type = rtp.payload_type, .marker = rtp.marker,
		.arrival_ns = now_ns, .payload = rtp.payload, .payload_bytes = rtp.payload_bytes,
	};
	if (reorder_take(&s->reorder, &item))
		timeline_packet(s, &item, ev);
	deliver(s, now_ns, ev);
}

void session_late(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	if (s->tape != NULL)
		deliver(s, now_ns, ev);
}
