/* session.c - see session.h: beginning, end, and take-over. */
#include "media/session/session.h"

#include <string.h>

struct session_event *session_emit(struct session_events *ev, enum session_event_kind kind)
{
	if (ev->n == SESSION_EVENTS_MAX) {
		ev->dropped++;
		ev->n--; /* the last one is overwritten: never fails, and it is counted */
	}
	ev->v[ev->n] = (struct session_event){.kind = kind};
	return &ev->v[ev->n++];
}

void session_hot_set(struct session *s, enum session_hot word, uint64_t v)
{
	atomic_store_explicit(&s->hot[word], v, memory_order_release);
}

static uint64_t hot_get(const struct session *s, enum session_hot word)
{
	return atomic_load_explicit(&s->hot[word], memory_order_acquire);
}

uint64_t session_pos_at(const struct session *s, uint64_t now_ns)
{
	uint64_t ns = now_ns > s->r.start_ns ? now_ns - s->r.start_ns : 0;

	return ns / 1000000000u * s->r.rate_hz + ns % 1000000000u * s->r.rate_hz / 1000000000u;
}

static void prepare(struct session *s, const struct session_config *cfg, uint64_t now_ns)
{
	s->cfg = *cfg;
	s->heard_ns = s->alive_ns = now_ns;
	s->marker = true;
	s->was_silent = true;
	reorder_init(&s->reorder, cfg->reorder_ms_max);
	conceal_init(&s->conceal);
	s->report_ns = now_ns + RTCP_INTERVAL_MS / 2 * 1000000ull;
}

void session_open(struct session *s, const struct session_config *cfg, const struct session_facts *facts,
		  struct rand *rand, uint64_t now_ns)
{
	s->r.version = SESSION_RECORD_VERSION;
	s->r.facts = *facts;
	s->r.ssrc = (uint32_t)rand_u64(rand);
	s->r.ts_base = (uint32_t)rand_u64(rand);
	latch_init(&s->r.latch, &facts->remote_rtp);
	prepare(s, cfg, now_ns);
	/* a random start (RFC 3550 5.1), below half so that early wraps do not meet SRTP's guess */
	session_hot_set(s, HOT_SEQ, 1ull << 16 | (rand_u64(rand) & 0x7fff));
	s->dirty = true;
}

static int set_tape(struct session *s, struct tape *tape)
{
	int err = resample_reset(&s->up, SESSION_WIRE_HZ, tape->rate_hz);

	if (err == 0)
		err = resample_reset(&s->down, tape->rate_hz, SESSION_WIRE_HZ);
	if (err == 0)
		s->tape = tape;
	return err;
}

int session_start(struct session *s, struct tape *tape, uint64_t start_ns)
{
	int err = set_tape(s, tape);

	if (err != 0)
		return err;
	s->r.start_ns = start_ns;
	s->r.rate_hz = tape->rate_hz;
	s->epoch = tape->epoch;
	s->dirty = true;
	return 0;
}

static bool record_is_sound(const struct session_record *r, const struct tape *tape)
{
	const struct session_facts *f = &r->facts;
	bool ptime = f->ptime_ms >= 10 && f->ptime_ms <= SESSION_PTIME_MAX_MS && f->ptime_ms % 10 == 0;

	if (r->version != SESSION_RECORD_VERSION || f->codec >= SESSION_CODECS || f->payload_type > 127 ||
	    f->dtmf_payload_type > 127 || !ptime)
		return false;
	return tape == NULL ? r->start_ns == 0 : r->start_ns != 0 && r->rate_hz == tape->rate_hz;
}

int session_resume(struct session *s, const struct session_config *cfg, struct tape *tape, uint64_t now_ns)
{
	uint64_t ticks;
	int err;

	/* one that was started just before begins at the next instant of its bucket, which may still be to come */
	if (!record_is_sound(&s->r, tape) || s->r.start_ns > now_ns + 2 * SESSION_TICK_MS * 1000000ull)
		return ERR_CORRUPT;
	prepare(s, cfg, now_ns);
	if (s->r.rx_anchored) { /* the stream goes on where it was, not anew */
		s->seq.started = true;
		s->seq.ssrc = s->r.rx_ssrc;
		s->seq.base = s->seq.highest = hot_get(s, HOT_RX_EXT);
		s->seq.seen[0] = s->seq.seen[1] = UINT64_MAX;
		s->reorder.next = s->seq.highest + 1;
		s->rx_pos = hot_get(s, HOT_RX_POS);
		s->began = true;
	}
	s->count.packets_sent = hot_get(s, HOT_SENT);
	s->count.packets_received = hot_get(s, HOT_RECEIVED);
	if (tape == NULL)
		return 0;
	err = set_tape(s, tape);
	if (err != 0)
		return err;
	s->tick = hot_get(s, HOT_TICK);
	s->pos = hot_get(s, HOT_POS);
	s->epoch = tape->epoch;
	ticks = now_ns < s->r.start_ns ? 0 : (now_ns - s->r.start_ns) / (SESSION_TICK_MS * 1000000ull);
	if (s->tick > ticks + 2)
		return ERR_CORRUPT; /* nobody has played the future */
	return 0;
}

void session_close(struct session *s, struct session_events *ev)
{
	for (uint32_t i = 0; i < SESSION_UTTERANCES_MAX; i++)
		if (s->utterances[i].id != 0)
			utterance_end(s, &s->utterances[i], "ended", ev);
	for (uint32_t i = 0; i < s->mark_count; i++) {
		struct session_event *e = session_emit(ev, SESSION_MARK);

		memcpy(e->mark, s->marks[i].name, sizeof e->mark);
		e->why = "ended";
	}
	s->mark_count = 0;
}
