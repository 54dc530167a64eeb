/* receive.c - datagrams to the timeline: source, sequence, order. */
#include "media/session/clock.h"
#include "media/session/events.h"
#include "media/session/key.h"
#include "media/session/timeline.h"
#include "media/session/voice.h"

#define FIRST_KEEPS_MS 200u /* the first packet of a stream that was put on hold behind it is no speech any more */
#define COMFORT_NOISE 13u /* RFC 3389; sent also when it was not negotiated */

/* hot */
static void heard(struct session *s, uint64_t arrival_ns, struct session_events *ev)
{
	s->in.heard_ns = arrival_ns;
	if (!s->r.stalled)
		return;
	s->r.stalled = false;
	s->dirty = true;
	session_emit(ev, SESSION_RESUMED)->pos = session_pos_at(s, arrival_ns);
}

/* Comfort noise, or nothing that was agreed on. */
static void take_other(struct session *s, const struct reorder_item *in, struct session_events *ev)
{
	if (in->payload_type == COMFORT_NOISE) {
		heard(s, in->arrival_ns, ev);
		timeline_noise(s, in);
	} else if (stream_is_new_type(&s->in, in->payload_type)) {
		session_emit(ev, SESSION_UNKNOWN_PAYLOAD)->payload_type = in->payload_type;
	}
}

/* hot */
static void take(struct session *s, const struct reorder_item *in, struct session_events *ev)
{
	uint8_t codec = voice_of_type(&s->facts, in->payload_type);
	bool is_key = voice_is_key(&s->facts, in->payload_type);

	if (codec == CODECS && !is_key) {
		take_other(s, in, ev);
		return;
	}
	heard(s, in->arrival_ns, ev);
	if (codec == CODECS) {
		key_packet(s, s->in.base.ssrc, in, ev);
		return;
	}
	if (!voice_hear(s, codec))
		return;
	if (s->listen != NULL)
		timeline_listen(s, in, ev);
	else
		timeline_audio(s, in, ev);
}

/* hot. What is next in order at this time, if anything is. */
static enum reorder_result deliver_one(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	struct reorder_item item;
	uint32_t lost;
	enum reorder_result got = reorder_next(&s->in.reorder, now_ns, &item, &lost);

	if (got == REORDER_LOST) {
		s->lost_pending += lost;
		s->quality.bursts++;
		xr_gone(&s->quality.runs, item.ext, lost);
	} else if (got == REORDER_PACKET) {
		take(s, &item, ev);
	}
	return got;
}

/* hot. For a listener a gap is given up when its time has come, and not sooner (session_give_up()). */
static void deliver(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	uint64_t until_ns = s->listen != NULL ? 0 : now_ns;

	while (deliver_one(s, until_ns, ev) != REORDER_NOTHING)
		;
}

bool session_give_up(struct session *s, struct session_events *ev)
{
	enum reorder_result got = deliver_one(s, UINT64_MAX, ev);

	return got == REORDER_PACKET || (got == REORDER_LOST && deliver_one(s, UINT64_MAX, ev) != REORDER_NOTHING);
}

/* Numbers start again, maybe with another `ssrc`: what waited is delivered, nothing of it may be taken for the new stream. */
static void restart(struct session *s, uint32_t ssrc, uint64_t now_ns, struct session_events *ev)
{
	reorder_flush(&s->in.reorder);
	if (s->tape != NULL)
		deliver(s, now_ns, ev);
	reorder_reset(&s->in.reorder);
	if (s->tape != NULL)
		key_restart(s, ssrc, ev);
	s->lost_pending = 0;
}

/* hot */
static void count(struct session *s, const struct rtp_packet *p, uint64_t arrival_ns, bool timed)
{
	uint8_t codec = voice_of_type(&s->facts, p->payload_type);
	const struct audio_codec *c = codec < CODECS ? &audio_codecs[codec] : session_codec(s);

	stream_count(&s->in, p, arrival_ns, c->clock_hz, timed && codec < CODECS);
}

/* hot. A packet in its place in the stream: `ext`. */
static void admit(struct session *s, const struct rtp_packet *p, uint64_t ext, uint64_t arrival_ns, struct session_events *ev)
{
	struct reorder_item item = {
		.ext = ext, .ts = p->ts, .payload_type = p->payload_type, .marker = p->marker,
		.arrival_ns = arrival_ns, .payload = p->payload, .payload_bytes = p->payload_bytes,
	};

	count(s, p, arrival_ns, true);
	if (s->tape == NULL) {
		s->in.count.packets_early++;
		s->in.reorder.next = 0;
		return;
	}
	if (reorder_take(&s->in.reorder, &item))
		take(s, &item, ev);
	deliver(s, arrival_ns, ev);
}

static void tell_restart(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	if (s->restarted_ns != 0 && now_ns < s->restarted_ns + SESSION_RESTARTS_MS * 1000000ull)
		return;
	s->restarted_ns = now_ns;
	session_emit(ev, SESSION_STREAM_RESTARTED)->pos = session_pos_at(s, now_ns);
}

/* This packet is the second of a stream: it shows that the first was one. */
static void begin(struct session *s, const struct rtp_packet *p, uint64_t now_ns, struct session_events *ev)
{
	const struct stream_first *first = stream_take_first(&s->in, p);
	uint64_t ext = 0;

	restart(s, p->ssrc, now_ns, ev);
	if (first != NULL)
		(void)seq_take(&s->in.seq, first->rtp.ssrc, first->rtp.seq, &ext); /* late by one: it is where counting begins */
	if (s->in.base.first != 0 && s->tape != NULL)
		tell_restart(s, now_ns, ev);
	stream_rebase(&s->in, p->ssrc);
	xr_begin(&s->quality.runs, s->in.base.first);
	s->r.rx_anchored = 0; /* another stream: another relation of timestamps to our clock */
	s->dirty = true;
	if (first == NULL)
		return;
	if (now_ns <= first->arrival_ns + FIRST_KEEPS_MS * 1000000ull || s->tape == NULL) {
		admit(s, &first->rtp, ext, first->arrival_ns, ev);
		return;
	}
	count(s, &first->rtp, first->arrival_ns, false);
	s->count.packets_late++;
}

static bool refuse(struct session *s, const struct addr *from, enum latch_verdict v, struct session_events *ev)
{
	s->in.count.packets_rejected++;
	if (v == LATCH_REFUSED && latch_is_news(&s->in.refused, from))
		session_emit(ev, SESSION_SOURCE_REFUSED)->source = *from;
	return false;
}

/* Before the start nobody was told this port but by mistake: only the one who is named may speak already. */
static enum latch_verdict judge(struct session *s, const struct addr *from, const struct rtp_packet *p, uint64_t now_ns)
{
	if (s->tape == NULL && !addr_eq(from, &s->in.latch.sdp))
		return LATCH_REFUSED;
	return latch_take(&s->in.latch, &(struct latch_packet){
		.from = from, .ssrc = p->ssrc, .seq = p->seq, .goes_on = seq_goes_on(&s->in.seq, p->ssrc, p->seq), .now_ns = now_ns,
	});
}

/* hot. Does it come from whom it should? */
static bool is_believed(struct session *s, const struct addr *from, const struct rtp_packet *p, uint64_t now_ns,
			struct session_events *ev)
{
	enum latch_verdict v;
	bool certain;

	if (from == NULL) { /* the kernel checked it */
		latch_heard(&s->in.latch, now_ns);
		return true;
	}
	v = judge(s, from, p, now_ns);
	if (v == LATCH_WAITING || v == LATCH_REFUSED)
		return refuse(s, from, v, ev);
	certain = latch_is_certain(&s->in.latch);
	if (v == LATCH_BELIEVED && certain == s->in.narrow)
		return true;
	s->in.narrow = certain;
	session_emit(ev, SESSION_LOCKED);
	if (v == LATCH_MOVED)
		session_emit(ev, SESSION_SOURCE_MOVED)->source = *from;
	s->dirty = true;
	return true;
}

/* hot. Where its number stands; SEQ_DUPLICATE: it was there before. */
static enum seq_verdict take_number(struct session *s, const struct rtp_packet *p, uint64_t *ret_ext)
{
	enum seq_verdict v = seq_take(&s->in.seq, p->ssrc, p->seq, ret_ext);

	if (v == SEQ_DUPLICATE && voice_of_type(&s->facts, p->payload_type) < CODECS && stream_is_renumbered(&s->in, p))
		return seq_take_anew(&s->in.seq, p->ssrc, p->seq, ret_ext);
	return v;
}

/* Under our own SSRC, or one that we gave up for another sender's sake. Whoever is not believed has no say in which we use. */
static bool is_loop(struct session *s, const struct addr *from, uint32_t ssrc, uint64_t now_ns)
{
	const struct addr *remote = latch_remote(&s->in.latch);

	if (ssrc != s->r.ssrc && !s->had_rival)
		return false;
	if (from != NULL && !addr_eq(from, remote)) {
		s->in.count.packets_looped += ssrc == s->r.ssrc;
		return ssrc == s->r.ssrc;
	}
	if (!session_is_rival(s, ssrc, remote, now_ns))
		return false;
	s->in.alive_ns = now_ns;
	return true;
}

/* hot */
void session_receive(struct session *s, const struct session_datagram *d, uint64_t now_ns, struct session_events *ev)
{
	struct rtp_packet rtp;
	enum seq_verdict v;
	uint64_t ext;

	/* RTCP here was not negotiated (RFC 5761); taken for RTP its SSRC would start another stream */
	if (rtp_is_rtcp(d->p, d->n) || rtp_parse(d->p, d->n, &rtp) != RTP_SOUND) {
		s->in.count.packets_malformed++;
		return;
	}
	if (is_loop(s, d->from, rtp.ssrc, now_ns) || !is_believed(s, d->from, &rtp, now_ns, ev))
		return;
	s->in.alive_ns = now_ns;
	if (key_is_aside(s, &rtp)) {
		heard(s, now_ns, ev);
		key_aside(s, &rtp, now_ns, ev);
		return;
	}
	v = take_number(s, &rtp, &ext);
	if (v == SEQ_UNPROVEN) {
		stream_keep_first(&s->in, &rtp, now_ns);
		return;
	}
	if (v == SEQ_RESTART)
		begin(s, &rtp, now_ns, ev);
	else if (s->in.has_first)
		(void)stream_take_first(&s->in, &rtp); /* a stray packet: the stream goes on */
	if (v != SEQ_DUPLICATE)
		admit(s, &rtp, ext, now_ns, ev);
}

void session_late(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	if (s->tape != NULL)
		deliver(s, now_ns, ev);
}
