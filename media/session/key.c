/* key.c - see key.h */
#include "media/session/key.h"

#include "media/session/events.h"
#include "media/session/timeline.h"

#define HANG_MS 60u /* audio so close behind an event is flagged with it */

static void report(struct session *s, const struct dtmf_digit *d, uint64_t pos, struct session_events *ev)
{
	struct session_event *e = session_emit(ev, SESSION_DIGIT);

	e->digit = d->digit;
	e->pos = pos;
	e->duration_ms = d->duration / (session_codec(s)->clock_hz / 1000u);
}

static void show(struct session *s)
{
	atomic_store_explicit(&s->tape->mh->dtmf_active, s->dtmf.active, memory_order_relaxed);
}

void key_packet(struct session *s, const struct reorder_item *in, struct session_events *ev)
{
	struct dtmf_digit digits[DTMF_DIGITS_MAX];
	struct dtmf_payload payload;
	struct dtmf before = s->dtmf;
	int n;

	if (dtmf_parse(in->payload, in->payload_bytes, &payload) != 0) {
		s->dtmf.ignored++;
		return;
	}
	timeline_begin(s, in, ev);
	s->lost_pending = 0; /* a lost packet of an event is no lost audio */
	n = dtmf_take(&s->dtmf, in->ts, &payload, in->arrival_ns, digits);
	s->dirty |= before.active != s->dtmf.active || before.ts != s->dtmf.ts;
	s->dtmf_until_ns = in->arrival_ns + HANG_MS * 1000000ull;
	for (int i = 0; i < n; i++)
		report(s, &digits[i], timeline_place(s, digits[i].ts), ev);
	show(s);
}

void key_expire(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	struct dtmf_digit d;

	if (!s->dtmf.active || dtmf_tick(&s->dtmf, now_ns, &d) == 0)
		return;
	s->dirty = true;
	report(s, &d, s->rx_pos, ev);
	show(s);
}
