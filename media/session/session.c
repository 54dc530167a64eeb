/* session.c - see session.h: beginning, end, and take-over. */
#include "media/session/session.h"

#include <string.h>

#define TICK_NS (SESSION_TICK_MS * 1000000ull)

/* HOT_CLOCK: tick 32 bits | lower bits of the tx index | samples of that slot that were played. HOT_SAID_*: utterance 32 bits | samples
 * played. */
#define TICK_SHIFT 32u
#define INDEX_SHIFT 10u
#define INDEX_MASK 0x3fffffu
#define OFFSET_MASK 0x3ffu
#define SAID_SHIFT 32u

_Static_assert(TAPE_SAMPLES_MAX <= OFFSET_MASK, "a place in a slot fits");
_Static_assert(TAPE_TX_SLOTS < INDEX_MASK / 2, "the lower bits name one slot of the ring");

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
	s->r.name = rand_u64(rand);
	latch_init(&s->r.latch, &facts->remote_rtp);
	prepare(s, cfg, now_ns);
	/* a random start (RFC 3550 5.1), below half so that early wraps do not meet SRTP's guess */
	s->r.seq_base = 1ull << 16 | (rand_u64(rand) & 0x7fff);
	session_hot_set(s, HOT_SEQ, s->r.seq_base);
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
	/* nobody sends before the answer: the peer did not know where to */
	s->heard_ns = s->alive_ns = start_ns;
	/* a phone behind a NAT offers an address nobody can reach: where its packets come from will be learned */
	if (!s->r.latch.is_locked && addr_is_private(&s->r.latch.sdp))
		latch_learn(&s->r.latch, true);
	s->dirty = true;
	return 0;
}

/* ---- take-over ---- */

void session_clock_save(struct session *s)
{
	uint64_t at = s->cur_valid ? s->cur_at : 0;

	session_hot_set(s, s->tick % 2 == 0 ? HOT_SAID_EVEN : HOT_SAID_ODD,
			(uint64_t)s->said.id << SAID_SHIFT | (uint32_t)s->said.played);
	session_hot_set(s, HOT_CLOCK, s->tick << TICK_SHIFT | (s->tape->tx_tail & INDEX_MASK) << INDEX_SHIFT | at);
	tape_tx_release(s->tape);
}

/* Where playing stopped. A place that makes no sense costs what was queued before the tape's own, nothing else. */
static void clock_restore(struct session *s)
{
	uint64_t clock = hot_get(s, HOT_CLOCK), said, tail = s->tape->tx_tail;
	uint32_t at = clock & OFFSET_MASK;

	s->tick = clock >> TICK_SHIFT;
	s->pos = s->tick * (s->r.rate_hz / 1000u * SESSION_TICK_MS);
	said = hot_get(s, s->tick % 2 == 0 ? HOT_SAID_EVEN : HOT_SAID_ODD);
	s->said = (struct session_utterance){.id = (uint32_t)(said >> SAID_SHIFT), .played = (uint32_t)said};
	if (tape_tx_seek(s->tape, tail + (((clock >> INDEX_SHIFT) - tail) & INDEX_MASK)) != 0 || at == 0)
		return;
	s->cur_valid = tape_tx_peek(s->tape, &s->cur, s->cur_pcm) == 0 && at < s->cur.samples && s->cur.epoch == s->epoch;
	s->cur_at = at;
}

/* The stream of the peer goes on where it was, not anew; the reports too. */
static void stream_restore(struct session *s)
{
	uint64_t highest = hot_get(s, HOT_RX_EXT), received = hot_get(s, HOT_RECEIVED);
	bool sound = s->r.rx_base != 0 && s->r.rx_base <= highest && s->r.rx_before < received;
	uint64_t expected, base = sound ? s->r.rx_base : highest;

	s->count.packets_received = received;
	s->seq.started = true;
	s->seq.probation = 1;
	s->seq.ssrc = s->r.rx_ssrc;
	s->seq.highest = highest;
	s->seq.base = base;
	s->seq.seen[0] = s->seq.seen[1] = UINT64_MAX;
	expected = seq_expected(&s->seq);
	received = sound ? received - s->r.rx_before : 1;
	s->seq.received = received < expected ? received : expected;
	s->seq.expected_prior = expected;
	s->seq.received_prior = s->seq.received;
	s->reorder.next = highest + 1;
	s->began = true;
}

static bool record_is_sound(const struct session_record *r, const struct tape *tape)
{
	const struct session_facts *f = &r->facts;
	bool ptime = f->ptime_ms >= 10 && f->ptime_ms <= SESSION_PTIME_MAX_MS && f->ptime_ms % 10 == 0;

	if (r->version != SESSION_RECORD_VERSION || f->codec >= SESSION_CODECS || f->payload_type > 127 ||
	    f->dtmf_payload_type > 127 || !ptime || r->mark_count > SESSION_MARKS_MAX)
		return false;
	for (uint32_t i = 0; i < r->mark_count; i++)
		if (memchr(r->marks[i].name, '\0', SESSION_MARK_BYTES) == NULL)
			return false;
	return tape == NULL ? r->start_ns == 0 : r->start_ns != 0 && r->rate_hz == tape->rate_hz;
}

int session_resume(struct session *s, const struct session_config *cfg, struct tape *tape, uint64_t now_ns)
{
	int err;

	if (!record_is_sound(&s->r, tape) || s->r.start_ns > now_ns + TICK_NS)
		return ERR_CORRUPT;
	prepare(s, cfg, now_ns);
	if (s->r.rx_anchored)
		stream_restore(s);
	s->r.dtmf.last_ns = now_ns;
	s->count.packets_sent = hot_get(s, HOT_SEQ) - s->r.seq_base;
	s->count.octets_sent = s->count.packets_sent * s->r.facts.ptime_ms * (SESSION_WIRE_HZ / 1000u);
	if (tape == NULL)
		return 0;
	err = set_tape(s, tape);
	if (err != 0)
		return err;
	s->epoch = tape->epoch;
	s->rx_pos = tape_rx_end(tape);
	clock_restore(s);
	/* nobody has played the future */
	return s->tick * TICK_NS > now_ns - s->r.start_ns + 2 * TICK_NS ? ERR_CORRUPT : 0;
}

void session_close(struct session *s, struct session_events *ev)
{
	if (s->tape != NULL) { /* the last key before hanging up may wait behind a gap */
		reorder_flush(&s->reorder);
		session_late(s, UINT64_MAX, ev);
		digit_expire(s, UINT64_MAX, ev);
	}
	if (s->said.id != 0)
		utterance_end(s, &s->said, "ended", ev);
	s->said.id = 0;
	for (uint32_t i = 0; i < s->r.mark_count; i++) {
		struct session_event *e = session_emit(ev, SESSION_MARK);

		memcpy(e->mark, s->r.marks[i].name, sizeof e->mark);
		e->why = "ended";
	}
	s->r.mark_count = 0;
}
