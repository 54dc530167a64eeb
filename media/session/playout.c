/* playout.c - see playout.h */
#include "media/session/playout.h"

#include <string.h>

#include "media/dsp/level.h"
#include "media/session/clock.h"
#include "media/session/events.h"
#include "media/session/facts.h"
#include "media/session/mark.h"
#include "media/session/mouth.h"
#include "media/session/packets.h"
#include "media/session/play.h"
#include "media/session/press.h"
#include "media/session/utterance.h"

#define SLOTS_PER_TICK 16u /* a backend that writes crumbs is heard in crumbs, and floods nobody with events */
#define TICK_SAMPLES_MAX (SESSION_TICK_MS * TAPE_SAMPLES_PER_MS_MAX)
#define PCM_MAX (TICK_SAMPLES_MAX + TAPE_SAMPLES_MAX) /* of a tick, with room for a whole slot behind any of them */
#define FADE_MS 5u

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
	mouth_took(s);
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
	while (n < want && slots < SLOTS_PER_TICK && !s->mouth.paused && (part = take_samples(s, pcm + n, want - n)) > 0) {
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
	if (n < want && s->said.id != 0 && !s->dry && !s->mouth.paused)
		tell_underrun(s, n, ev);
	return n;
}

/* hot. While we may not send nothing is taken: what was not sent was not heard, and a flush says so. */
static uint32_t be_silent(struct session *s, int16_t *pcm, uint32_t want, struct tape_frame *ret_first)
{
	memset(pcm, 0, want * sizeof *pcm);
	*ret_first = (struct tape_frame){.tx_index = UINT64_MAX, .kind = TAPE_SILENCE, .epoch = s->epoch};
	s->tail_n = s->rest_n = 0;
	s->voiced = false;
	return 0;
}

/* hot. What the others in its room say, with what its backend says. Is anything heard? */
static bool join_room(struct session *s, int16_t *pcm, uint32_t voiced, struct tape_frame *first)
{
	uint64_t at_ns = s->r.start_ns + s->tick * SESSION_TICK_NS;

	if (s->member == NULL || !room_take(s->member, at_ns, pcm, session_tick_samples(s), voiced > 0))
		return voiced > 0;
	if (first->kind == TAPE_SILENCE)
		first->kind = TAPE_OK;
	return true;
}

/* hot. A file or a tone under what is said. How many samples are not silence then. While nothing may be sent it waits, too. */
static uint32_t play_under(struct session *s, int16_t *pcm, uint32_t want, uint32_t voiced, struct tape_frame *first)
{
	uint32_t n = play_mix(s, pcm, want, voiced > 0);

	if (n > 0)
		first->kind = TAPE_OK;
	return n > voiced ? n : voiced;
}

/* hot. What leaves, as the backend can read it back. */
static void note_sent(struct session *s, const int16_t *pcm, uint64_t pos, struct tape_frame f)
{
	uint32_t n = session_tick_samples(s);

	f.samples = s->tape->frame_samples; /* a tick is one frame or two */
	for (uint32_t at = 0; at < n; at += f.samples) {
		f.pos = pos + at;
		tape_sent_put(s->tape, &f, pcm + at);
	}
}

/* hot */
void playout_tick(struct session *s, uint64_t now_ns, struct session_packets *out, struct session_events *ev)
{
	uint32_t want = session_tick_samples(s);
	int16_t pcm[PCM_MAX];
	struct tape_frame first;
	uint64_t pos = s->pos;
	bool sends = s->facts.sends && facts_name_a_peer(&s->facts);
	bool pressed = press_is_down(s);
	uint32_t voiced;
	bool heard;

	mouth_tick(s, pos, now_ns, ev);
	voiced = sends && !pressed ? compose(s, pcm, want, &first, ev) : be_silent(s, pcm, want, &first);
	if (s->play != NULL && sends && !pressed)
		voiced = play_under(s, pcm, want, voiced, &first);
	heard = sends && !pressed && join_room(s, pcm, voiced, &first);

	/* the tick is over before anything of it leaves: a successor repeats nothing, at worst it leaves one out */
	s->pos += want;
	s->tick++;
	if (s->play != NULL)
		playring_done(s->play, s->pos);
	session_clock_save(s);

	if (s->fades_in)
		level_fade_in(pcm, FADE_MS * (s->r.rate_hz / 1000u));
	first.mono_ns = now_ns;
	note_sent(s, pcm, pos, first);
	if (pressed) {
		packets_hush_rest(s, out);
		press_tick(s, pos, out, ev);
	} else if (!sends || (!heard && !s->cfg.idle_silence)) {
		packets_hush(s, out);
	} else {
		packets_talk(s, pcm, want, pos, out);
	}
	s->fades_in = false;
	if (voiced > 0)
		s->over = pos + packets_heard_after(s);
	mark_resolve(s, ev);
}

void playout_skip(struct session *s, uint64_t ticks)
{
	s->tick += ticks;
	s->pos += ticks * session_tick_samples(s);
	s->count.ticks_skipped += ticks;
	s->marker = true;
	s->rest_n = 0;
	session_clock_save(s); /* else the next tick would write the word of the last one, were an odd number skipped */
}
