/* xr.h - extended reports (RFC 3611): how a voice call sounds where it is heard, and a round trip for who sends nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/wire.h"

#define XR_TYPE      207u
#define XR_GMIN      16u  /* received packets in a row that end a burst (section 4.7.2) */
#define XR_UNKNOWN   127u /* of levels, R factors and opinion scores */
#define XR_BYTES_MAX 72u  /* of what xr_put() writes */

/* VoIP metrics block (section 4.7), of one stream since its reception began. Shares in 1/256, durations in ms. */
struct xr_voip {
	uint8_t loss, discard;             /* never came; came too late to be played */
	uint8_t burst_density, gap_density; /* of both, within bursts and between them */
	uint16_t burst_ms, gap_ms;         /* mean durations */
	uint16_t round_trip_ms;            /* 0: not known */
	uint16_t end_system_ms;
	uint8_t r_factor;                  /* 0..100; XR_UNKNOWN */
	uint8_t mos_lq, mos_cq;            /* 10..50: without and with the delay; XR_UNKNOWN */
	uint16_t buffer_ms, buffer_max_ms; /* of a packet in time; the longest wait there is */
};

/* What one extended report told. */
struct xr_news {
	bool has_time; /* a receiver's clock (section 4.4), to be answered */
	uint64_t ntp;  /* 32.32 */
	bool has_answer; /* to a time of ours (section 4.5) */
	uint32_t lrr;  /* middle 32 bits of it */
	uint32_t dlrr; /* 1/65536 s since it came */
	bool has_voip; /* of our stream */
	struct xr_voip voip;
};

struct xr_sender {
	uint32_t ssrc;
	uint32_t about;   /* SSRC of the stream of `voip` */
	bool asks;        /* tell `ntp` to be answered: of who sends no sender report */
	uint64_t ntp;
	uint32_t asker;   /* SSRC of who told its time */
	uint32_t lrr;     /* middle 32 bits of it; 0: nobody did */
	uint32_t dlrr;    /* 1/65536 s since then */
	const struct xr_voip *voip; /* borrowed; NULL: nothing is known */
};

/* The body of an XR packet, behind its header. Blocks of other types, about other streams, or of another length than their type has are
 * skipped; a block that is longer than the packet ends it. What was told before stays. */
void xr_take(struct wire w, uint32_t our_ssrc, struct xr_news *news);

/* One XR packet with its header: octets written, 0 when there is nothing to say. */
size_t xr_put(const struct xr_sender *s, uint8_t out[XR_BYTES_MAX]);

/* Bursts and gaps of a stream (section 4.7.2): a burst begins and ends with a packet that is gone, with less than XR_GMIN received ones
 * between any two; a single one is of the gap around it. Packets have extended numbers (seq.h); those that come cost nothing here. */
struct xr_bursts {
	uint64_t burst_packets, burst_gone, gap_packets, gap_gone;
	uint64_t next;       /* number behind the last one that is gone; at the start the first one */
	uint32_t bursts;
	uint32_t open, gone; /* packets of what may become a burst, and those that are gone; 0: none */
};

void xr_begin(struct xr_bursts *b, uint64_t first); /* the number of the first packet */
void xr_gone(struct xr_bursts *b, uint64_t first, uint32_t packets); /* in a row */

/* Densities and durations of packets of `ptime_ms`, of which `next` is still to come, into *ret; the other fields stay. */
void xr_measure(const struct xr_bursts *b, uint64_t next, uint32_t ptime_ms, struct xr_voip *ret);
