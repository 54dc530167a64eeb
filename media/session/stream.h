/* stream.h - one RTP stream of a peer: whom to believe, its numbers, their order, and what was counted. A session has one for each kind of
 * media it receives; what the packets mean is somebody else's business. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "media/rtp/latch.h"
#include "media/rtp/packet.h"
#include "media/rtp/reorder.h"
#include "media/rtp/seq.h"

/* Words of the slab that change per packet. */
enum stream_hot {
	STREAM_HOT_HIGHEST,  /* extended number */
	STREAM_HOT_RECEIVED, /* packets */
	STREAM_HOT_WORDS
};

/* What the hot words count from. */
struct stream_base {
	uint64_t first;  /* extended number of the first packet of ssrc; 0 = none yet */
	uint64_t before; /* STREAM_HOT_RECEIVED before it */
	uint32_t ssrc;
	uint32_t pad;
};

struct stream_counters {
	uint64_t packets_received, octets_received;
	uint64_t packets_rejected;  /* wrong source, or not proven yet */
	uint64_t packets_malformed;
	uint64_t packets_unknown;   /* payload type nobody negotiated */
	uint64_t unknown_type;      /* of the last of them */
	uint64_t packets_early;     /* before session_start() */
	uint64_t packets_looped;    /* under our own SSRC */
};

/* The first packet of a stream, until the next one shows that it is one. */
struct stream_first {
	struct rtp_packet rtp; /* its payload is the copy */
	uint64_t arrival_ns;
	uint8_t payload[REORDER_PAYLOAD_MAX];
};

/* A tick looks at the head of it, a packet at all but the slots of the reorder buffer and what comes behind them. */
struct stream {
	struct latch latch;          /* survives */
	uint64_t heard_ns, alive_ns; /* last RTP of a type that is understood; last RTP or RTCP */
	bool narrow;                 /* the socket hears nobody but the source that is believed */
	bool has_first;
	bool has_ts;                 /* of this stream */
	uint32_t newest_ts;          /* of audio */
	_Atomic uint64_t *hot;       /* borrowed: STREAM_HOT_WORDS */
	struct stream_base base;     /* survives */
	struct stream_counters count;
	struct seq seq;
	uint64_t types[2];           /* payload types that are not understood, one bit each */
	struct latch_told refused;
	struct reorder reorder;
	struct stream_first first;   /* while has_first */
};

/* Nothing came yet. `hot` must be set; `sdp` is where it should come from. */
void stream_open(struct stream *st, const struct addr *sdp);

/* A packet that proves nothing yet is kept. The one before it was none of a stream: rejected. */
void stream_keep_first(struct stream *st, const struct rtp_packet *p, uint64_t arrival_ns);
/* The one before this packet when it is kept, valid until the next is; NULL: it is not, and what is kept is rejected. */
const struct stream_first *stream_take_first(struct stream *st, const struct rtp_packet *p);

#define STREAM_TYPES_TOLD_MAX 4u

/* Of a payload type that is not understood: counted. Is it news, the first of its type, and one of the first STREAM_TYPES_TOLD_MAX types? */
bool stream_is_new_type(struct stream *st, uint8_t payload_type);

/* Has the socket to hear everybody from now on? Another source may go on where the one that is believed fell silent. */
bool stream_widens(struct stream *st, uint64_t now_ns);

/* hot. A packet was taken (seq_take()): noted in the hot words, counted, its jitter when `timed`. */
void stream_count(struct stream *st, const struct rtp_packet *p, uint64_t arrival_ns, uint32_t clock_hz, bool timed);

/* Of audio that seq_take() calls a duplicate: it was sampled later than all before, so its sender numbers anew. */
bool stream_is_renumbered(const struct stream *st, const struct rtp_packet *p);

/* Numbers start again with the packet that seq_take() has just taken: what they are counted from. */
void stream_rebase(struct stream *st, uint32_t ssrc);

/* After a take-over, with latch, base and hot words of the predecessor: it goes on where it was, not anew. */
void stream_resume(struct stream *st, uint64_t now_ns);
