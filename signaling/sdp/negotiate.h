/* negotiate.h - offer and answer (RFC 3264) for audio and video by codec name. Pure, no heap.
 *
 *	they offer:  sdp_parse, sdp_negotiate, sdp_reply
 *	we offer:    sdp_propose; then sdp_parse of our text and of theirs, sdp_conclude
 *
 * At most one audio and one video stream are taken; all others of an offer are answered with
 * port 0 and their own formats, in their order. Facts that borrow (struct str) borrow from
 * the text of the peer's description and from the terms. */
#pragma once

#include "signaling/sdp/attribute.h"

#define SDP_TAKEN_MAX    8u  /* codecs of one stream; abilities of one side */
#define SDP_EVENTS_MAX   4u  /* clocks of telephone-event in one stream */
#define SDP_FEEDBACK_MAX 32u /* entries of sdp_side.feedback */

/* A codec we speak. */
struct sdp_ability {
	struct str name; /* encoding name, in any case: "opus" */
	uint32_t clock_hz;
	uint32_t channels; /* 0: 1 */
	/* Our a=fmtp parameters. In an answer n == 0 takes every configuration of the codec
	 * and gives back what was offered, without sprop-... (they tell of the sender's own
	 * stream). Otherwise H264 fits when profile and packetization-mode are the same
	 * (RFC 6184 8.2.2; level: the lower one, or ours when both allow asymmetry), VP9
	 * when profile-id is (RFC 9628 6.1.2), and the answer says ours. */
	struct str fmtp;
	/* In offers of ours, 96 to 127; 0: the static type of the codec, else one that is
	 * free. What an earlier description called it comes first (RFC 3264 8.3.2). */
	uint8_t payload_type;
};

/* What we can and want of one kind of media. */
struct sdp_side {
	const struct sdp_ability *v; /* the best one first */
	uint32_t count;		     /* 1 to SDP_TAKEN_MAX */
	bool our_order; /* our best codec that is offered; else the offerer's best */
	uint32_t most;  /* codecs in an answer; 0: 1, so that it is settled */
	bool no_dtmf;   /* of audio; else telephone-event, one for each clock in use */
	uint32_t ptime_ms;            /* of audio, 10 to 60 in tens, when they have none;
					 0: 20 */
	enum sdp_direction direction; /* the most that we do */
	uint32_t transports; /* SDP_TRANSPORT() of each; 0: RTP/AVP. An offer has the first */
	struct addr local;   /* where it is received; port 0: never */
	uint16_t rtcp_port;  /* 0: local.port + 1 */
	bool rtcp_mux;       /* offered; answered when it is offered */
	const struct str *feedback; /* "nack pli", ...: of a=rtcp-fb (RFC 4585) */
	uint32_t feedback_count;
	struct str lines; /* whole lines of ours for the stream, with CRLF: keys ... */
};

#define SDP_TRANSPORT(t) (1u << (t))

struct sdp_codec_taken {
	uint32_t ability; /* index in sdp_side.v */
	uint8_t payload_type; /* we send it */
	uint8_t receives;     /* we get it; the same unless an answer says otherwise */
	struct str fmtp;      /* the peer's; n == 0: none */
};

struct sdp_events {
	uint32_t clock_hz;
	uint8_t payload_type, receives; /* as of codecs */
};

/* What was agreed on for one stream. */
struct sdp_stream {
	enum sdp_fit fit; /* SDP_FITS: taken, and all below is set; else why not. NO_MEDIA
			     also: not wanted */
	uint32_t media;   /* index of its m= */
	enum sdp_proto transport;
	struct sdp_codec_taken v[SDP_TAKEN_MAX]; /* the first is what we send */
	uint32_t count;
	struct sdp_events events[SDP_EVENTS_MAX];
	uint32_t event_count;
	uint32_t ptime_ms; /* of audio: what we send */
	struct addr rtp, rtcp; /* where to; 0.0.0.0 or ::, on hold: nowhere */
	bool rtcp_mux;
	enum sdp_direction direction; /* ours */
	uint32_t feedback; /* bit i: sdp_side.feedback[i] is agreed on */
};

struct sdp_agreement {
	struct sdp_stream audio, video;
};

struct sdp_terms {
	const struct sdp_side *audio, *video; /* NULL: none is taken or offered */
	uint32_t families; /* the peer's addresses may be of: SDP_FAMILY() of each */
	const struct sdp_agreement *now; /* what is in use stays first choice; NULL: nothing */
};

/* What of an offer is taken. SDP_FITS: at least one stream, look at both; else how far the
 * best one came. */
MUST_USE enum sdp_fit sdp_negotiate(const struct sdp *offer, const struct sdp_terms *t,
				    struct sdp_agreement *ret);

/* The answer; `o->local` is the address of o= and of c=, a stream received elsewhere has its
 * own c=. ERR_INVAL: a stream is taken that has no side in the terms, or no port there;
 * ERR_NOSPC. */
MUST_USE int sdp_reply(struct buf *b, const struct sdp *offer,
		       const struct sdp_agreement *a, const struct sdp_terms *t,
		       const struct sdp_origin *o);

/* An offer of ours. `last`: the last description of this session from either side, whose m=
 * lines are all kept (RFC 3264 8); NULL: the first offer. A stream stands where `t->now` has
 * it, else at the first line of its kind, else behind the others; what is not wanted has
 * port 0. ERR_INVAL: terms that can not be offered (no side, no ability, no port, a ptime
 * that is not ours); ERR_RANGE: more than SDP_MEDIA_MAX lines, or no payload type is free;
 * ERR_NOSPC. */
MUST_USE int sdp_propose(struct buf *b, const struct sdp_terms *t, const struct sdp *last,
			 const struct sdp_origin *o);

/* What the answer to an offer of ours means; terms as they were offered. SDP_NO_MATCH: its
 * m= lines are not those of the offer; else as sdp_negotiate(). */
MUST_USE enum sdp_fit sdp_conclude(const struct sdp *offer, const struct sdp *answer,
				   const struct sdp_terms *t, struct sdp_agreement *ret);

/* o= counts changes: the version that `fresh`, printed with any version, has to have after
 * `last`, both of ours: that of `last` when nothing else differs, else one more. ERR_SYNTAX:
 * no o= of numbers in `last`. */
MUST_USE int sdp_next_version(struct str last, struct str fresh, uint64_t *ret);
