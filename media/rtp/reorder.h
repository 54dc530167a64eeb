/* reorder.h - delivery order for a reader without a loudspeaker (`asr` mode).
 *
 * What arrives in order passes at once, borrowed and uncopied. Behind a gap packets wait
 * until the missing ones arrive or the wait is over: the 0.95 quantile of the delays that
 * missing packets had lately (a packet that never came, or came too late to be worth it,
 * counts as none), at most wait_ms_max. Then the gap is reported as lost and what waited
 * comes out. Memory is bounded: REORDER_SLOTS packets, REORDER_BLOCKS blocks of payload; a
 * packet further ahead, or one that finds no room, ends every wait and comes out in its turn.
 *
 *	if (reorder_take(r, &item))
 *		deliver(&item);
 *	while ((what = reorder_next(r, now_ns, &item, &lost)) != REORDER_NOTHING)
 *		...
 *
 * The same loop runs at reorder_deadline_ns(), and before the next reorder_take(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REORDER_SLOTS       32u   /* a power of two; 320 ms of 10 ms packets */
#define REORDER_BLOCKS      64u   /* one bit each; two a slot */
#define REORDER_BLOCK_BYTES 256u  /* 30 ms of G.711 and room */
#define REORDER_PAYLOAD_MAX 2048u /* 200 ms of G.711 (RFC 3551 section 4.2) and room */
#define REORDER_BINS        13u   /* delays seen, 5 ms each, the last is open */

struct reorder_item {
	uint64_t ext; /* extended sequence number, not 0 (seq.h) */
	uint32_t ts;
	uint8_t payload_type;
	bool marker;
	uint64_t arrival_ns;
	/* borrowed from the packet, or from the buffer until the next call */
	const uint8_t *payload;
	size_t payload_bytes;
};

struct reorder_slot {
	uint32_t ts;
	uint8_t payload_type;
	bool marker;
	uint16_t payload_bytes;
	uint64_t blocks; /* that hold its payload: neighbours; the last slot needs none */
	uint64_t arrival_ns;
};

/* The gap that was given up last, so that a packet that comes too late still teaches how
 * long to wait. */
struct reorder_given_up {
	uint64_t first; /* extended numbers, first <= x < end */
	uint64_t end;
	uint64_t since_ns; /* arrival of the first packet behind it */
};

struct reorder {
	uint64_t next;          /* the number to deliver next; 0 = nothing yet */
	uint64_t wait_since_ns; /* arrival of the oldest packet held */
	uint32_t wait_ms_max;
	uint32_t held;
	bool flushing;       /* every wait is over until nothing is held */
	uint64_t late;       /* dropped: their place was delivered or given up already */
	uint64_t duplicates; /* dropped: held already */
	uint64_t oversize;   /* cut behind a gap: payload longer than REORDER_PAYLOAD_MAX */
	uint64_t overflows;  /* waits that ended because the buffer was too short */
	uint64_t lost;       /* numbers given up */
	uint32_t bins[REORDER_BINS]; /* delays of missing packets, decaying */
	uint32_t samples;            /* the sum of bins */
	struct reorder_given_up given_up;
	uint64_t taken;                    /* blocks in use, one bit each */
	/* The last one: what ended every wait. The numbers lie apart, so that what was never filled is never touched. */
	uint64_t ext[REORDER_SLOTS + 1]; /* of the packet in the slot; 0 = free */
	struct reorder_slot slots[REORDER_SLOTS + 1];
	uint8_t payload[REORDER_BLOCKS * REORDER_BLOCK_BYTES];
	uint8_t last_payload[REORDER_PAYLOAD_MAX];
};

enum reorder_result {
	REORDER_NOTHING,
	REORDER_PACKET, /* *ret is the next packet */
	/* *ret_lost numbers from ret->ext on are missing; ret->ts and ret->arrival_ns are
	 * those of the packet behind them, which comes next */
	REORDER_LOST,
	REORDER_RESULTS
};

/* wait_ms_max: the longest wait (60 is usual); 0 never waits. */
void reorder_init(struct reorder *r, uint32_t wait_ms_max);

/* Forget all packets, keep counters and what was learned; the next packet is the first.
 * Needed whenever extended numbers start again (SEQ_RESTART). */
void reorder_reset(struct reorder *r);

/* End every wait: reorder_next() now hands out all that is held. Call before a reset. */
void reorder_flush(struct reorder *r);

/* hot. True: `in` is next, deliver it at once, then call reorder_next(). False: it was
 * stored or dropped; reorder_next() tells whether something is due. */
bool reorder_take(struct reorder *r, const struct reorder_item *in);

/* hot. What comes next at this time; call until REORDER_NOTHING. */
enum reorder_result reorder_next(struct reorder *r, uint64_t now_ns,
				 struct reorder_item *ret, uint32_t *ret_lost);

/* When reorder_next() has something without further packets; UINT64_MAX = never. */
uint64_t reorder_deadline_ns(const struct reorder *r);

/* How long the next gap would wait. */
uint32_t reorder_wait_ms(const struct reorder *r);
