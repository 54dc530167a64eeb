/* stream.c - see stream.h */
#include "media/session/stream.h"

#define PROBATION 1u /* a stream is believed when two packets of it come in sequence (RFC 3550 A.1) */

/* hot */
static void hot_set(struct stream *st, enum stream_hot word, uint64_t v)
{
	atomic_store_explicit(&st->hot[word], v, memory_order_release);
}

static uint64_t hot_get(const struct stream *st, enum stream_hot word)
{
	return atomic_load_explicit(&st->hot[word], memory_order_acquire);
}

void stream_open(struct stream *st, const struct addr *sdp)
{
	latch_init(&st->latch, sdp);
	seq_init(&st->seq, PROBATION);
	st->base = (struct stream_base){.first = 0};
}

/* hot */
void stream_count(struct stream *st, const struct rtp_packet *p, uint64_t arrival_ns, uint32_t clock_hz, bool timed)
{
	hot_set(st, STREAM_HOT_HIGHEST, st->seq.highest);
	st->count.packets_received++;
	st->count.octets_received += p->payload_bytes;
	hot_set(st, STREAM_HOT_RECEIVED, st->count.packets_received);
	if (timed)
		seq_arrived(&st->seq, p->ts, (uint32_t)(arrival_ns / (1000000000u / clock_hz)));
}

void stream_rebase(struct stream *st, uint32_t ssrc)
{
	st->base = (struct stream_base){.first = st->seq.base, .before = st->count.packets_received, .ssrc = ssrc};
}

bool stream_is_new_type(struct stream *st, uint8_t payload_type)
{
	uint64_t *word = &st->types_told[payload_type / 64 % 2], bit = 1ull << payload_type % 64;
	bool is_new = (*word & bit) == 0;

	st->count.packets_unknown++;
	st->count.unknown_type = payload_type;
	*word |= bit;
	return is_new;
}

bool stream_widens(struct stream *st, uint64_t now_ns)
{
	if (!st->narrow || (latch_is_certain(&st->latch) && !latch_is_silent(&st->latch, now_ns)))
		return false;
	st->narrow = false;
	return true;
}

void stream_resume(struct stream *st, uint64_t now_ns)
{
	uint64_t highest = hot_get(st, STREAM_HOT_HIGHEST), received = hot_get(st, STREAM_HOT_RECEIVED);
	bool sound = st->base.first <= highest && st->base.before < received;
	uint64_t expected;

	seq_init(&st->seq, PROBATION);
	st->latch.heard_ns = now_ns;
	st->narrow = latch_is_certain(&st->latch);
	if (st->base.first == 0)
		return;
	st->count.packets_received = received;
	st->seq.started = true;
	st->seq.ssrc = st->base.ssrc;
	st->seq.highest = highest;
	st->seq.base = sound ? st->base.first : highest;
	st->seq.seen[0] = st->seq.seen[1] = UINT64_MAX;
	expected = seq_expected(&st->seq);
	received = sound ? received - st->base.before : 1;
	st->seq.received = received < expected ? received : expected;
	st->seq.expected_prior = expected;
	st->seq.received_prior = st->seq.received;
	st->reorder.next = highest + 1;
}
