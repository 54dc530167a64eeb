/* events.c - see events.h */
#include "media/session/events.h"

struct session_event *session_emit(struct session_events *ev, enum session_event_kind kind)
{
	if (ev->n == SESSION_EVENTS_MAX) {
		ev->dropped++;
		ev->n--;
	}
	ev->v[ev->n] = (struct session_event){.kind = kind};
	return &ev->v[ev->n++];
}

void session_hot_set(struct session *s, enum session_hot word, uint64_t v)
{
	atomic_store_explicit(&s->hot[word], v, memory_order_release);
}

uint64_t session_hot_get(const struct session *s, enum session_hot word)
{
	return atomic_load_explicit(&s->hot[word], memory_order_acquire);
}
