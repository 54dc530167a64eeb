/* timeline.c - decoded packets onto the rx side of the tape, each sample at its place in time.
 *
 * A packet's place is its timestamp relative to an anchor (one packet whose place was set by its arrival). Places ahead
 * of what was written are filled: with concealment as far as packets are known to be lost, with silence for up to a
 * second, and beyond that the position jumps. */
#include "media/session/timeline.h"

#include <string.h>

#include "media/session/clock.h"
#include "media/session/events.h"

#define PIECE_MS 20u /* decoded at a time */
#define PIECE_MAX (PIECE_MS * CODEC_SAMPLES_PER_MS_MAX)
#define UP_MAX (PIECE_MS * TAPE_SAMPLES_PER_MS_MAX)
#define PACKET_MAX_MS 200u /* RFC 3551 section 4.2 */
#define FILL_MAX_MS 1000u
#define DRIFT_MS 100u    /* further from the clock than this and the anchor is wrong */
#define LAG_PACKETS 50u  /* ... in every one of so many packets */
#define LAG_MS 900u      /* ... that came over so long: a burst after a stall is late, but right */

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

/* hot. Samples at the codec's rate, at most a piece. */
static void put_piece(struct session *s, const int16_t *pcm, uint32_t n, enum tape_frame_kind kind, uint64_t arrival_ns)
{
	int16_t up[UP_MAX];
	size_t made = resample_run(&s->up, pcm, n, up, UP_MAX);

	collect(s, up, (uint32_t)made, kind, arrival_ns);
}

static uint32_t to_codec(const struct session *s, uint64_t samples)
{
	return (uint32_t)(samples * session_codec(s)->rate_hz / s->r.rate_hz);
}

static void fill(struct session *s, uint64_t gap, uint64_t lost_samples, uint64_t arrival_ns)
{
	uint32_t invent = to_codec(s, gap < lost_samples ? gap : lost_samples), rest = to_codec(s, gap) - invent;
	enum tape_frame_kind quiet = arrival_ns < s->dtmf_until_ns ? TAPE_DTMF : TAPE_SILENCE;
	int16_t pcm[PIECE_MAX];

	while (invent > 0) {
		uint32_t n = invent < PIECE_MAX ? invent : PIECE_MAX;

		conceal_lost(&s->conceal, pcm, n);
		put_piece(s, pcm, n, TAPE_CONCEALED, arrival_ns);
		invent -= n;
	}
	memset(pcm, 0, sizeof pcm);
	while (rest > 0) {
		uint32_t n = rest < PIECE_MAX ? rest : PIECE_MAX;

		put_piece(s, pcm, n, quiet, arrival_ns);
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

uint64_t timeline_place(const struct session *s, uint32_t ts)
{
	int64_t ahead = (int64_t)(int32_t)(ts - s->r.rx_ts) * (int64_t)s->r.rate_hz / (int64_t)session_codec(s)->clock_hz;

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

void timeline_begin(struct session *s, const struct reorder_item *in, struct session_events *ev)
{
	uint64_t pos = session_pos_at(s, in->arrival_ns);

	if (s->r.rx_anchored)
		return;
	anchor(s, in->ts, pos > s->rx_pos ? pos : s->rx_pos);
	jump(s, s->r.rx_ts_pos);
	if (!s->began)
		session_emit(ev, SESSION_BEGAN)->pos = s->rx_pos;
	s->began = true;
}

/* hot. While a key is down its tone is no speech. */
static void put_packet(struct session *s, const struct reorder_item *in)
{
	const struct audio_codec *c = session_codec(s);
	bool key_down = s->dtmf.active || in->arrival_ns < s->dtmf_until_ns;
	size_t most = (size_t)c->octets_per_ms * PACKET_MAX_MS;
	size_t left = in->payload_bytes < most ? in->payload_bytes : most, part;
	const uint8_t *p = in->payload;
	int16_t pcm[PIECE_MAX];
	uint64_t start = s->rx_pos;

	for (; left > 0; p += part, left -= part) {
		size_t n;

		part = left;
		n = c->decode(p, &part, pcm, PIECE_MAX);
		if (key_down)
			memset(pcm, 0, n * sizeof pcm[0]);
		conceal_good(&s->conceal, pcm, n);
		put_piece(s, pcm, (uint32_t)n, key_down ? TAPE_DTMF : TAPE_OK, in->arrival_ns);
	}
	s->packet_samples = (uint32_t)(s->rx_pos - start);
}

/* hot */
void timeline_audio(struct session *s, const struct reorder_item *in, struct session_events *ev)
{
	uint64_t pos, gap, lost = (uint64_t)s->lost_pending * s->packet_samples;

	s->lost_pending = 0;
	if (in->payload_bytes == 0)
		return;
	timeline_begin(s, in, ev);
	pos = check_drift(s, in->ts, timeline_place(s, in->ts), in->arrival_ns);
	gap = pos > s->rx_pos ? pos - s->rx_pos : 0;
	if (gap > (uint64_t)s->r.rate_hz * FILL_MAX_MS / 1000u)
		jump(s, pos);
	else if (gap > 0)
		fill(s, gap, lost, in->arrival_ns);
	s->r.rx_ts = in->ts; /* moves along, so that differences stay small */
	s->r.rx_ts_pos = s->rx_pos;
	put_packet(s, in);
}
