/* timeline.c - decoded packets onto the rx side of the tape, each sample at its place in time.
 *
 * A packet's place is its timestamp relative to an anchor (one packet whose place was set by its arrival). Places ahead
 * of what was written are filled: with concealment as far as packets are known to be lost, with silence for up to a
 * second, and beyond that the position jumps. */
#include <string.h>

#include "media/dsp/g711.h"
#include "media/session/session.h"

#define SAMPLES_MAX (SESSION_WIRE_HZ / 1000u * SESSION_PTIME_MAX_MS)
#define UP_MAX (SAMPLES_MAX * 2u)
#define FILL_MAX_MS 1000u
#define DRIFT_MS 100u    /* further from the clock than this and the anchor is wrong */
#define LAG_PACKETS 50u  /* ... in every one of so many packets */
#define LAG_MS 900u      /* ... that came over so long: a burst after a stall is late, but right */
#define DTMF_HANG_MS 60u /* audio so close behind an event is flagged with it */

/* hot */
static void put_frame(struct session *s, const int16_t *pcm, struct tape_frame f)
{
	f.tx_index = UINT64_MAX;
	tape_rx_put(s->tape, &f, pcm);
	s->count.frames_concealed += f.kind == TAPE_CONCEALED;
}

/* hot */
static void flush_frame(struct session *s, uint32_t samples)
{
	put_frame(s, s->acc, (struct tape_frame){
		.pos = s->rx_pos - s->acc_n, .mono_ns = s->acc_arrival_ns, .samples = samples, .kind = s->acc_kind,
	});
	s->acc_n -= samples;
	memmove(s->acc, s->acc + samples, s->acc_n * sizeof s->acc[0]);
	s->acc_kind = TAPE_OK;
}

/* A frame made of several parts is called by the one a listener must know most about. */
static const uint8_t rank[TAPE_FRAME_KINDS] = {
	[TAPE_SILENCE] = 0, [TAPE_OK] = 1, [TAPE_NOISE] = 2, [TAPE_DTMF] = 3, [TAPE_CONCEALED] = 4,
};

/* hot. At the tape's rate. */
static void collect(struct session *s, const int16_t *pcm, uint32_t n, enum tape_frame_kind kind, uint64_t arrival_ns)
{
	while (n > 0) {
		uint32_t room = s->tape->frame_samples - s->acc_n;
		uint32_t part = n < room ? n : room;

		if (part == s->tape->frame_samples) { /* as usual: a packet is a frame */
			put_frame(s, pcm, (struct tape_frame){
				.pos = s->rx_pos, .mono_ns = arrival_ns, .samples = part, .kind = kind,
			});
			s->rx_pos += part;
			pcm += part;
			n -= part;
			continue;
		}
		if (s->acc_n == 0 || rank[kind] > rank[s->acc_kind])
			s->acc_kind = kind;
		memcpy(s->acc + s->acc_n, pcm, part * sizeof *pcm);
		s->acc_n += part;
		s->rx_pos += part;
		s->acc_arrival_ns = arrival_ns;
		pcm += part;
		n -= part;
		if (s->acc_n == s->tape->frame_samples)
			flush_frame(s, s->acc_n);
	}
}

/* 8 kHz samples to the tape. */
static void put_wire(struct session *s, const int16_t *pcm, uint32_t n, enum tape_frame_kind kind, uint64_t arrival_ns)
{
	int16_t up[UP_MAX];
	size_t made = resample_run(&s->up, pcm, n, up, UP_MAX);

	collect(s, up, (uint32_t)made, kind, arrival_ns);
}

static uint32_t to_wire(const struct session *s, uint64_t samples)
{
	return (uint32_t)(samples * SESSION_WIRE_HZ / s->r.rate_hz);
}

static void fill(struct session *s, uint64_t gap, uint64_t lost_samples, uint64_t arrival_ns)
{
	uint32_t invent = to_wire(s, gap < lost_samples ? gap : lost_samples), rest = to_wire(s, gap) - invent;
	enum tape_frame_kind quiet = arrival_ns < s->dtmf_until_ns ? TAPE_DTMF : TAPE_SILENCE;
	int16_t pcm[SESSION_WIRE_TICK];

	while (invent > 0) {
		uint32_t n = invent < SESSION_WIRE_TICK ? invent : SESSION_WIRE_TICK;

		conceal_lost(&s->conceal, pcm, n);
		put_wire(s, pcm, n, TAPE_CONCEALED, arrival_ns);
		invent -= n;
	}
	memset(pcm, 0, sizeof pcm);
	while (rest > 0) {
		uint32_t n = rest < SESSION_WIRE_TICK ? rest : SESSION_WIRE_TICK;

		put_wire(s, pcm, n, quiet, arrival_ns);
		rest -= n;
	}
}

/* Continue at `pos`, with a hole before it. */
static void jump(struct session *s, uint64_t pos)
{
	if (s->acc_n > 0)
		flush_frame(s, s->acc_n);
	s->rx_pos = pos;
}

static void anchor(struct session *s, uint32_t ts, uint64_t pos)
{
	s->r.rx_ts = ts;
	s->r.rx_ts_pos = pos;
	s->lag_count = 0;
	s->r.rx_anchored = 1;
	s->dirty = true;
}

/* The place of a timestamp; the anchor moves along so that differences stay small. */
static uint64_t place(struct session *s, uint32_t ts)
{
	int64_t ahead = (int64_t)(int32_t)(ts - s->r.rx_ts) * (int64_t)s->r.rate_hz / (int64_t)SESSION_WIRE_HZ;

	if (ahead < 0 && (uint64_t)-ahead > s->r.rx_ts_pos)
		return 0;
	return (uint64_t)((int64_t)s->r.rx_ts_pos + ahead);
}

/* Was every packet of the last second at least so far behind the clock? Begins a new window at its end. */
static uint64_t least_lag(struct session *s, uint64_t lag, uint64_t now_ns)
{
	if (s->lag_count == 0)
		s->lag_since_ns = now_ns;
	s->lag_least = s->lag_count == 0 || lag < s->lag_least ? lag : s->lag_least;
	if (++s->lag_count < LAG_PACKETS || now_ns < s->lag_since_ns + LAG_MS * 1000000ull)
		return 0;
	s->lag_count = 0;
	return s->lag_least;
}

/* A timeline that is behind the clock in every packet of a second, or ahead of it at all, belongs to a sender whose timestamps
 * do not follow time (it paused them, or changed them): set it right. */
static uint64_t check_drift(struct session *s, uint32_t ts, uint64_t pos, uint64_t arrival_ns)
{
	uint64_t allowed = (uint64_t)s->r.rate_hz * DRIFT_MS / 1000u;
	uint64_t now_pos = session_pos_at(s, arrival_ns);
	uint64_t behind = least_lag(s, now_pos > pos ? now_pos - pos : 0, arrival_ns);

	if (pos > now_pos + allowed)
		pos = now_pos > s->rx_pos ? now_pos : s->rx_pos;
	else if (behind > allowed)
		pos += behind;
	else
		return pos;
	s->count.reanchored++;
	anchor(s, ts, pos);
	return pos;
}

static void first_packet(struct session *s, const struct reorder_item *in, struct session_events *ev)
{
	uint64_t pos = session_pos_at(s, in->arrival_ns);

	anchor(s, in->ts, pos > s->rx_pos ? pos : s->rx_pos);
	jump(s, s->r.rx_ts_pos);
	if (!s->began)
		session_emit(ev, SESSION_BEGAN)->pos = s->rx_pos;
	s->began = true;
}

static void audio(struct session *s, const struct reorder_item *in, struct session_events *ev)
{
	uint32_t n = in->payload_bytes < SAMPLES_MAX ? (uint32_t)in->payload_bytes : SAMPLES_MAX;
	uint64_t pos, gap, lost = (uint64_t)s->lost_pending * s->packet_samples;
	bool key_down = s->r.dtmf.active || in->arrival_ns < s->dtmf_until_ns;
	int16_t pcm[SAMPLES_MAX];

	s->lost_pending = 0;
	if (n == 0)
		return;
	if (!s->r.rx_anchored)
		first_packet(s, in, ev);
	pos = check_drift(s, in->ts, place(s, in->ts), in->arrival_ns);
	gap = pos > s->rx_pos ? pos - s->rx_pos : 0;
	if (gap > (uint64_t)s->r.rate_hz * FILL_MAX_MS / 1000u)
		jump(s, pos);
	else if (gap > 0)
		fill(s, gap, lost, in->arrival_ns);
	s->r.rx_ts = in->ts;
	s->r.rx_ts_pos = s->rx_pos;

	if (s->r.facts.codec == SESSION_PCMU)
		g711_ulaw_decode(in->payload, n, pcm);
	else
		g711_alaw_decode(in->payload, n, pcm);
	if (key_down)
		memset(pcm, 0, n * sizeof pcm[0]);
	conceal_good(&s->conceal, pcm, n);
	s->packet_samples = n * (s->r.rate_hz / SESSION_WIRE_HZ);
	put_wire(s, pcm, n, key_down ? TAPE_DTMF : TAPE_OK, in->arrival_ns);
}

static void report_digit(struct session *s, const struct dtmf_digit *d, struct session_events *ev)
{
	struct session_event *e = session_emit(ev, SESSION_DIGIT);

	e->digit = d->digit;
	e->pos = place(s, d->ts);
	e->duration_ms = d->duration / (SESSION_WIRE_HZ / 1000u);
}

static void telephone_event(struct session *s, const struct reorder_item *in, struct session_events *ev)
{
	struct dtmf_digit digits[2];
	struct dtmf_payload payload;
	struct dtmf before = s->r.dtmf;
	int n;

	if (dtmf_parse(in->payload, in->payload_bytes, &payload) != 0) {
		s->r.dtmf.ignored++;
		return;
	}
	if (!s->r.rx_anchored)
		first_packet(s, in, ev);
	s->lost_pending = 0; /* a lost packet of an event is no lost audio */
	n = dtmf_take(&s->r.dtmf, in->ts, &payload, in->arrival_ns, digits);
	s->dirty |= before.active != s->r.dtmf.active || before.ts != s->r.dtmf.ts;
	s->dtmf_until_ns = in->arrival_ns + DTMF_HANG_MS * 1000000ull;
	for (int i = 0; i < n; i++)
		report_digit(s, &digits[i], ev);
	atomic_store_explicit(&s->tape->mh->dtmf_active, s->r.dtmf.active, memory_order_relaxed);
}

void timeline_packet(struct session *s, const struct reorder_item *in, struct session_events *ev)
{
	if (in->payload_type == s->r.facts.payload_type)
		audio(s, in, ev);
	else if (s->r.facts.dtmf_payload_type != 0 && in->payload_type == s->r.facts.dtmf_payload_type)
		telephone_event(s, in, ev);
	else
		s->count.packets_unknown++; /* comfort noise (13) too: the gap it explains is filled with silence */
}
