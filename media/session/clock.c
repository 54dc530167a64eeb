/* clock.c - see clock.h */
#include "media/session/clock.h"

#include "media/session/events.h"

/* HOT_CLOCK: tick 32 bits | lower bits of the tx index | samples of that slot that were played. HOT_SAID_*: utterance 32 bits | samples
 * played. */
#define TICK_SHIFT 32u
#define INDEX_SHIFT 10u
#define INDEX_MASK 0x3fffffu
#define OFFSET_MASK 0x3ffu
#define SAID_SHIFT 32u

_Static_assert(TAPE_SAMPLES_MAX <= OFFSET_MASK, "a place in a slot fits");
_Static_assert(TAPE_TX_SLOTS < INDEX_MASK / 2, "the lower bits name one slot of the ring");

uint64_t session_pos_at(const struct session *s, uint64_t now_ns)
{
	uint64_t ns = now_ns > s->r.start_ns ? now_ns - s->r.start_ns : 0;

	return ns / 1000000000u * s->r.rate_hz + ns % 1000000000u * s->r.rate_hz / 1000000000u;
}

uint32_t session_tick_samples(const struct session *s)
{
	return s->r.rate_hz / 1000u * SESSION_TICK_MS;
}

uint32_t session_ts_at(const struct session *s, uint64_t pos)
{
	uint64_t ticks = s->r.rate_hz != 0 ? pos * session_codec(s)->clock_hz / s->r.rate_hz : 0;

	return s->r.ts_base + (uint32_t)ticks;
}

void session_clock_save(struct session *s)
{
	uint64_t at = s->cur_valid ? s->cur_at : 0;

	session_hot_set(s, s->tick % 2 == 0 ? HOT_SAID_EVEN : HOT_SAID_ODD,
			(uint64_t)s->said.id << SAID_SHIFT | (uint32_t)s->said.played);
	session_hot_set(s, HOT_CLOCK, s->tick << TICK_SHIFT | (s->tape->tx_tail & INDEX_MASK) << INDEX_SHIFT | at);
	tape_tx_release(s->tape);
}

void session_clock_restore(struct session *s)
{
	uint64_t clock = session_hot_get(s, HOT_CLOCK), said, tail = s->tape->tx_tail;
	uint32_t at = clock & OFFSET_MASK;

	s->tick = clock >> TICK_SHIFT;
	s->pos = s->tick * session_tick_samples(s);
	said = session_hot_get(s, s->tick % 2 == 0 ? HOT_SAID_EVEN : HOT_SAID_ODD);
	s->said = (struct session_utterance){.id = (uint32_t)(said >> SAID_SHIFT), .played = (uint32_t)said};
	if (tape_tx_seek(s->tape, tail + (((clock >> INDEX_SHIFT) - tail) & INDEX_MASK)) != 0 || at == 0)
		return;
	s->cur_valid = tape_tx_peek(s->tape, &s->cur, s->cur_pcm) == 0 && at < s->cur.samples && s->cur.epoch == s->epoch;
	s->cur_at = at;
}

uint64_t session_due_ns(const struct session *s)
{
	return s->r.start_ns != 0 ? s->r.start_ns + (session_hot_get(s, HOT_CLOCK) >> TICK_SHIFT) * SESSION_TICK_NS : UINT64_MAX;
}
