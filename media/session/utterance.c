/* utterance.c - what of each utterance was heard, and flushing. */
#include "media/session/utterance.h"

#include <string.h>

#include "media/dsp/level.h"
#include "media/session/clock.h"
#include "media/session/events.h"
#include "media/session/mark.h"
#include "media/session/mouth.h"

#define FADE_MS 5u
#define FADE_MS_MAX 20u

_Static_assert(FADE_MS_MAX * TAPE_SAMPLES_PER_MS_MAX <= TAPE_SAMPLES_MAX, "the tail has room for the longest fade");

void utterance_end(struct session *s, const struct session_utterance *u, const char *why, struct session_events *ev)
{
	struct session_event *e = session_emit(ev, SESSION_UTTERANCE_ENDED);

	e->utterance = u->id;
	e->played = u->played;
	e->discarded = u->discarded;
	e->pos = s->pos;
	e->why = why;
}

/* ---- flushing ---- */

/* Is there more of what is heard right now: the rest of a slot, or the next slot of the same utterance? */
static bool goes_on(struct session *s)
{
	if (s->cur_valid)
		return true;
	if (!s->voiced || tape_tx_peek(s->tape, &s->cur, s->cur_pcm) != 0)
		return false;
	s->cur_at = 0;
	s->cur_valid = s->cur.samples > 0 && s->cur.utterance == s->said.id && s->cur.epoch == s->epoch;
	return s->cur_valid;
}

/* Move up to `want` samples of it into the tail; they count as played. */
static void take_tail(struct session *s, uint32_t want)
{
	uint32_t n = 0;

	while (n < want && goes_on(s)) {
		uint32_t left = s->cur.samples - s->cur_at, part = left < want - n ? left : want - n;

		memcpy(s->tail + n, s->cur_pcm + s->cur_at, part * sizeof s->tail[0]);
		if (s->cur.utterance == s->said.id)
			s->said.played += part;
		n += part;
		s->cur_at += part;
		if (s->cur_at < s->cur.samples)
			break;
		s->cur_valid = false;
		mouth_took(s);
		tape_tx_step(s->tape);
	}
	level_fade_out(s->tail, n);
	s->tail_n = n;
}

/* Utterances that a flush cuts; those that do not fit are not told of. */
struct cut {
	struct session_utterance *v;
	uint32_t n;
};

static void discard(struct cut *c, uint32_t id, uint32_t samples)
{
	if (id == 0)
		return;
	for (uint32_t i = 0; i < c->n; i++)
		if (c->v[i].id == id) {
			c->v[i].discarded += samples;
			return;
		}
	if (c->n < SESSION_UTTERANCES_MAX)
		c->v[c->n++] = (struct session_utterance){.id = id, .discarded = samples};
}

static void discard_queue(struct session *s, struct cut *c)
{
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];

	if (s->cur_valid) {
		discard(c, s->cur.utterance, s->cur.samples - s->cur_at);
		s->cur_valid = false;
		tape_tx_step(s->tape);
	}
	for (uint32_t i = 0; i < s->tape->tx_slots; i++) {
		if (tape_tx_peek(s->tape, &f, pcm) != 0 || f.epoch == s->epoch)
			return;
		discard(c, f.utterance, f.samples);
		tape_tx_step(s->tape);
	}
}

uint64_t session_flush(struct session *s, uint32_t fade_ms, struct session_utterance ret[SESSION_UTTERANCES_MAX],
		       uint32_t *ret_n, struct session_events *ev)
{
	uint32_t fade = fade_ms == 0 ? FADE_MS : fade_ms < FADE_MS_MAX ? fade_ms : FADE_MS_MAX;
	struct cut cut = {.v = ret};

	*ret_n = 0;
	if (s->tape == NULL)
		return 0;
	mark_resolve(s, ev); /* set since the last tick, reached before it */
	if (s->tail_n == 0)   /* else what a flush left is still to be heard, and the end of it is silence already */
		take_tail(s, fade * s->r.rate_hz / 1000u);
	s->epoch++;
	tape_set_epoch(s->tape, s->epoch);
	if (s->said.id != 0)
		ret[cut.n++] = s->said;
	discard_queue(s, &cut);
	mouth_forget(s);
	s->said = (struct session_utterance){.id = 0};
	s->voiced = s->dry = false;
	session_clock_save(s);

	for (uint32_t i = 0; i < cut.n; i++)
		utterance_end(s, &ret[i], "flushed", ev);
	mark_drop_all(s, "flushed", ev);
	*ret_n = cut.n;
	return s->pos + s->tail_n;
}

/* ---- pausing ---- */

/* What fades out was said, and the rest of its slot waits; so it is only the sound that is softened, at both ends. */
void session_pause(struct session *s, bool on)
{
	if (s->mouth.paused == on)
		return;
	if (s->tape != NULL && on && s->tail_n == 0) {
		take_tail(s, FADE_MS * s->r.rate_hz / 1000u);
		session_clock_save(s);
	}
	s->mouth.paused = on;
	s->fades_in |= !on;
	s->dirty = true;
}
