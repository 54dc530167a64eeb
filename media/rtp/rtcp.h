/* rtcp.h - RTCP (RFC 3550 section 6): compound packets in and out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "media/rtp/seq.h"
#include "media/rtp/xr.h"

#define RTCP_SR          200
#define RTCP_RR          201
#define RTCP_SDES        202
#define RTCP_BYE         203
#define RTCP_XR          XR_TYPE
#define RTCP_PACKETS_MAX 16u /* in one compound */
#define RTCP_INTERVAL_MS 5000u
#define RTCP_BYTES_MAX   256u /* of what we build */
#define RTCP_CNAME_MAX   63u
#define RTCP_RTT_MAX_S   10u /* a round trip that takes longer is nonsense */
#define RTCP_ASKED       4u  /* more than are sent in that time */

/* What one compound told about the stream whose SSRC is ours, and about its sender. */
struct rtcp_news {
	uint32_t ssrc; /* of the sender */
	bool has_sr;
	uint64_t sr_ntp; /* 32.32 */
	uint32_t sr_rtp_ts;
	uint32_t sr_packets;
	uint32_t sr_octets;
	bool has_report;  /* a report block about us */
	uint8_t fraction; /* 1/256 */
	int32_t lost;     /* 24 bits, sign extended */
	uint32_t jitter;  /* timestamp units */
	uint32_t lsr;     /* middle 32 bits of our SR's NTP */
	uint32_t dlsr;    /* 1/65536 s */
	struct str cname; /* of the sender; borrowed, empty when not told, any octets */
	bool bye;         /* the sender itself leaves */
	struct xr_news xr;
};

/* Other packet types are skipped, and what of a source description or an extended report can not be read.
 * ERR_SYNTAX: not a valid compound (RFC 3550 A.2: starts with SR or RR, whole packets,
 * only the last one padded); nothing of it counts then. */
MUST_USE int rtcp_parse(const uint8_t *p, size_t n, uint32_t our_ssrc,
			struct rtcp_news *ret);

struct rtcp_sender {
	uint32_t ssrc;
	bool has_sent;   /* SR instead of RR */
	uint64_t ntp;    /* rtcp_ntp() of this moment */
	uint32_t rtp_ts; /* the same moment on the media clock: rtcp_rtp_ts() */
	uint32_t packets;
	uint32_t octets;
	const char *cname; /* NUL-terminated, cut at RTCP_CNAME_MAX */
	struct seq *seq;   /* of what we receive; NULL or not started: no block. Its
			    * seq_fraction() is taken */
	uint32_t lsr;      /* rtcp_ntp_middle() of the last SR that came, 0 = none */
	uint32_t dlsr;     /* 1/65536 s since then */
	bool bye;
	uint32_t left;     /* an SSRC that was ours and is given up (section 8.2); 0 = none */
	bool asks;         /* without a sender report: a round trip by RFC 3611 section 4.4 */
	uint32_t asker, lrr, dlrr;   /* as in struct xr_sender */
	const struct xr_voip *voip;  /* of what we receive; borrowed, NULL: not known */
};

/* SR or RR, then SDES CNAME, XR when there is something to tell, then BYE when asked: always a whole compound
 * (RFC 3550 section 6.1). Bytes written. */
size_t rtcp_build(const struct rtcp_sender *s, uint8_t out[RTCP_BYTES_MAX]);

uint64_t rtcp_ntp(uint64_t unix_ns); /* 32.32 since 1900, era of 1900 or 2036 */
uint32_t rtcp_ntp_middle(uint64_t ntp);
uint32_t rtcp_dlsr(uint64_t since_sr_ns); /* 1/65536 s, saturated */

/* The media clock `elapsed_ns` after the packet with timestamp `ts` was sent. */
uint32_t rtcp_rtp_ts(uint32_t ts, uint64_t elapsed_ns, uint32_t clock_hz);

/* The sender reports we sent lately: a report block answers one of them. */
struct rtcp_asked {
	uint32_t middle[RTCP_ASKED]; /* 0 = none */
	uint32_t next;
};

void rtcp_ask(struct rtcp_asked *a, uint64_t ntp); /* one was sent */

/* Round trip by RFC 3550 section 6.4.1 in microseconds; 0 when it can not be known: the peer has seen no
 * report of ours, names one we did not send lately, or answered before we asked or after RTCP_RTT_MAX_S.
 * `now_ntp` is our clock when the report arrived. */
uint32_t rtcp_rtt_us(const struct rtcp_asked *a, uint64_t now_ntp, uint32_t lsr, uint32_t dlsr);

/* The interval times [0.5, 1.5) by a random number (RFC 3550 section 6.3.1), half of it before the first report. For two members at more
 * than 8 kbit/s the minimum of 5 s always wins over the bandwidth rule (section 6.2), and as there are never more nothing is reconsidered. */
uint32_t rtcp_interval_ms(uint64_t random);
