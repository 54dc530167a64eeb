/* sdp.h - session descriptions (RFC 8866) and the audio answer to an offer (RFC 3264).
 * Pure: text in, facts and text out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define SDP_BYTES_MAX   65536u
#define SDP_LINES_MAX   1024u
#define SDP_MEDIA_MAX   16u
#define SDP_FORMATS_MAX 32u

enum sdp_direction { /* as the describer sees it */
		     SDP_SENDRECV,
		     SDP_SENDONLY,
		     SDP_RECVONLY,
		     SDP_INACTIVE,
		     SDP_DIRECTIONS
};

enum sdp_codec {
#define CODEC(id, name, hz, pt) SDP_##id,
#include "signaling/sdp/codec.def"
#undef CODEC
	SDP_CODECS
};

struct sdp_format {
	uint8_t payload_type;
	struct str name; /* from rtpmap, or of the static type; n == 0: unknown */
	uint32_t clock_hz;
	struct str fmtp;
};

struct sdp_media {
	struct str line; /* the whole m= value */
	struct str kind, proto, formats;
	uint16_t port;
	bool is_rtp;      /* RTP/AVP: formats are payload types */
	struct addr addr; /* c= of the media or the session; port 0; family NONE: none
			     that is an IP address */
	struct addr rtcp; /* a=rtcp; family NONE: the port above */
	enum sdp_direction direction;
	uint32_t ptime_ms; /* 0 = not given */
	struct sdp_format v[SDP_FORMATS_MAX];
	uint32_t count;
};

struct sdp {
	struct str origin, name;
	struct str timing; /* the first t=; n == 0: none */
	struct sdp_media media[SDP_MEDIA_MAX];
	uint32_t count;
};

/* Everything borrows from `text`. ERR_SYNTAX; ERR_RANGE: more lines, media or formats
 * than the limits. */
MUST_USE int sdp_parse(struct str text, struct sdp *ret);

/* What of an offer we take: the first audio stream that is not rejected, its first codec
 * that we speak. */
struct sdp_choice {
	uint32_t media; /* index */
	enum sdp_codec codec;
	uint8_t payload_type;
	uint8_t dtmf_payload_type; /* 0 = telephone-event was not offered */
	uint32_t ptime_ms;         /* 20 when not given */
	struct addr rtp, rtcp;
	enum sdp_direction direction; /* ours: the mirror of the offer's */
};

/* ERR_UNSUPPORTED: nothing in it that we can speak. */
MUST_USE int sdp_choose(const struct sdp *offer, struct sdp_choice *ret);

/* The answer: every m= line of the offer in order, the chosen one with `local`, the
 * others rejected with port 0. ERR_NOSPC. */
MUST_USE int sdp_answer(struct buf *b, const struct sdp *offer,
			const struct sdp_choice *c, const struct addr *local,
			uint64_t session_id);
