/* packet.h - RTP packets (RFC 3550 section 5.1). Octets in, fields out; nothing is
 * copied.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define RTP_HEADER_BYTES 12u
#define RTP_VERSION      2u

struct rtp_packet {
	uint8_t payload_type; /* 0..127 */
	bool marker;
	uint16_t seq;
	uint32_t ts;
	uint32_t ssrc;
	uint8_t csrc_count;  /* 0..15 */
	const uint8_t *csrc; /* borrowed: csrc_count times 4 octets on the wire */
	bool has_extension;
	uint16_t extension_profile; /* 0xbede: RFC 8285 one-byte elements */
	const uint8_t *extension;   /* borrowed; what follows profile and length */
	size_t extension_bytes;
	const uint8_t *payload; /* borrowed; without padding */
	size_t payload_bytes;   /* 0 is legal: padding only */
};

/* Why a packet is none: every cause has its own counter. */
enum rtp_fault {
	RTP_SOUND,
	RTP_SHORT, /* less than a header */
	RTP_NOT_V2,
	RTP_BAD_CSRC, /* list longer than the packet */
	RTP_BAD_EXT,  /* extension longer than the packet */
	RTP_BAD_PAD,  /* padding 0 or longer than the payload */
	RTP_FAULTS
};

/* hot. RTP_SOUND and *ret set, or what is wrong and *ret untouched. Pointers in *ret
 * borrow from `p`. */
MUST_USE enum rtp_fault rtp_parse(const uint8_t *p, size_t n, struct rtp_packet *ret);

/* hot. The fixed header in front of a payload that is in place already. What we send has
 * no CSRC, extension or padding: only payload_type, marker, seq, ts and ssrc are used. */
void rtp_header_write(uint8_t p[RTP_HEADER_BYTES], const struct rtp_packet *h);

/* hot. RFC 5761 section 4: a second octet of 192..223 is RTCP, on a shared port. */
bool rtp_is_rtcp(const uint8_t *p, size_t n);

/* "short", "bad_csrc": for counters. */
const char *rtp_fault_name(enum rtp_fault f);
