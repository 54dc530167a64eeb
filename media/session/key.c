/* key.c - see key.h */
#include "media/session/key.h"

#include <string.h>

#include "media/session/events.h"
#include "media/session/timeline.h"
#include "media/session/voice.h"

#define KEY_EVENTS_MAX 16u
#define BEHIND 0xff00u /* numbers that are further ahead than this are those of packets that come late */
#define HANG_MS 60u /* audio so close behind an event is flagged with it */

static void drop(struct session_keys *k, uint32_t n)
{
	k->waiting = (uint8_t)(k->waiting - n);
	memmove(k->v, k->v + n, k->waiting * sizeof k->v[0]);
}

static void report(struct session *s, const struct dtmf_digit *d, uint64_t pos, struct session_events *ev)
{
	struct session_event *e = session_emit(ev, SESSION_DIGIT);

	e->digit = d->digit;
	e->pos = pos;
	e->number = ++s->keys.count;
	e->duration_ms = d->duration / (session_codec(s)->clock_hz / 1000u);
	if (s->keys.waiting == SESSION_KEYS_MAX) {
		drop(&s->keys, 1);
		s->count.keys_dropped++;
	}
	s->keys.v[s->keys.waiting++] = (struct session_told_key){.pos = pos, .number = e->number, .duration_ms = e->duration_ms, .digit = e->digit};
	s->dirty = true;
}

void session_keys_taken(struct session *s, uint32_t number)
{
	uint32_t n = 0;

	while (n < s->keys.waiting && s->keys.v[n].number <= number)
		n++;
	drop(&s->keys, n);
	s->dirty |= n > 0;
}

static void show(struct session *s)
{
	atomic_store_explicit(&s->tape->mh->dtmf_active, s->dtmf.active, memory_order_relaxed);
}

/* One event of a packet. */
static void take(struct session *s, const struct dtmf_report *r, uint64_t arrival_ns, struct session_events *ev)
{
	struct dtmf_digit digits[DTMF_DIGITS_MAX];
	struct dtmf before = s->dtmf;
	int n = dtmf_take(&s->dtmf, r, arrival_ns, digits);
	bool is_new = before.presses != s->dtmf.presses;

	s->dirty |= is_new || before.active != s->dtmf.active || before.last_ts != s->dtmf.last_ts;
	for (int i = 0; i < n; i++) {
		const struct dtmf_digit *d = &digits[i];
		bool was_down = before.active && d->press == before.presses;

		report(s, d, was_down ? s->r.key_pos : timeline_of_key(s, d->ts, d->duration, arrival_ns), ev);
	}
	if (is_new && s->dtmf.active)
		s->r.key_pos = timeline_of_key(s, r->ts, r->p.duration, arrival_ns);
}

static void forget(struct session *s, struct session_events *ev)
{
	key_expire(s, UINT64_MAX, ev);
	s->dtmf = (struct dtmf){.ignored = s->dtmf.ignored, .presses = s->dtmf.presses};
	s->dirty = true;
}

/* Keys of another stream have nothing to do with those before. */
static void follow(struct session *s, uint32_t ssrc, struct session_events *ev)
{
	if (s->keys.ssrc == ssrc)
		return;
	if (s->dtmf.known)
		forget(s, ev);
	s->keys.ssrc = ssrc;
	s->keys.numbered = 0;
	s->dirty = true;
}

void key_packet(struct session *s, uint32_t ssrc, const struct reorder_item *in, struct session_events *ev)
{
	struct dtmf_report r = {.ts = in->ts, .per_ms = session_codec(s)->clock_hz / 1000u, .marker = in->marker};
	const uint8_t *p = in->payload;
	size_t left = in->payload_bytes;

	if (dtmf_parse(p, left, &r.p) != 0) {
		s->dtmf.ignored++;
		return;
	}
	follow(s, ssrc, ev);
	s->lost_pending = 0; /* a lost packet of an event is no lost audio */
	s->dtmf_until_ns = in->arrival_ns + HANG_MS * 1000000ull;
	take(s, &r, in->arrival_ns, ev);
	/* each further one begins where one that is over ended; else what follows is no event */
	for (uint32_t i = 1; i < KEY_EVENTS_MAX && r.p.end && r.p.duration > 0; i++) {
		r.ts += r.p.duration;
		r.apart = true;
		p += DTMF_PAYLOAD_BYTES;
		left -= DTMF_PAYLOAD_BYTES;
		if (dtmf_parse(p, left, &r.p) != 0)
			break;
		take(s, &r, in->arrival_ns, ev);
	}
	show(s);
}

bool key_is_aside(const struct session *s, const struct rtp_packet *p)
{
	return s->in.seq.started && p->ssrc != s->in.seq.ssrc && voice_is_key(&s->facts, p->payload_type);
}

void key_aside(struct session *s, const struct rtp_packet *p, uint64_t now_ns, struct session_events *ev)
{
	struct reorder_item item = {
		.ts = p->ts, .payload_type = p->payload_type, .marker = p->marker, .arrival_ns = now_ns,
		.payload = p->payload, .payload_bytes = p->payload_bytes,
	};
	bool numbered = s->keys.ssrc == p->ssrc && s->keys.numbered;

	if (s->tape == NULL || (numbered && (uint16_t)(p->seq - s->keys.seq - 1u) >= BEHIND))
		return;
	key_packet(s, p->ssrc, &item, ev);
	s->keys.seq = p->seq;
	s->keys.numbered = 1;
}

void key_restart(struct session *s, uint32_t ssrc, struct session_events *ev)
{
	if (s->keys.ssrc == ssrc && s->dtmf.known)
		forget(s, ev);
}

void key_expire(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	struct dtmf_digit d;

	if (!s->dtmf.active || dtmf_tick(&s->dtmf, now_ns, &d) == 0)
		return;
	s->dirty = true;
	report(s, &d, s->r.key_pos, ev);
	show(s);
}
