/* speech.c - see speech.h */
#include "media/session/speech.h"

#include <math.h>

#include "media/session/events.h"

static uint64_t samples_of(const struct session *s, uint32_t ms)
{
	return (uint64_t)ms * (s->r.rate_hz / 1000u);
}

bool speech_is_sound(const struct session_speech *p)
{
	return p->start_ms <= SESSION_SPEECH_MAX_MS && p->end_ms <= SESSION_SPEECH_MAX_MS && p->silence_ms <= SESSION_QUIET_MAX_MS &&
	       p->noise_dbov <= 0 && p->noise_dbov >= -(int32_t)LEVEL_SILENCE && p->speaks <= 1 && p->told <= 1;
}

static void listen_from_now(struct session *s)
{
	s->speech_at = s->tape->rx_head;
	vad_begin(&s->vad, s->speech.noise_dbov, s->speech.speaks != 0, s->rx_pos);
}

int session_detect(struct session *s, const struct session_speech_terms *t)
{
	if (t->generation == s->speech.generation)
		return 0;
	if (t->start_ms > SESSION_SPEECH_MAX_MS || t->end_ms > SESSION_SPEECH_MAX_MS || t->silence_ms > SESSION_QUIET_MAX_MS ||
	    (t->end_ms == 0) != (t->start_ms == 0))
		return ERR_INVAL;
	if (s->speech.end_ms == 0 || t->end_ms == 0) {
		s->speech.speaks = 0;
		listen_from_now(s);
	}
	s->speech.generation = t->generation;
	s->speech.start_ms = t->start_ms;
	s->speech.end_ms = t->end_ms;
	s->speech.silence_ms = t->silence_ms;
	s->speech.quiet_pos = s->pos;
	s->speech.told = 0;
	s->dirty = true;
	return 0;
}

void speech_resume(struct session *s)
{
	if (s->speech.end_ms != 0)
		listen_from_now(s);
}

static void began(struct session *s, uint64_t pos, struct session_events *ev)
{
	s->speech.speaks = 1;
	s->speech.pos = pos;
	session_emit(ev, SESSION_SPEECH_STARTED)->pos = pos;
}

static void ended(struct session *s, uint64_t pos, struct session_events *ev)
{
	struct session_event *v = session_emit(ev, SESSION_SPEECH_ENDED);

	s->speech.speaks = 0;
	s->speech.quiet_pos = pos;
	s->speech.told = 0;
	v->pos = pos;
	v->duration_ms = (uint32_t)((pos - s->speech.pos) / (s->r.rate_hz / 1000u));
}

/* hot */
static void block(struct session *s, const struct vad_block *b, struct session_events *ev)
{
	const struct vad_terms terms = {.start_ms = s->speech.start_ms, .end_ms = s->speech.end_ms};
	uint64_t pos;
	enum vad_edge edge = vad_take(&s->vad, &terms, b, &pos);

	if (edge == VAD_NOTHING)
		return;
	s->speech.noise_dbov = (int32_t)lrintf(s->vad.noise);
	s->dirty = true;
	if (edge == VAD_STARTED)
		began(s, pos, ev);
	else
		ended(s, pos, ev);
}

/* hot. What is left of a frame that was cut short is no block. */
static void frame(struct session *s, const struct tape_frame *f, const int16_t *pcm, struct session_events *ev)
{
	uint32_t n = (uint32_t)samples_of(s, VAD_BLOCK_MS);
	bool sounds = f->kind == TAPE_OK || f->kind == TAPE_CONCEALED;

	for (uint32_t at = 0; at + n <= f->samples; at += n)
		block(s, &(struct vad_block){.pcm = sounds ? pcm + at : NULL, .n = n, .pos = f->pos + at, .made_up = f->kind == TAPE_CONCEALED}, ev);
}

/* While we speak nobody waits for the caller. */
static void watch_quiet(struct session *s, struct session_events *ev)
{
	struct session_event *v;

	if (s->voiced || s->speech.speaks) {
		s->speech.quiet_pos = s->pos > s->speech.quiet_pos ? s->pos : s->speech.quiet_pos;
		s->speech.told = 0;
		return;
	}
	if (s->speech.silence_ms == 0 || s->speech.told || s->pos < s->speech.quiet_pos + samples_of(s, s->speech.silence_ms))
		return;
	s->speech.told = 1;
	s->dirty = true;
	v = session_emit(ev, SESSION_QUIET);
	v->pos = s->pos;
	v->duration_ms = s->speech.silence_ms;
}

void speech_tick(struct session *s, struct session_events *ev)
{
	int16_t pcm[TAPE_SAMPLES_MAX];
	struct tape_frame f;

	if (s->speech.end_ms == 0)
		return;
	for (; s->speech_at < s->tape->rx_head; s->speech_at++)
		if (tape_rx_get(s->tape, s->speech_at, &f, pcm) == 0)
			frame(s, &f, pcm, ev);
	watch_quiet(s, ev);
}
