/* playout.c - the tx side of the tape onto the wire, 20 ms at a time, on the session's own clock. */
#include <string.h>

#include "media/dsp/g711.h"
#include "media/session/session.h"

#define SLOTS_PER_TICK 16u /* a backend that writes crumbs is heard in crumbs, and floods nobody with events */
#define TICK_NS (SESSION_TICK_MS * 1000000ull)
#define SAMPLES_PER_TICK_MAX 320u /* 20 ms at 16 kHz */
#define PCM_MAX (SAMPLES_PER_TICK_MAX + TAPE_SAMPLES_MAX) /* of a tick, with room for a whole slot behind any of them */

/* hot. The next slot that is to be played, its samples in `pcm`; false when there is none. */
static bool next_slot(struct session *s, int16_t *pcm)
{
	for (uint32_t i = 0; i <= s->tape->tx_slots; i++) { /* old epochs and empty slots are passed over */
		if (tape_tx_peek(s->tape, &s->cur, pcm) != 0)
			return false;
		s->cur_at = 0;
		if (s->cur.epoch == s->epoch && s->cur.samples > 0)
			return s->cur_valid = true;
		tape_tx_step(s->tape);
	}
	return false;
}

/* hot. Up to `want` samples of the slot that is played, or of the next one; 0: there is none. `pcm` has room for a whole slot: one
 * that ends with the tick, as usual, is copied once. */
static uint32_t take_samples(struct session *s, int16_t *pcm, uint32_t want)
{
	bool fresh = !s->cur_valid;
	uint32_t left, n;

	if (fresh && !next_slot(s, pcm))
		return 0;
	left = s->cur.samples - s->cur_at;
	n = left < want ? left : want;
	if (!fresh)
		memcpy(pcm, s->cur_pcm + s->cur_at, n * sizeof *pcm);
	else if (n < left)
		memcpy(s->cur_pcm, pcm, left * sizeof *pcm);
	s->cur_at += n;
	return n;
}

/* hot */
static void begin_utterance(struct session *s, struct session_events *ev)
{
	struct session_event *e;

	s->dry = false;
	if (s->cur.utterance == 0 || s->cur.utterance == s->said.id)
		return;
	if (s->said.id != 0) /* the one before was never closed */
		utterance_end(s, &s->said, "played", ev);
	s->said = (struct session_utterance){.id = s->cur.utterance};
	e = session_emit(ev, SESSION_UTTERANCE_BEGAN);
	e->utterance = s->said.id;
	e->pos = s->pos;
}

/* hot. The slot is played to its end. */
static void finish_slot(struct session *s, struct session_events *ev)
{
	s->cur_valid = false;
	tape_tx_step(s->tape);
	if (!s->cur.end || s->cur.utterance != s->said.id || s->said.id == 0)
		return;
	utterance_end(s, &s->said, "played", ev);
	s->said = (struct session_utterance){.id = 0};
}

/* Once for each, and not more than one a second: a backend that is always late must not flood the bus for every call. */
static void tell_underrun(struct session *s, uint32_t at, struct session_events *ev)
{
	struct session_event *e;

	s->dry = true;
	if (s->pos < s->quiet_until)
		return;
	s->quiet_until = s->pos + s->r.rate_hz;
	e = session_emit(ev, SESSION_UNDERRUN);
	e->utterance = s->said.id;
	e->pos = s->pos + at;
}

/* hot. Fill `want` samples; how many are not silence. *ret_first: the slot the first of them came from. */
static uint32_t compose(struct session *s, int16_t pcm[PCM_MAX], uint32_t want, struct tape_frame *ret_first,
			struct session_events *ev)
{
	uint32_t n = s->tail_n < want ? s->tail_n : want, part, slots = 0;

	memcpy(pcm, s->tail, n * sizeof *pcm);
	s->tail_n = 0;
	*ret_first = (struct tape_frame){.tx_index = UINT64_MAX, .kind = TAPE_SILENCE, .epoch = s->epoch};
	while (n < want && slots < SLOTS_PER_TICK && (part = take_samples(s, pcm + n, want - n)) > 0) {
		begin_utterance(s, ev);
		if (ret_first->kind == TAPE_SILENCE)
			*ret_first = (struct tape_frame){
				.tx_index = s->tape->tx_tail, .kind = TAPE_OK, .epoch = s->epoch, .utterance = s->cur.utterance,
			};
		if (s->cur.utterance == s->said.id)
			s->said.played += part;
		n += part;
		if (s->cur_at == s->cur.samples) {
			finish_slot(s, ev);
			slots++;
		}
	}
	memset(pcm + n, 0, (want - n) * sizeof *pcm);
	s->voiced = n == want;
	if (n < want && s->said.id != 0 && !s->dry)
		tell_underrun(s, n, ev);
	return n;
}

/* hot. While we may not send nothing is taken: what was not sent was not heard, and a flush says so. */
static uint32_t be_silent(struct session *s, int16_t *pcm, uint32_t want, struct tape_frame *ret_first)
{
	memset(pcm, 0, want * sizeof *pcm);
	*ret_first = (struct tape_frame){.tx_index = UINT64_MAX, .kind = TAPE_SILENCE, .epoch = s->epoch};
	s->tail_n = s->wire_n = 0;
	s->voiced = false;
	return 0;
}

/* hot. What leaves, as the backend can read it back. */
static void note_sent(struct session *s, const int16_t *pcm, uint64_t pos, struct tape_frame f)
{
	uint32_t frame = s->tape->frame_samples, n = s->r.rate_hz / 1000u * SESSION_TICK_MS;

	for (uint32_t at = 0; at < n; at += frame) {
		f.pos = pos + at;
		f.samples = n - at < frame ? n - at : frame;
		tape_sent_put(s->tape, &f, pcm + at);
	}
}

/* hot. Cut what is encoded into packets of ptime. */
static void cut_packets(struct session *s, bool all, struct session_packets *out)
{
	uint32_t size = s->r.facts.ptime_ms * SESSION_WIRE_HZ / 1000u;

	while ((s->wire_n >= size || (all && s->wire_n > 0)) && out->count < SESSION_PACKETS_MAX) {
		uint64_t seq = atomic_load_explicit(&s->hot[HOT_SEQ], memory_order_relaxed);
		uint32_t n = s->wire_n < size ? s->wire_n : size;
		uint8_t *p = s->packet[out->count];
		struct rtp_packet h = {
			.payload_type = s->r.facts.payload_type, .marker = s->marker, .seq = (uint16_t)seq,
			.ts = s->wire_ts, .ssrc = s->r.ssrc,
		};

		/* taken before it is used: a successor never sends this number again */
		session_hot_set(s, HOT_SEQ, seq + 1);
		rtp_header_write(p, &h);
		memcpy(p + RTP_HEADER_BYTES, s->wire, n);
		out->p[out->count] = p;
		out->n[out->count++] = RTP_HEADER_BYTES + n;
		s->marker = false;
		s->count.packets_sent++;
		s->count.octets_sent += n;
		s->wire_n -= n;
		s->wire_ts += n;
		memmove(s->wire, s->wire + n, s->wire_n);
	}
}

/* hot */
static void encode(struct session *s, const int16_t *pcm, uint32_t n, uint64_t pos)
{
	int16_t wire[SESSION_WIRE_TICK];
	uint32_t made = (uint32_t)resample_run(&s->down, pcm, n, wire, SESSION_WIRE_TICK);

	if (s->wire_n == 0)
		s->wire_ts = s->r.ts_base + (uint32_t)(pos * SESSION_WIRE_HZ / s->r.rate_hz);
	if (s->r.facts.codec == SESSION_PCMU)
		g711_ulaw_encode(wire, made, s->wire + s->wire_n);
	else
		g711_alaw_encode(wire, made, s->wire + s->wire_n);
	s->wire_n += made;
}

/* hot. One tick of the clock. */
static void play(struct session *s, uint64_t now_ns, struct session_packets *out, struct session_events *ev)
{
	uint32_t want = s->r.rate_hz / 1000u * SESSION_TICK_MS;
	int16_t pcm[PCM_MAX];
	struct tape_frame first;
	uint64_t pos = s->pos;
	bool sends = s->r.facts.sends;
	uint32_t voiced = sends ? compose(s, pcm, want, &first, ev) : be_silent(s, pcm, want, &first);

	/* the tick is over before anything of it leaves: a successor repeats nothing, at worst it leaves one out */
	s->pos += want;
	s->tick++;
	session_clock_save(s);

	first.mono_ns = now_ns;
	note_sent(s, pcm, pos, first);
	if (!sends || (voiced == 0 && !s->cfg.idle_silence)) {
		cut_packets(s, true, out); /* what was waiting for a full packet */
		s->marker = true;          /* RFC 3551 4.1: the first packet after silence */
	} else {
		encode(s, pcm, want, pos);
		cut_packets(s, false, out);
	}
	marks_resolve(s, ev);
}

static void watch_silence(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	uint64_t limit_ns = (uint64_t)s->cfg.timeout_ms * 1000000u * (s->began ? 1 : 2);

	if (!s->r.facts.receives)
		return;
	if (s->began && !s->r.stalled && now_ns > s->heard_ns + SESSION_STALL_MS * 1000000ull) {
		s->r.stalled = s->dirty = true;
		session_emit(ev, SESSION_STALLED)->pos = session_pos_at(s, now_ns);
	}
	if (limit_ns != 0 && now_ns > s->alive_ns + limit_ns) {
		s->alive_ns = now_ns; /* said once per timeout */
		session_emit(ev, SESSION_DEAD)->why = "neither RTP nor RTCP arrives";
	}
}

static void end_learning(struct session *s, uint64_t now_ns)
{
	if (!s->r.latch.learns || now_ns < s->r.start_ns + SESSION_LEARN_MS * 1000000ull)
		return;
	latch_learn(&s->r.latch, false);
	s->dirty = true;
}

/* A key whose end was lost is over when nothing more is heard of it, at the latest with the call. */
void digit_expire(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	struct dtmf_digit d;
	struct session_event *e;

	if (!s->r.dtmf.active || dtmf_tick(&s->r.dtmf, now_ns, &d) == 0)
		return;
	s->dirty = true;
	e = session_emit(ev, SESSION_DIGIT);
	e->digit = d.digit;
	e->pos = s->rx_pos;
	e->duration_ms = d.duration / (SESSION_WIRE_HZ / 1000u);
	atomic_store_explicit(&s->tape->mh->dtmf_active, 0, memory_order_relaxed);
}

/* hot */
void session_tick(struct session *s, uint64_t now_ns, struct session_packets *out, struct session_events *ev)
{
	uint64_t due, skip;

	out->count = 0;
	if (s->tape == NULL || now_ns < s->r.start_ns)
		return;
	watch_silence(s, now_ns, ev);
	end_learning(s, now_ns);
	session_late(s, now_ns, ev);
	digit_expire(s, now_ns, ev);

	due = (now_ns - s->r.start_ns) / TICK_NS + 1; /* ticks that should have been played by now */
	if (due > s->tick + SESSION_CATCH_UP) {
		skip = due - s->tick - 1;
		s->tick += skip;
		s->pos += skip * (s->r.rate_hz / 1000u * SESSION_TICK_MS);
		s->count.ticks_skipped += skip;
		s->marker = true;
		s->wire_n = 0;
		session_clock_save(s); /* else the next tick would write the word of the last one, were an odd number skipped */
	}
	while (s->tick < due)
		play(s, now_ns, out, ev);
}
