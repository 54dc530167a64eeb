/* utterance.c - what of each utterance was heard, marks, and flushing. */
#include <string.h>

#include "media/dsp/level.h"
#include "media/session/session.h"

#define FADE_MS 5u
#define FADE_MS_MAX 20u

/* Its row, making one (the oldest is forgotten when all are taken). NULL for 0. */
struct session_utterance *utterance_of(struct session *s, uint32_t id)
{
	struct session_utterance *free_row = NULL;

	if (id == 0)
		return NULL;
	for (uint32_t i = 0; i < SESSION_UTTERANCES_MAX; i++) {
		struct session_utterance *u = &s->utterances[i];

		if (u->id == id)
			return u;
		if (u->id == 0 && free_row == NULL)
			free_row = u;
	}
	if (free_row == NULL) {
		memmove(s->utterances, s->utterances + 1, sizeof s->utterances - sizeof s->utterances[0]);
		free_row = &s->utterances[SESSION_UTTERANCES_MAX - 1];
	}
	*free_row = (struct session_utterance){.id = id};
	return free_row;
}

void utterance_end(struct session *s, struct session_utterance *u, const char *why, struct session_events *ev)
{
	struct session_event *e = session_emit(ev, SESSION_UTTERANCE_ENDED);
	size_t at = (size_t)(u - s->utterances);

	e->utterance = u->id;
	e->played = u->played;
	e->discarded = u->discarded;
	e->pos = s->pos;
	e->why = why;
	if (s->speaking == u->id)
		s->speaking = 0;
	/* keep the order: oldest first */
	memmove(u, u + 1, (SESSION_UTTERANCES_MAX - 1 - at) * sizeof *u);
	s->utterances[SESSION_UTTERANCES_MAX - 1] = (struct session_utterance){.id = 0};
}

int session_mark(struct session *s, struct str name, uint64_t after_index)
{
	if (name.n == 0 || name.n >= SESSION_MARK_BYTES)
		return ERR_RANGE;
	if (s->mark_count == SESSION_MARKS_MAX)
		return ERR_NOSPC;
	for (uint32_t i = 0; i < s->mark_count; i++)
		if (str_eq(str_of(s->marks[i].name), name))
			return ERR_EXIST;
	s->marks[s->mark_count].after_index = after_index;
	return str_copy(s->marks[s->mark_count++].name, SESSION_MARK_BYTES, name);
}

static void resolve(struct session *s, uint32_t i, bool reached, struct session_events *ev)
{
	struct session_event *e = session_emit(ev, SESSION_MARK);

	memcpy(e->mark, s->marks[i].name, sizeof e->mark);
	e->reached = reached;
	e->pos = s->pos;
	e->why = reached ? "" : "flushed";
	s->mark_count--;
	memmove(&s->marks[i], &s->marks[i + 1], (s->mark_count - i) * sizeof s->marks[0]);
}

void marks_resolve(struct session *s, uint64_t reached_index, struct session_events *ev)
{
	for (uint32_t i = 0; i < s->mark_count;) {
		if (s->marks[i].after_index <= reached_index)
			resolve(s, i, true, ev);
		else
			i++;
	}
}

/* Move up to `want` samples of what is next into the tail; they count as played. */
static void take_tail(struct session *s, uint32_t want)
{
	uint32_t n = 0;

	while (n < want && s->cur_valid) {
		uint32_t left = s->cur.samples - s->cur_at, part = left < want - n ? left : want - n;
		struct session_utterance *u = utterance_of(s, s->cur.utterance);

		memcpy(s->tail + n, s->cur_pcm + s->cur_at, part * sizeof s->tail[0]);
		if (u != NULL)
			u->played += part;
		n += part;
		s->cur_at += part;
		if (s->cur_at < s->cur.samples)
			break;
		s->cur_valid = false;
	}
	level_fade_out(s->tail, n);
	s->tail_n = n;
}

static void discard(struct session *s, const struct tape_frame *f, uint32_t samples)
{
	struct session_utterance *u = utterance_of(s, f->utterance);

	if (u != NULL)
		u->discarded += samples;
}

uint64_t session_flush(struct session *s, uint32_t fade_ms, struct session_utterance ret[SESSION_UTTERANCES_MAX],
		       uint32_t *ret_n, struct session_events *ev)
{
	uint32_t fade = fade_ms == 0 ? FADE_MS : fade_ms < FADE_MS_MAX ? fade_ms : FADE_MS_MAX;
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];
	uint64_t silent_pos;

	*ret_n = 0;
	if (s->tape == NULL)
		return 0;
	s->epoch++;
	session_hot_set(s, HOT_EPOCH, s->epoch);
	tape_set_epoch(s->tape, s->epoch);

	/* something to fade: the rest of the slot being played, or the next one of an utterance that is under way */
	if (!s->cur_valid && s->speaking != 0 && tape_tx_peek(s->tape, &s->cur, s->cur_pcm) == 0 &&
	    s->cur.utterance == s->speaking && s->cur.epoch != s->epoch) {
		tape_tx_pop(s->tape);
		s->cur_valid = s->cur.samples > 0;
		s->cur_at = 0;
	}
	take_tail(s, fade * s->r.rate_hz / 1000u);
	if (s->cur_valid)
		discard(s, &s->cur, s->cur.samples - s->cur_at);
	s->cur_valid = false;
	for (uint32_t i = 0; i < s->tape->tx_slots; i++) {
		if (tape_tx_peek(s->tape, &f, pcm) != 0 || f.epoch == s->epoch)
			break;
		discard(s, &f, f.samples);
		tape_tx_pop(s->tape);
	}
	silent_pos = s->pos + s->tail_n;

	while (s->utterances[0].id != 0) {
		ret[(*ret_n)++] = s->utterances[0];
		utterance_end(s, &s->utterances[0], "flushed", ev);
	}
	while (s->mark_count > 0)
		resolve(s, 0, s->marks[0].after_index == 0, ev);
	s->dry = false;
	return silent_pos;
}
