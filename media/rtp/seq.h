/* seq.h - what is known about one received stream (RFC 3550 section 6.4.1, appendices
 * A.1, A.3 and A.8).
 *
 * Differs from the appendix on purpose: a packet counts once however often it arrives, so
 * duplicates never hide loss. An all-zero struct is a valid start that believes the first
 * packet; seq_init() can ask for more. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SEQ_WINDOW       128u       /* duplicates are recognised this far back */
#define SEQ_DROPOUT_MAX  3000u      /* a larger step forward is a new start */
#define SEQ_MISORDER_MAX 100u       /* a larger step back too */
#define SEQ_CYCLE        (1u << 16) /* extended numbers start one cycle up */
#define SEQ_CLAIMS       2u         /* new starts on probation at a time */

/* Who wants to be believed: a sender of two SSRCs in turn must not stay unheard. */
struct seq_claim {
	uint32_t ssrc;
	uint16_t next;
	uint8_t run; /* packets in sequence; 0 = free */
	uint8_t pad;
};

struct seq {
	bool started;
	uint32_t ssrc;
	uint64_t base;                  /* extended number of the first packet */
	uint64_t highest;               /* extended: (cycles + 1) << 16 | number */
	uint64_t seen[SEQ_WINDOW / 64]; /* bit i: packet highest - i arrived */
	uint64_t received;              /* unique */
	uint64_t duplicates;  /* of all streams */
	uint64_t lost_before; /* of streams before this one */
	uint64_t reordered;
	uint64_t restarts; /* new SSRC, or a jump too far; kept over restarts */
	uint64_t unproven; /* dropped while a new start was on probation; kept too */
	uint64_t expected_prior; /* at the last report */
	uint64_t received_prior;
	uint32_t jitter_q4;    /* interarrival jitter in 1/16 timestamp units */
	uint32_t last_transit; /* arrival - timestamp, modulo 2**32 */
	bool has_transit;
	uint8_t probation; /* packets in sequence a new start has to show first */
	uint8_t claimed;   /* the claim that spoke last: the other one makes room */
	struct seq_claim claims[SEQ_CLAIMS];
};

enum seq_verdict {
	SEQ_NEW,  /* in order or ahead */
	SEQ_LATE, /* behind the highest, not seen before */
	SEQ_DUPLICATE,
	/* First packet, new SSRC, or a jump too far. Counters start again and extended
	 * numbers have no relation to earlier ones: flush the reorder buffer, forget key
	 * presses. */
	SEQ_RESTART,
	SEQ_UNPROVEN, /* only with probation: drop it, *ret_ext is untouched */
	SEQ_VERDICTS
};

/* `probation` packets in sequence are dropped before a new start is believed (A.1 calls
 * it MIN_SEQUENTIAL - 1); 0 believes at once. */
void seq_init(struct seq *s, uint8_t probation);

/* hot. *ret_ext: the extended sequence number, never 0. */
enum seq_verdict seq_take(struct seq *s, uint32_t ssrc, uint16_t number,
			  uint64_t *ret_ext);

/* Behind SEQ_DUPLICATE, of a packet that can be none: its timestamp is new. Its sender counts from
 * an earlier number on, which is a new start: SEQ_RESTART or SEQ_UNPROVEN. */
enum seq_verdict seq_take_anew(struct seq *s, uint32_t ssrc, uint16_t number,
			       uint64_t *ret_ext);

/* Would this number continue the stream? */
bool seq_goes_on(const struct seq *s, uint32_t ssrc, uint16_t number);

/* hot. Jitter; `arrival` in timestamp units, modulo 2**32. Only for packets that were
 * sampled when sent (not retransmitted events), after seq_take() believed them. */
void seq_arrived(struct seq *s, uint32_t ts, uint32_t arrival);

uint64_t seq_expected(const struct seq *s);
uint64_t seq_lost(const struct seq *s);   /* never negative: duplicates are not counted */
int32_t seq_lost_24(const struct seq *s); /* clamped to what a report block carries */

/* Fraction lost since the last call, in 1/256; remembers this moment. */
uint8_t seq_fraction(struct seq *s);

static inline uint32_t seq_jitter(const struct seq *s) /* timestamp units */
{
	return s->jitter_q4 >> 4;
}
