/* stream.c - see stream.h */
#include "media/session/stream.h"

#include <string.h>

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
	if (!timed)
		return;
	if (p->seq == (uint16_t)st->seq.highest) {
		st->newest_ts = p->ts;
		st->has_ts = true;
	}
	seq_arrived(&st->seq, p->ts, (uint32_t)(arrival_ns / (1000000000u / clock_hz)));
}

bool stream_is_renumbered(const struct stream *st, const struct rtp_packet *p)
{
	return st->has_ts && (int32_t)(p->ts - st->newest_ts) > 0;
}

void stream_rebase(struct stream *st, uint32_t ssrc)
{
	st->has_ts = false;
	st->base = (struct stream_base){.first = st->seq.base, .before = st->count.packets_received, .ssrc = ssrc};
}

void stream_keep_first(struct stream *st, const struct rtp_packet *p, uint64_t arrival_ns)
{
	struct stream_first *f = &st->first;

	st->count.packets_rejected += st->has_first;
	f->rtp = (struct rtp_packet){
		.payload_type = p->payload_type, .marker = p->marker, .seq = p->seq, .ts = p->ts, .ssrc = p->ssrc, .payload = f->payload,
		.payload_bytes = p->payload_bytes < sizeof f->payload ? p->payload_bytes : sizeof f->payload,
	};
	memcpy(f->payload, p->payload, f->rtp.payload_bytes);
	f->arrival_ns = arrival_ns;
	st->has_first = true;
}

const struct stream_first *stream_take_first(struct stream *st, const struct rtp_packet *p)
{
	const struct rtp_packet *first = &st->first.rtp;
	bool had = st->has_first;

	st->has_first = false;
	if (had && first->ssrc == p->ssrc && (uint16_t)(first->seq + 1) == p->seq)
		return &st->first;
	st->count.packets_rejected += had;
	return NULL;
}

bool stream_is_new_type(struct stream *st, uint8_t payload_type)
{
	uint64_t *word = &st->types[payload_type / 64 % 2], bit = 1ull << payload_type % 64;
	unsigned before = (unsigned)__builtin_popcountll(st->types[0]) + (unsigned)__builtin_popcountll(st->types[1]);
	bool is_new = (*word & bit) == 0 && before < STREAM_TYPES_TOLD_MAX;

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
