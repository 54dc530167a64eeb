/* mark.c - see mark.h */
#include "media/session/mark.h"

#include <string.h>

#include "media/session/events.h"
#include "media/session/mouth.h"

int session_mark(struct session *s, struct str name, uint64_t after_index)
{
	struct session_mark *m = &s->marks[s->mark_count];
	int err;

	if (name.n == 0 || name.n >= SESSION_MARK_BYTES)
		return ERR_RANGE;
	if (s->mark_count == SESSION_MARKS_MAX)
		return ERR_NOSPC;
	for (uint32_t i = 0; i < s->mark_count; i++)
		if (str_eq(str_of(s->marks[i].name), name))
			return ERR_EXIST;
	err = str_copy(m->name, SESSION_MARK_BYTES, name);
	if (err != 0)
		return err;
	m->after_index = after_index;
	s->mark_count++;
	s->dirty = true;
	return 0;
}

static void resolve(struct session *s, uint32_t i, const char *why, struct session_events *ev)
{
	struct session_event *e = session_emit(ev, SESSION_MARK);

	memcpy(e->mark, s->marks[i].name, sizeof e->mark);
	e->reached = why[0] == '\0';
	e->pos = s->pos;
	e->why = why;
	mouth_mark(s, s->marks[i].name, e->reached);
	s->mark_count--;
	memmove(&s->marks[i], &s->marks[i + 1], (s->mark_count - i) * sizeof s->marks[0]);
	s->dirty = true;
}

void mark_resolve(struct session *s, struct session_events *ev)
{
	for (uint32_t i = 0; i < s->mark_count;) {
		if (s->marks[i].after_index <= s->tape->tx_tail)
			resolve(s, i, "", ev);
		else
			i++;
	}
}

void mark_drop_all(struct session *s, const char *why, struct session_events *ev)
{
	while (s->mark_count > 0)
		resolve(s, 0, why, ev);
}
