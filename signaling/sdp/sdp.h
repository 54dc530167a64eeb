/* sdp.h - session descriptions (RFC 8866), audio offers and answers (RFC 3264).
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
#define CODEC(id, name, hz, ch, ours) SDP_##id,
#include "signaling/sdp/codec.def"
#undef CODEC
	SDP_CODECS
};

enum sdp_proto {
	SDP_PROTO_OTHER, /* no RTP */
	SDP_RTP_AVP,
	SDP_RTP_AVPF,
	SDP_RTP_SAVP,
	SDP_RTP_SAVPF,
	SDP_TLS_SAVP, /* UDP/TLS/RTP/SAVP */
	SDP_TLS_SAVPF,
	SDP_PROTOS
};

struct sdp_format {
	uint8_t payload_type;
	struct str name; /* from rtpmap, or of the static type; n == 0: unknown */
	uint32_t clock_hz, channels;
	struct str fmtp;
};

/* What can not be read leaves a stream that is not chosen, or an attribute that was not
 * given: it is refused by itself (RFC 3264 6), and what is refused is not judged. */
struct sdp_media {
	struct str kind, proto;
	struct str formats; /* as written; n == 0: none */
	uint16_t port;      /* 0: rejected, or no port number */
	enum sdp_proto transport; /* of `proto`; RTP: formats are payload types */
	struct addr addr;   /* c= of the media or the session; port 0; family NONE: none
			       that is an IP address */
	struct addr rtcp;   /* a=rtcp; family NONE: the port above; port 0: not given */
	enum sdp_direction direction;
	uint32_t ptime_ms;    /* 0 = not given, or with a fraction */
	uint32_t maxptime_ms; /* likewise, without its fraction */
	struct str lines;     /* all below its m=, to be read with attribute.h */
	struct sdp_format v[SDP_FORMATS_MAX]; /* the first of them */
	uint32_t count;
};

struct sdp {
	struct str origin, name;
	struct str timing; /* the first t=; n == 0: none */
	struct str lines;  /* all above the first m= */
	struct sdp_media media[SDP_MEDIA_MAX];
	uint32_t count;
};

/* Everything borrows from `text`. ERR_SYNTAX: no description, or an m= line without kind
 * or protocol; ERR_RANGE: more octets, lines or media than the limits. */
MUST_USE int sdp_parse(struct str text, struct sdp *ret);

#define SDP_FMTP_BYTES 96u
#define SDP_BESIDE_MAX 6u

/* A codec and the payload type it comes with. */
struct sdp_beside {
	uint8_t codec, payload_type;
};

/* What of an offer we take: the first audio stream that we can serve, in it the first
 * codec that we speak. */
struct sdp_choice {
	uint32_t media; /* index */
	uint32_t codec; /* enum sdp_codec */
	uint8_t payload_type;
	uint8_t dtmf_payload_type; /* 0 = telephone-event was not offered */
	uint8_t receives;      /* 0: what we get has the same payload type; else
				  SDP_OTHER_TYPE and the one we offered (sdp_accept()) */
	uint8_t receives_dtmf; /* likewise */
	uint32_t ptime_ms;    /* 20 when not given, or not one of ours */
	struct addr rtp;      /* 0.0.0.0 or ::, on hold: nothing is sent there */
	struct addr rtcp;     /* likewise */
	uint32_t direction;   /* enum sdp_direction, ours: the mirror of the offer's */
	uint32_t beside_count; /* what the peer may send, too, when it answered with more */
	struct sdp_beside beside[SDP_BESIDE_MAX];
	char fmtp[SDP_FMTP_BYTES]; /* the peer's parameters of `codec`; longer ones: none */
	uint32_t rtcp_mux; /* 1: RTCP shares the port of RTP, on both sides (RFC 5761) */
};

#define SDP_OTHER_TYPE 0x80u

/* The payload types of what the peer sends. */
static inline uint8_t sdp_receives(const struct sdp_choice *c)
{
	return c->receives != 0 ? c->receives & 0x7f : c->payload_type;
}

static inline uint8_t sdp_receives_dtmf(const struct sdp_choice *c)
{
	return c->receives_dtmf != 0 ? c->receives_dtmf & 0x7f : c->dtmf_payload_type;
}

#define SDP_FAMILY(f) (1u << (f))
#define SDP_FAMILIES  (SDP_FAMILY(ADDR_V4) | SDP_FAMILY(ADDR_V6))

struct sdp_wants {
	uint32_t families;            /* that media has: SDP_FAMILY() of each */
	const struct sdp_choice *now; /* what is in use; stays when it is offered again;
					 NULL: nothing yet */
	enum sdp_direction direction; /* the most that we do */
	const uint8_t *codecs; /* enum sdp_codec, each once: those that may be taken */
	uint32_t count;        /* 0: PCMU and PCMA */
};

/* How far the best stream came, in an offer or in an answer. */
enum sdp_fit {
	SDP_FITS,
	SDP_NO_MEDIA,     /* no audio, or only rejected ones */
	SDP_NO_TRANSPORT, /* not over RTP/AVP */
	SDP_NO_ADDRESS,   /* of no family that media has */
	SDP_NO_FORMAT,    /* no codec of ours, or none that was offered */
	SDP_NO_MATCH,     /* an answer with other m= lines than the offer */
	SDP_FIT_KINDS
};

/* `*ret` is set when it is SDP_FITS. */
MUST_USE enum sdp_fit sdp_choose(const struct sdp *offer, const struct sdp_wants *w,
				 struct sdp_choice *ret);

/* Can a choice that was stored be one of this offer (or of this answer to one of ours)? */
bool sdp_extras_are_sound(const struct sdp_choice *c); /* `beside` and `fmtp` of it */
bool sdp_choice_is_sound(const struct sdp_choice *c, const struct sdp *offer);

/* Who answers. */
struct sdp_origin {
	struct addr local; /* of the stream that is taken */
	uint16_t rtcp_port; /* 0: local.port + 1 (RFC 3605) */
	uint64_t session_id;
	uint64_t version; /* o=: counts changes of our description (RFC 3264 8) */
};

/* The answer: every m= line of the offer in order, the chosen one with our address, the
 * others rejected with port 0. ERR_NOSPC. */
MUST_USE int sdp_answer(struct buf *b, const struct sdp *offer,
			const struct sdp_choice *c, const struct sdp_origin *o);

/* What an offer of ours says: one audio stream. */
struct sdp_ours {
	const uint8_t *codecs; /* enum sdp_codec, each once, the best one first */
	uint32_t count;
	uint32_t ptime_ms; /* 10 to 60 in steps of 10; 0: 20 */
	bool no_dtmf;      /* else telephone-event is offered, at 101 */
	bool rtcp_mux;     /* offered */
	enum sdp_direction direction;
};

/* The offer, to be answered at o->local. ERR_INVAL: no codec, an unknown one or one twice,
 * no address or port, a ptime that is not ours; ERR_NOSPC. */
MUST_USE int sdp_offer(struct buf *b, const struct sdp_ours *w,
		       const struct sdp_origin *o);

/* The same in mid-call (RFC 3264 8): all m= lines of `last`, the last offer of either side, in
 * their order; the stream stands where `now` has it, the others have port 0. Numbers keep
 * their meaning. Errors as above, and ERR_RANGE: no payload type is free. */
MUST_USE int sdp_offer_again(struct buf *b, const struct sdp_ours *w,
			     const struct sdp_choice *now, const struct sdp *last,
			     const struct sdp_origin *o);

/* What the answer to an offer of ours means: the first audio stream that both have, in it
 * the first codec of the answer that was offered (RFC 3264 7), the payload types we send
 * and receive, ptime (the offer's when the answer has none), direction as we see it, never
 * more than was offered. A number without a map is what it is in the offer. `families`: as
 * in sdp_wants. `*ret` is set when it is SDP_FITS; SDP_NO_MEDIA: the stream was rejected. */
MUST_USE enum sdp_fit sdp_accept(const struct sdp *offer, const struct sdp *answer,
				 uint32_t families, struct sdp_choice *ret);
