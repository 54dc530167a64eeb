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
#include "media/dsp/stretch.h"
#include "media/session/clock.h"
#include "media/session/events.h"
#include "media/session/listen.h"
#include "media/session/voice.h"

#define PIECE_MS 20u /* put at a time */
#define DECODED_MAX (CODEC_DECODED_MS_MAX * CODEC_SAMPLES_PER_MS_MAX)
#define UP_MAX (PIECE_MS * TAPE_SAMPLES_PER_MS_MAX)
#define PLC_STEP_HZ 400u /* codecs conceal in steps of 2.5 ms */
#define PACKET_MAX_MS 200u /* RFC 3551 section 4.2 */
#define FILL_MAX_MS 1000u
#define DRIFT_MS 100u    /* further from the clock than this and the anchor is wrong */
#define BAND_MS 20u      /* nearer to it than this is right; else it is corrected in silence */
#define SPEECH_MS 45u    /* further than this and speech is stretched by periods of its pitch, until it is near again */
#define HASTE_MS 65u
#define SPEECH_NS 5000000000ull /* between two of them, */
#define HASTE_NS 500000000ull   /* and when they run apart further still */
#define IDLE_MS 60u      /* silence is so far behind the clock at most, a tick included; jitter makes it more */
#define IDLE_JITTERS 4u
#define IDLE_MAX_MS 240u
#define LATE_MAX_MS 2000u /* later than this is not worth hearing */
#define KEY_LATE_MS 1000u /* a key that is later than this by its timestamp, or not pressed yet, has a clock of its own */
#define QUIET_RMS 64u    /* -54 dBov: no speech */
#define NOISE_MS 30000u  /* comfort noise that was not said again for so long is over */
#define EDGE_MS 5u       /* from sound to silence, and back */
#define EDGE_MIN 512     /* a step that is smaller needs none */
#define GONE_MS 200u     /* SESSION_PLAYOUT: when all that comes for so long is too late, it is not: its timestamps are wrong */

static uint64_t samples_of(const struct session *s, uint32_t ms)
{
	return (uint64_t)ms * (s->r.rate_hz / 1000u);
}

/* hot. When a perfect network, as far as this one ever is, would have brought what is collected next. */
static uint64_t due_ns(const struct session *s)
{
	int64_t place = (int64_t)s->rx_pos + s->drift.usual - (int64_t)s->delay;

	return s->r.start_ns + (uint64_t)(place > 0 ? place : 0) * 1000000u / (s->r.rate_hz / 1000u);
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

/* hot. At the tape's rate. */
static void collect(struct session *s, const int16_t *pcm, uint32_t n, enum tape_frame_kind kind, uint64_t arrival_ns)
{
	if (s->listen != NULL) {
		listen_put(s, pcm, n, kind, arrival_ns);
		return;
	}
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
		s->acc_kind = s->acc_n == 0 ? kind : tape_kind_of_both(s->acc_kind, kind);
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
		uint32_t rest = n - done, most = rest <= packet ? rest : rest - packet;
		bool is_last = packet > 0 && rest <= packet && next.p != NULL;
		uint32_t part = most < piece_of(s) || is_last ? most : piece_of(s);

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
	s->drift = (struct drift){.usual = 0};
	s->r.rx_anchored = 1;
	s->dirty = true;
}

/* The place of a timestamp, by the anchor; one before position 0 wraps, far ahead of any clock. */
static uint64_t place_of(const struct session *s, uint32_t ts)
{
	int64_t ahead = (int64_t)(int32_t)(ts - s->r.rx_ts) * (int64_t)s->r.rate_hz / (int64_t)session_hears(s)->clock_hz;

	return s->r.rx_ts_pos + (uint64_t)ahead;
}

/* A talkspurt whose timestamps go on where the last one ended, while silence went on with the clock: the sender's clock stood still. */
static bool stood_still(const struct session *s, const struct reorder_item *in, uint64_t pos)
{
	uint64_t next = s->r.rx_ts_pos + s->packet_samples;

	return in->marker && pos == next && s->rx_pos >= pos + samples_of(s, IDLE_MS);
}

/* A timeline that is behind the clock in every packet of a second, ahead of it, or that goes back belongs to a sender whose timestamps do
 * not follow time (it paused them, or changed them): set it right. Where silence was put already, that was the pause. */
static uint64_t check_drift(struct session *s, const struct reorder_item *in)
{
	uint64_t now_pos = session_pos_at(s, in->arrival_ns), pos = place_of(s, in->ts);
	int64_t allowed = (int64_t)samples_of(s, DRIFT_MS), lag = (int64_t)(now_pos - pos);
	bool is_over = drift_arrived(&s->drift, lag, (int64_t)samples_of(s, BAND_MS), in->arrival_ns);

	if ((int32_t)(in->ts - s->r.rx_ts) < 0 || lag < -allowed)
		pos = now_pos;
	else if (stood_still(s, in, pos))
		pos = s->rx_pos;
	else if (is_over && s->drift.usual > allowed)
		pos = s->rx_pos > pos ? s->rx_pos : pos + (uint64_t)s->drift.usual;
	else
		return pos;
	s->count.reanchored++;
	anchor(s, in->ts, pos);
	return pos;
}

/* The timeline goes on so many samples later. */
static void move(struct session *s, int64_t by)
{
	s->r.rx_ts_pos += (uint64_t)by;
	drift_moved(&s->drift, by);
	s->dirty = true;
}

/* In silence all that is owed; what is to be left out by pieces. True: this one is left out. */
static bool settle_in_silence(struct session *s, uint32_t samples, uint64_t arrival_ns)
{
	int64_t owed = s->drift.owed;

	if (owed > 0) {
		move(s, owed);
		put_silence(s, to_codec(s, (uint64_t)owed), arrival_ns);
		return false;
	}
	if (-owed < (int64_t)samples)
		return false;
	move(s, -(int64_t)samples);
	return true;
}

/* A period by which what is said may be stretched, when it is time; else 0. */
static uint32_t find_period(struct session *s, const int16_t *pcm, uint32_t n, uint64_t arrival_ns)
{
	uint64_t owed = (uint64_t)(s->drift.owed < 0 ? -s->drift.owed : s->drift.owed);
	bool haste = owed > samples_of(s, HASTE_MS);

	s->drift.in_speech = owed > samples_of(s, s->drift.in_speech ? BAND_MS : SPEECH_MS);
	if (!s->drift.in_speech || arrival_ns < s->drift.spoken_ns + (haste ? HASTE_NS : SPEECH_NS))
		return 0;
	return stretch_period(pcm, n, voice_heard_hz(s), haste ? 0 : STRETCH_ALIKE);
}

static void put_stretched(struct session *s, int16_t *pcm, uint32_t n, uint32_t period, const struct tape_frame *f)
{
	int64_t by = (int64_t)to_tape(s, period);
	int16_t longer[3 * PIECE_MS * CODEC_SAMPLES_PER_MS_MAX / 2];

	s->drift.spoken_ns = f->mono_ns;
	if (s->drift.owed < 0) {
		move(s, -by);
		put_pieces(s, pcm, stretch_less(pcm, n, period), f->kind, f->mono_ns);
	} else {
		move(s, by);
		put_pieces(s, longer, stretch_more(pcm, n, period, longer), f->kind, f->mono_ns);
	}
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
static bool is_left_out(struct session *s, const int16_t *pcm, size_t n, uint32_t samples, uint64_t arrival_ns)
{
	if ((s->delay < samples && s->drift.owed == 0) || s->listen != NULL || level_rms(pcm, n) >= QUIET_RMS)
		return false;
	if (s->delay < samples)
		return settle_in_silence(s, samples, arrival_ns);
	s->delay -= samples;
	return true;
}

/* hot */
static bool is_key_down(const struct session *s, uint64_t arrival_ns)
{
	return s->dtmf.active || arrival_ns < s->dtmf_until_ns;
}

/* hot */
static void put_heard(struct session *s, int16_t *pcm, uint32_t n, const struct tape_frame *f)
{
	uint32_t period = s->drift.owed != 0 ? find_period(s, pcm, n, f->mono_ns) : 0;

	if (period > 0)
		put_stretched(s, pcm, n, period, f);
	else
		put_piece(s, pcm, n, f->kind, f->mono_ns);
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
		if (!is_left_out(s, pcm, part, samples, in->arrival_ns))
			put_heard(s, pcm, part, &(struct tape_frame){.kind = kind, .mono_ns = in->arrival_ns});
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

static void end_noise(struct session *s)
{
	s->dirty |= s->noise.on != 0;
	s->noise.on = 0;
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
	pos = check_drift(s, in);
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
	end_noise(s);
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

/* Where the fastest packets stand when they come now. */
static uint64_t fastest(const struct session *s, uint64_t arrival_ns)
{
	return session_pos_at(s, arrival_ns) - (uint64_t)(s->listen->delay.base_us * (int64_t)(s->r.rate_hz / 1000u) / 1000);
}

/* The places of a sender whose timestamps say nothing any more begin anew. */
static uint64_t place_anew(struct session *s, const struct reorder_item *in)
{
	s->listen->gone_ns = 0;
	anchor(s, in->ts, fastest(s, in->arrival_ns));
	return s->r.rx_ts_pos;
}

/* Where a packet stands, for a listener. */
static uint64_t place_for_listener(struct session *s, const struct reorder_item *in)
{
	uint64_t pos = place_of(s, in->ts);
	int64_t ahead = (int64_t)(pos - fastest(s, in->arrival_ns));
	uint64_t gone_ns = s->listen->gone_ns;
	bool is_lost = gone_ns != 0 && in->arrival_ns > gone_ns + GONE_MS * 1000000ull;

	if ((int32_t)(in->ts - s->r.rx_ts) >= 0 && ahead <= (int64_t)samples_of(s, DRIFT_MS) && !is_lost &&
	    !(stood_still(s, in, pos) && !listen_plays(s)))
		return pos;
	s->count.reanchored++;
	return place_anew(s, in);
}

/* The codec has heard it, if nobody else. */
static void skip_packet(struct session *s, const struct reorder_item *in, uint64_t pos, uint32_t samples)
{
	int16_t pcm[DECODED_MAX];
	size_t n = in->payload_bytes;

	s->count.packets_late++;
	if (s->listen->gone_ns == 0)
		s->listen->gone_ns = in->arrival_ns;
	if (session_hears(s)->acts->decoder_reset != NULL)
		(void)session_hears(s)->acts->decode(voice_decoder(s), in->payload, &n, pcm, DECODED_MAX);
	if (s->listen->queue.n == 0 && pos + samples > s->rx_pos)
		s->rx_pos = pos + samples;
}

/* How much is missing before `pos`; or it was played in its place. */
static uint64_t join_queue(struct session *s, uint64_t pos)
{
	uint64_t gap = pos > s->rx_pos ? pos - s->rx_pos : 0, most = samples_of(s, FILL_MAX_MS);

	if (pos < s->rx_pos) {
		listen_moved(s, (int64_t)(s->rx_pos - pos));
		s->r.rx_ts_pos = s->rx_pos;
	} else if (s->listen->queue.n == 0 && !listen_plays(s)) {
		s->rx_pos = pos;
	} else if (gap > most) {
		s->rx_pos = pos - most;
		return most;
	} else {
		return gap;
	}
	return 0;
}

/* hot */
void timeline_listen(struct session *s, const struct reorder_item *in, struct session_events *ev)
{
	uint32_t samples = s->packet_samples > 0 ? s->packet_samples : (uint32_t)samples_of(s, PIECE_MS);
	uint64_t lost = (uint64_t)s->lost_pending * s->packet_samples, gap = 0, pos;
	enum listen_verdict verdict;

	s->lost_pending = 0;
	if (in->payload_bytes == 0)
		return;
	s->audio_ns = in->arrival_ns;
	if (!s->r.rx_anchored) {
		begin(s, in, ev);
		(void)place_anew(s, in);
	}
	pos = place_for_listener(s, in);
	s->r.rx_ts = in->ts;
	s->r.rx_ts_pos = pos;
	listen_arrived(s, pos, in->arrival_ns);
	verdict = listen_judge(s, pos, samples);
	if (verdict == LISTEN_GONE) {
		skip_packet(s, in, pos, samples);
		return;
	}
	s->listen->gone_ns = 0;
	s->listen->dry = 0;
	if (verdict == LISTEN_CUT)
		s->listen->cut = (uint32_t)(s->rx_pos - pos);
	else
		gap = join_queue(s, pos);
	put_packet(s, in, gap, lost);
	end_noise(s);
	s->listen->cut = 0;
}

void timeline_invent(struct session *s, uint32_t samples, uint64_t now_ns)
{
	const struct reorder_item nothing = {.arrival_ns = now_ns};
	uint32_t least = voice_heard_hz(s) / PLC_STEP_HZ, n = to_codec(s, samples); /* a codec makes no less than a step */

	if (conceals_itself(s))
		n = (n + least - 1) / least * least;
	n = n > 0 ? n : 1;
	if (is_noisy(s, now_ns))
		put_silence(s, n, now_ns);
	else if (!conceals_itself(s))
		conceal_fading(s, n, now_ns);
	else
		put_silence(s, n - conceal_by_codec(s, n, &nothing), now_ns);
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
