/* mouth.c - see mouth.h. What is told is a function of what survives and of the tape, so a successor goes on with it. */
#include "media/session/mouth.h"

#include <string.h>

#include "media/session/clock.h"
#include "media/session/events.h"

#define LEAST_CROSSING_MS SESSION_TICK_MS /* apart are two levels of which only one is told */

bool mouth_is_sound(const struct session_mouth *m)
{
	return m->paused <= 1 && m->tells_drained <= 1 && m->above <= 1 && m->filled <= 1 && m->wait_tells <= 1 &&
	       m->high_ms <= SESSION_LEVEL_MAX_MS && m->low_ms <= SESSION_LEVEL_MAX_MS && m->wait_state < SESSION_WAIT_STATES &&
	       memchr(m->wait_mark, '\0', sizeof m->wait_mark) != NULL && memchr(m->wait_note, '\0', sizeof m->wait_note) != NULL;
}

/* ---- how much is queued ---- */

/* Slots are counted when they are seen and taken off when they are played. A backend that changes one in between deceives itself alone. */
static void count_queued(struct session *s)
{
	uint64_t end = s->tape->tx_tail + tape_tx_pending(s->tape);

	if (s->counted < s->tape->tx_tail)
		s->counted = s->tape->tx_tail;
	for (; s->counted < end; s->counted++)
		s->queued += tape_tx_samples(s->tape, s->counted, s->epoch);
	if (s->tape->tx_tail == end)
		s->queued = 0;
}

void mouth_forget(struct session *s)
{
	s->queued = 0;
	s->counted = 0;
}

/* hot */
void mouth_took(struct session *s)
{
	if (s->tape->tx_tail < s->counted)
		s->queued -= s->queued < s->cur.samples ? s->queued : s->cur.samples;
}

static uint64_t queued(const struct session *s)
{
	uint32_t begun = s->cur_valid ? s->cur_at : 0;

	return s->queued > begun ? s->queued - begun : 0;
}

/* ---- levels ---- */

int session_levels(struct session *s, const struct session_levels *levels)
{
	struct session_mouth *m = &s->mouth;

	if (levels->high_ms > SESSION_LEVEL_MAX_MS || levels->low_ms > SESSION_LEVEL_MAX_MS ||
	    (levels->high_ms != 0 && levels->low_ms >= levels->high_ms))
		return ERR_RANGE;
	mouth_forget(s); /* nobody may have counted until now */
	m->high_ms = levels->high_ms;
	m->low_ms = levels->low_ms;
	m->tells_drained = levels->drained;
	m->above = m->filled = 0;
	s->dirty = true;
	return 0;
}

static void tell_level(struct session *s, enum session_level level, uint64_t pos, struct session_events *ev)
{
	struct session_event *e = session_emit(ev, SESSION_LEVEL);

	e->level = level;
	e->queued_ms = (uint32_t)(queued(s) / (s->r.rate_hz / 1000u));
	e->pos = pos;
	s->dirty = true;
}

/* Of levels of which only one is told the other one is still there, else the first would be told at every sample around it. */
static void watch_levels(struct session *s, uint64_t pos, struct session_events *ev)
{
	struct session_mouth *m = &s->mouth;
	uint32_t high = m->high_ms != 0 ? m->high_ms : m->low_ms + LEAST_CROSSING_MS, low = m->low_ms != 0 ? m->low_ms : high / 2;
	uint64_t per_ms = s->r.rate_hz / 1000u;

	if (!m->above && queued(s) >= high * per_ms) {
		m->above = 1;
		s->dirty = true;
		if (m->high_ms != 0)
			tell_level(s, SESSION_HIGH_WATER, pos, ev);
	} else if (m->above && queued(s) <= low * per_ms) {
		m->above = 0;
		s->dirty = true;
		if (m->low_ms != 0)
			tell_level(s, SESSION_LOW_WATER, pos, ev);
	}
}

/* Once for each time that there was something. */
static void watch_drain(struct session *s, bool drained, uint64_t pos, struct session_events *ev)
{
	struct session_mouth *m = &s->mouth;

	if (m->filled == drained) {
		m->filled = !drained;
		s->dirty = true;
		if (drained)
			tell_level(s, SESSION_DRAINED, pos, ev);
	}
}

/* ---- waiting ---- */

int session_wait(struct session *s, const struct session_wait *w, uint64_t now_ns)
{
	struct session_mouth *m = &s->mouth;
	bool pending = w->mark.n == 0;

	if (w->token == 0 || w->mark.n >= SESSION_MARK_BYTES || w->note.n >= SESSION_MARK_BYTES || w->limit_ms == 0 ||
	    w->limit_ms > SESSION_WAIT_MAX_MS)
		return ERR_RANGE;
	s->dirty = true;
	m->wait_tells = 1;
	if (m->wait_token == w->token)
		return 0;
	for (uint32_t i = 0; i < s->mark_count; i++)
		pending |= str_eq(str_of(s->marks[i].name), w->mark);
	m->wait_token = w->token;
	m->wait_until_ns = now_ns + w->limit_ms * 1000000ull;
	m->wait_state = pending ? SESSION_WAITING : SESSION_WAIT_DROPPED;
	(void)!str_copy(m->wait_note, sizeof m->wait_note, w->note);
	return str_copy(m->wait_mark, sizeof m->wait_mark, w->mark);
}

void mouth_mark(struct session *s, const char *mark, bool reached)
{
	struct session_mouth *m = &s->mouth;

	if (m->wait_state == SESSION_WAITING && m->wait_mark[0] != '\0' && strcmp(m->wait_mark, mark) == 0)
		m->wait_state = reached ? SESSION_WAIT_REACHED : SESSION_WAIT_DROPPED;
}

static void watch_wait(struct session *s, bool drained, uint64_t pos, uint64_t now_ns, struct session_events *ev)
{
	static const char *const why[] = {[SESSION_WAIT_REACHED] = "", [SESSION_WAIT_DROPPED] = "no such mark is pending any more", [SESSION_WAIT_LIMIT] = "limit"};
	struct session_mouth *m = &s->mouth;
	struct session_event *e;

	if (m->wait_state == SESSION_WAITING && m->wait_mark[0] == '\0' && drained)
		m->wait_state = SESSION_WAIT_REACHED;
	else if (m->wait_state == SESSION_WAITING && now_ns >= m->wait_until_ns)
		m->wait_state = SESSION_WAIT_LIMIT;
	if (m->wait_state == SESSION_WAITING || !m->wait_tells)
		return;
	m->wait_tells = 0;
	s->dirty = true;
	e = session_emit(ev, SESSION_WAITED);
	e->token = m->wait_token;
	memcpy(e->mark, m->wait_note, sizeof e->mark);
	e->reached = m->wait_state != SESSION_WAIT_DROPPED;
	e->why = why[m->wait_state];
	e->pos = pos;
}

/* hot. Nothing is left, and the last of it was heard. */
static bool is_drained(struct session *s, uint64_t pos)
{
	return !s->cur_valid && s->tail_n == 0 && pos >= s->over && tape_tx_pending(s->tape) == 0;
}

/* hot */
void mouth_tick(struct session *s, uint64_t pos, uint64_t now_ns, struct session_events *ev)
{
	const struct session_mouth *m = &s->mouth;
	bool drained;

	if (m->high_ms == 0 && m->low_ms == 0 && !m->tells_drained && !m->wait_tells)
		return;
	drained = is_drained(s, pos);
	if (m->high_ms != 0 || m->low_ms != 0) {
		count_queued(s);
		watch_levels(s, pos, ev);
	}
	if (m->tells_drained)
		watch_drain(s, drained, pos, ev);
	if (m->wait_tells)
		watch_wait(s, drained, pos, now_ns, ev);
}
