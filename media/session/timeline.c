/* timeline.c - see timeline.h
 *
 * A packet's place is its timestamp relative to an anchor (one packet whose place was set by its arrival). Places ahead
 * of what was written are filled: with concealment as far as packets are known to be lost, with silence for up to a
 * second, and beyond that the position jumps. Time goes on when nothing comes: silence follows the clock. What comes when its
 * place was filled already stands behind it, late but whole, and the next silences are left out until it is in its place again. */
#include "media/session/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "media/dsp/level.h"
#include "media/session/clock.h"
#include "media/session/events.h"
#include "media/session/voice.h"

#define PIECE_MS 20u /* put at a time */
#define DECODED_MAX (CODEC_DECODED_MS_MAX * CODEC_SAMPLES_PER_MS_MAX)
#define UP_MAX (PIECE_MS * TAPE_SAMPLES_PER_MS_MAX)
#define PLC_STEP_HZ 400u /* codecs conceal in steps of 2.5 ms */
#define PACKET_MAX_MS 200u /* RFC 3551 section 4.2 */
#define FILL_MAX_MS 1000u
#define DRIFT_MS 100u    /* further from the clock than this and the anchor is wrong */
#define LAG_PACKETS 50u  /* ... in every one of so many packets */
#define LAG_MS 900u      /* ... that came over so long: a burst after a stall is late, but right */
#define IDLE_MS 60u      /* silence is so far behind the clock at most, a tick included; jitter makes it more */
#define IDLE_JITTERS 4u
#define IDLE_MAX_MS 240u
#define LATE_MAX_MS 2000u /* later than this is not worth hearing */
#define KEY_LATE_MS 1000u /* a key that is later than this by its timestamp, or not pressed yet, has a clock of its own */
#define QUIET_RMS 64u    /* -54 dBov: no speech */
#define NOISE_MS 30000u  /* comfort noise that was not said again for so long is over */
#define EDGE_MS 5u       /* from sound to silence, and back */
#define EDGE_MIN 512     /* a step that is smaller needs none */

static uint64_t samples_of(const struct session *s, uint32_t ms)
{
	return (uint64_t)ms * (s->r.rate_hz / 1000u);
}

/* hot. When a perfect network, as far as this one ever is, would have brought what is collected next. */
static uint64_t due_ns(const struct session *s)
{
	uint64_t place = s->rx_pos + s->usual_lag;

	place = place > s->delay ? place - s->delay : 0;
	return s->r.start_ns + place * 1000000u / (s->r.rate_hz / 1000u);
}

/* hot */
static void put_frame(struct session *s, const int16_t *pcm, struct tape_frame f)
{
	f.tx_index = UINT64_MAX;
	tape_rx_put(s->tape, &f, pcm);
	if (s->member != NULL && f.kind != TAPE_SILENCE)
		room_put(s->member, pcm, f.samples, f.due_ns);
	s->count.frames_concealed += f.kind == TAPE_CONCEALED;
}

/* hot */
static void flush_frame(struct session *s)
{
	put_frame(s, s->acc, (struct tape_frame){
		.pos = s->rx_pos - s->acc_n, .mono_ns = s->acc_arrival_ns, .due_ns = s->acc_due_ns, .samples = s->acc_n,
		.kind = s->acc_kind,
	});
	s->acc_n = 0;
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
				.pos = s->rx_pos, .mono_ns = arrival_ns, .due_ns = due_ns(s), .samples = part, .kind = kind,
			});
			s->rx_pos += part;
			pcm += part;
			n -= part;
			continue;
		}
		if (s->acc_n == 0)
			s->acc_due_ns = due_ns(s);
		if (s->acc_n == 0 || rank[kind] > rank[s->acc_kind])
			s->acc_kind = kind;
		memcpy(s->acc + s->acc_n, pcm, part * sizeof *pcm);
		s->acc_n += part;
		s->rx_pos += part;
		s->acc_arrival_ns = arrival_ns;
		pcm += part;
		n -= part;
		if (s->acc_n == s->tape->frame_samples)
			flush_frame(s);
	}
}

/* hot */
static bool is_filler(enum tape_frame_kind kind)
{
	return kind != TAPE_OK && kind != TAPE_CONCEALED;
}

/* From one sample into what begins, over `whole` samples. */
static void lead_over(int16_t from, int16_t *pcm, size_t n, uint32_t whole)
{
	for (int32_t i = 0; i < (int32_t)whole && (size_t)i < n; i++)
		pcm[i] = (int16_t)((from * ((int32_t)whole - i) + pcm[i] * i) / (int32_t)whole);
}

/* hot. Where sound is cut off by silence, or begins in the middle, it is led over, in `room`; else no sample is touched. */
static const int16_t *soften(struct session *s, const int16_t *pcm, uint32_t n, enum tape_frame_kind kind, int16_t *room)
{
	bool is_edge = kind != s->last_kind && (is_filler(kind) || is_filler(s->last_kind)) && abs(pcm[0] - s->last_in) > EDGE_MIN;
	uint32_t edge = EDGE_MS * (voice_heard_hz(s) / 1000u);

	if (is_edge) {
		memcpy(room, pcm, n * sizeof *pcm);
		lead_over(s->last_in, room, n, edge < n ? edge : n);
		pcm = room;
	}
	s->last_kind = kind;
	s->last_in = pcm[n - 1];
	return pcm;
}

/* hot. Samples at the codec's rate, at most a piece. */
static void put_piece(struct session *s, const int16_t *pcm, uint32_t n, enum tape_frame_kind kind, uint64_t arrival_ns)
{
	int16_t up[UP_MAX], room[PIECE_MS * CODEC_SAMPLES_PER_MS_MAX];
	size_t made;

	if (n == 0)
		return;
	made = resample_run(&s->up, soften(s, pcm, n, kind, room), n, up, UP_MAX);
	if (s->joins > 0)
		lead_over(s->last, up, made, s->joins);
	s->joins = 0;
	if (made > 0)
		s->last = up[made - 1];
	collect(s, up, (uint32_t)made, kind, arrival_ns);
}

static uint32_t piece_of(const struct session *s)
{
	return PIECE_MS * (voice_heard_hz(s) / 1000u);
}

static void put_pieces(struct session *s, const int16_t *pcm, uint32_t n, enum tape_frame_kind kind, uint64_t arrival_ns)
{
	uint32_t most = piece_of(s), part;

	for (; n > 0; pcm += part, n -= part) {
		part = n < most ? n : most;
		put_piece(s, pcm, part, kind, arrival_ns);
	}
}

static uint32_t to_codec(const struct session *s, uint64_t samples)
{
	return (uint32_t)(samples * voice_heard_hz(s) / s->r.rate_hz);
}

static uint32_t to_tape(const struct session *s, uint64_t samples)
{
	return (uint32_t)(samples * s->r.rate_hz / voice_heard_hz(s));
}

static bool conceals_itself(const struct session *s)
{
	return session_hears(s)->acts->conceal != NULL;
}

/* By a codec that does it itself: the last packet before `in` by what that tells of it. What is no whole step of it is silence. */
static uint32_t conceal_by_codec(struct session *s, uint32_t n, const struct reorder_item *in)
{
	const struct codec_acts *a = session_hears(s)->acts;
	uint32_t step = voice_heard_hz(s) / PLC_STEP_HZ, packet = to_codec(s, s->packet_samples) / step * step, done = 0;
	const struct str next = {(const char *)in->payload, in->payload_bytes};
	int16_t pcm[DECODED_MAX];

	n = n / step * step;
	while (done < n) {
		bool is_last = packet > 0 && n - done <= packet;
		uint32_t most = is_last ? n - done : n - done - packet, part = most < piece_of(s) || is_last ? most : piece_of(s);

		if (a->conceal(voice_decoder(s), is_last ? &next : NULL, pcm, part) != part)
			break;
		put_pieces(s, pcm, part, TAPE_CONCEALED, in->arrival_ns);
		done += part;
	}
	return done;
}

/* Zeros at the codec's rate. */
static void put_nothing(struct session *s, uint32_t n, enum tape_frame_kind kind, uint64_t arrival_ns)
{
	static const int16_t nothing[PIECE_MS * CODEC_SAMPLES_PER_MS_MAX];
	uint32_t most = piece_of(s), part;

	for (; n > 0; n -= part) {
		part = n < most ? n : most;
		put_piece(s, nothing, part, kind, arrival_ns);
	}
}

static bool is_noisy(const struct session *s, uint64_t now_ns)
{
	return s->noise.on && now_ns < s->noise_until_ns;
}

static void put_noise(struct session *s, uint32_t n, uint64_t arrival_ns)
{
	int16_t pcm[PIECE_MS * CODEC_SAMPLES_PER_MS_MAX];
	uint32_t most = piece_of(s), part;

	for (; n > 0; n -= part) {
		part = n < most ? n : most;
		comfort_make(&s->comfort, pcm, part);
		put_piece(s, pcm, part, TAPE_NOISE, arrival_ns);
	}
}

/* The peer sent nothing, or a key. */
static void put_silence(struct session *s, uint32_t n, uint64_t arrival_ns)
{
	if (arrival_ns < s->dtmf_until_ns)
		put_nothing(s, n, TAPE_DTMF, arrival_ns);
	else if (is_noisy(s, arrival_ns))
		put_noise(s, n, arrival_ns);
	else
		put_nothing(s, n, TAPE_SILENCE, arrival_ns);
}

/* What is known of a gap's end: the packet behind it, and what was decoded of it, when its codec needs that to be done first. */
struct behind {
	const struct reorder_item *packet;
	const int16_t *pcm; /* `n` samples at the codec's rate */
	uint32_t n;
};

/* From both sides, which in a long gap leave a hole in the middle. */
static void conceal_until(struct session *s, uint32_t n, const struct behind *b)
{
	uint32_t most = CONCEAL_BETWEEN_MAX(voice_heard_hz(s)), made = n < most ? n : most, first = made / 2;
	int16_t pcm[DECODED_MAX];

	conceal_between(&s->conceal, pcm, made, b->pcm, b->n);
	put_pieces(s, pcm, first, TAPE_CONCEALED, b->packet->arrival_ns);
	put_nothing(s, n - made, TAPE_CONCEALED, b->packet->arrival_ns);
	put_pieces(s, pcm + first, made - first, TAPE_CONCEALED, b->packet->arrival_ns);
}

/* Nothing follows that it could lead to. */
static void conceal_fading(struct session *s, uint32_t n, uint64_t arrival_ns)
{
	uint32_t most = piece_of(s), part;
	int16_t pcm[DECODED_MAX];

	for (; n > 0; n -= part) {
		part = n < most ? n : most;
		conceal_lost(&s->conceal, pcm, part);
		put_piece(s, pcm, part, TAPE_CONCEALED, arrival_ns);
	}
}

/* Before what is behind it: as much of it as was lost is concealed, else nothing was sent. What is lost of comfort noise is no speech. */
static void fill(struct session *s, uint64_t gap, uint64_t lost_samples, const struct behind *b)
{
	uint32_t whole = to_codec(s, gap), invent = to_codec(s, gap < lost_samples ? gap : lost_samples);

	if (is_noisy(s, b->packet->arrival_ns))
		invent = 0;
	else if (invent > 0 && conceals_itself(s))
		invent = conceal_by_codec(s, invent, b->packet);
	else if (invent > 0 && invent == whole && b->n > 0)
		conceal_until(s, invent, b);
	else
		conceal_fading(s, invent, b->packet->arrival_ns);
	put_silence(s, whole - invent, b->packet->arrival_ns);
}

/* Continue at `pos`, with a hole before it. */
static void jump(struct session *s, uint64_t pos)
{
	if (s->acc_n > 0)
		flush_frame(s);
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

/* The place of a timestamp, by the anchor; one before position 0 wraps, far ahead of any clock. */
static uint64_t place_of(const struct session *s, uint32_t ts)
{
	int64_t ahead = (int64_t)(int32_t)(ts - s->r.rx_ts) * (int64_t)s->r.rate_hz / (int64_t)session_hears(s)->clock_hz;

	return s->r.rx_ts_pos + (uint64_t)ahead;
}

/* How far a packet is behind the clock: the least of the last second is usual, what is more is late. Was every packet of it further behind
 * than allowed? How far then; else 0. */
static uint64_t least_lag(struct session *s, uint64_t lag, uint64_t allowed, uint64_t now_ns)
{
	if (s->lag_count == 0)
		s->lag_since_ns = now_ns;
	s->lag_least = s->lag_count == 0 || lag < s->lag_least ? lag : s->lag_least;
	s->usual_lag = lag < s->usual_lag ? lag : s->usual_lag;
	if (++s->lag_count < LAG_PACKETS || now_ns < s->lag_since_ns + LAG_MS * 1000000ull)
		return 0;
	s->lag_count = 0;
	if (s->lag_least > allowed)
		return s->lag_least;
	s->usual_lag = s->lag_least;
	return 0;
}

/* A timeline that is behind the clock in every packet of a second, ahead of it, or that goes back belongs to a sender whose timestamps do
 * not follow time (it paused them, or changed them): set it right. */
static uint64_t check_drift(struct session *s, uint32_t ts, uint64_t arrival_ns)
{
	uint64_t allowed = samples_of(s, DRIFT_MS), pos = place_of(s, ts);
	uint64_t now_pos = session_pos_at(s, arrival_ns);
	uint64_t behind = least_lag(s, now_pos > pos ? now_pos - pos : 0, allowed, arrival_ns);

	if ((int32_t)(ts - s->r.rx_ts) < 0 || pos > now_pos + allowed)
		pos = now_pos;
	else if (behind > 0)
		pos += behind;
	else
		return pos;
	s->count.reanchored++;
	anchor(s, ts, pos);
	return pos;
}

static void begin(struct session *s, const struct reorder_item *in, struct session_events *ev)
{
	anchor(s, in->ts, session_pos_at(s, in->arrival_ns));
	if (s->began)
		return;
	s->began = true;
	session_emit(ev, SESSION_BEGAN)->pos = s->r.rx_ts_pos > s->rx_pos ? s->r.rx_ts_pos : s->rx_pos;
}

/* hot. Speech that stands behind its place gets nearer to it with every piece of silence that is left out. */
static bool is_left_out(struct session *s, const int16_t *pcm, size_t n, uint32_t samples)
{
	if (s->delay < samples || level_rms(pcm, n) >= QUIET_RMS)
		return false;
	s->delay -= samples;
	return true;
}

/* hot */
static bool is_key_down(const struct session *s, uint64_t arrival_ns)
{
	return s->dtmf.active || arrival_ns < s->dtmf_until_ns;
}

/* hot */
static void put_decoded(struct session *s, int16_t *pcm, uint32_t n, const struct reorder_item *in)
{
	enum tape_frame_kind kind = is_key_down(s, in->arrival_ns) ? TAPE_DTMF : TAPE_OK;
	bool by_ear = !conceals_itself(s);
	uint32_t most = piece_of(s), part;

	for (; n > 0; pcm += part, n -= part) {
		uint32_t samples;

		part = n < most ? n : most;
		samples = to_tape(s, part);
		s->packet_samples += samples;
		if (by_ear)
			conceal_good(&s->conceal, pcm, part);
		if (!is_left_out(s, pcm, part, samples))
			put_piece(s, pcm, part, kind, in->arrival_ns);
	}
}

/* hot. Of what is left of a packet: how many samples. While a key is down its tone is no speech. */
static uint32_t decode_some(struct session *s, struct str *left, int16_t *pcm, uint64_t arrival_ns)
{
	size_t part = left->n, n;

	if (part == 0)
		return 0;
	n = session_hears(s)->acts->decode(voice_decoder(s), (const uint8_t *)left->p, &part, pcm, DECODED_MAX);
	if (is_key_down(s, arrival_ns))
		memset(pcm, 0, n * sizeof pcm[0]);
	left->p += part;
	left->n -= part;
	return (uint32_t)n;
}

/* hot. A packet, and `gap` samples before it. A codec that conceals has to do that before it decodes on. */
static void put_packet(struct session *s, const struct reorder_item *in, uint64_t gap, uint64_t lost_samples)
{
	size_t most = (size_t)session_hears(s)->octets_per_ms * PACKET_MAX_MS;
	struct str left = {(const char *)in->payload, in->payload_bytes < most ? in->payload_bytes : most};
	int16_t pcm[DECODED_MAX];
	struct behind b = {.packet = in, .pcm = pcm};

	if (!conceals_itself(s))
		b.n = decode_some(s, &left, pcm, in->arrival_ns);
	if (gap > 0)
		fill(s, gap, lost_samples, &b);
	s->packet_samples = 0;
	put_decoded(s, pcm, b.n, in);
	while (left.n > 0)
		put_decoded(s, pcm, decode_some(s, &left, pcm, in->arrival_ns), in);
}

/* hot */
void timeline_audio(struct session *s, const struct reorder_item *in, struct session_events *ev)
{
	uint64_t pos, gap, lost = (uint64_t)s->lost_pending * s->packet_samples;

	s->lost_pending = 0;
	if (in->payload_bytes == 0)
		return;
	s->audio_ns = in->arrival_ns;
	if (!s->r.rx_anchored)
		begin(s, in, ev);
	pos = check_drift(s, in->ts, in->arrival_ns);
	s->r.rx_ts = in->ts; /* moves along, so that differences stay small */
	s->r.rx_ts_pos = pos;
	gap = pos > s->rx_pos ? pos - s->rx_pos : 0;
	s->delay = pos < s->rx_pos ? s->rx_pos - pos : 0;
	if (s->delay > samples_of(s, LATE_MAX_MS)) {
		s->count.packets_late++;
		return;
	}
	if (gap > samples_of(s, FILL_MAX_MS) || s->rx_pos == 0) {
		jump(s, pos);
		gap = 0;
	}
	put_packet(s, in, gap, lost);
	s->dirty |= s->noise.on != 0;
	s->noise.on = 0;
}

void timeline_noise(struct session *s, const struct reorder_item *in)
{
	struct session_noise n = {.on = 1, .n = (uint8_t)(in->payload_bytes < COMFORT_OCTETS_MAX ? in->payload_bytes : COMFORT_OCTETS_MAX)};
	uint64_t lost = (uint64_t)s->lost_pending * s->packet_samples, pos = place_of(s, in->ts);
	uint64_t gap = s->r.rx_anchored && pos > s->rx_pos ? pos - s->rx_pos : 0;

	s->lost_pending = 0;
	if (lost > 0 && gap > 0 && gap <= samples_of(s, FILL_MAX_MS))
		fill(s, gap < lost ? gap : lost, lost, &(struct behind){.packet = in});
	s->noise_until_ns = in->arrival_ns + NOISE_MS * 1000000ull;
	memcpy(n.octets, in->payload, n.n);
	if (memcmp(&n, &s->noise, sizeof n) == 0)
		return;
	s->noise = n;
	s->dirty = true;
	comfort_take(&s->comfort, n.octets, n.n);
}

void timeline_resume(struct session *s, uint64_t now_ns)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	tape_rx_last(s->tape, &f, pcm);
	s->rx_pos = f.pos + f.samples;
	if (f.samples > 0) {
		s->last = s->last_in = pcm[f.samples - 1];
		s->last_kind = (enum tape_frame_kind)f.kind;
	}
	if (f.samples > 0 && !conceals_itself(s) && voice_heard_hz(s) == s->r.rate_hz)
		conceal_good(&s->conceal, pcm, f.samples); /* there is something to go on from again */
	comfort_take(&s->comfort, s->noise.octets, s->noise.n);
	s->noise_until_ns = now_ns + NOISE_MS * 1000000ull;
}

/* How far silence stays behind the clock, after a tick. */
static uint32_t patience_ms(const struct session *s)
{
	uint32_t jitter_ms = IDLE_JITTERS * seq_jitter(&s->in.seq) / (session_hears(s)->clock_hz / 1000u);
	uint32_t ms = jitter_ms < IDLE_MAX_MS ? jitter_ms : IDLE_MAX_MS;

	return (ms > IDLE_MS ? ms : IDLE_MS) - SESSION_TICK_MS;
}

/* hot. What waits behind a gap comes in time by itself. */
void timeline_idle(struct session *s, uint64_t now_ns)
{
	uint64_t now_pos, behind, gap, whole;

	if (now_ns < s->audio_ns + (IDLE_MS - SESSION_TICK_MS) * 1000000ull || s->in.reorder.held > 0)
		return;
	now_pos = session_pos_at(s, now_ns);
	behind = samples_of(s, patience_ms(s));
	if (now_pos < s->rx_pos + behind)
		return;
	gap = now_pos - behind - s->rx_pos;
	s->delay = 0;
	if (gap > samples_of(s, FILL_MAX_MS)) {
		jump(s, now_pos - behind);
		return;
	}
	whole = (s->acc_n + gap) / s->tape->frame_samples * s->tape->frame_samples;
	if (whole > 0)
		put_silence(s, to_codec(s, whole - s->acc_n), now_ns);
}

uint64_t timeline_of_key(const struct session *s, uint32_t ts, uint32_t ticks, uint64_t arrival_ns)
{
	uint64_t so_far = (uint64_t)ticks * s->r.rate_hz / session_codec(s)->clock_hz;
	uint64_t clock = session_pos_at(s, arrival_ns), pos;
	bool near;

	clock = clock > so_far ? clock - so_far : 0;
	pos = place_of(s, ts);
	near = s->r.rx_anchored && pos <= clock + samples_of(s, DRIFT_MS) && clock <= pos + samples_of(s, KEY_LATE_MS);
	return (near ? pos : clock) + s->delay;
}
