/* sdp_parts.h - what the files that choose and print share. Of no interest to others. */
#pragma once

#include "signaling/sdp/negotiate.h"

#define SDP_PTIME_MS 20u
#define SDP_DTMF_TYPE 101u /* in offers, of the 8 kHz clock */

/* Files use each other downwards: sdp, attribute, facts, match, print, negotiate, conclude,
 * propose and reply, answer and offer. */

/* ---- sdp.c ---- */

/* Up to the next blank, which is taken with it. */
struct str sdp_word(struct str *rest);
/* The whole text as a decimal number. ERR_SYNTAX, ERR_RANGE. */
MUST_USE int sdp_number(struct str text, uint32_t most, uint32_t *ret);
/* "IN IP4 192.0.2.1[/ttl]"; family NONE when it is a name, or nothing we can read. */
struct addr sdp_read_address(struct str v);

struct str sdp_direction_name(enum sdp_direction d);
bool sdp_direction_of(struct str name, enum sdp_direction *ret);
/* ERR_RANGE: too long; ERR_SYNTAX: a NUL in it. */
MUST_USE int sdp_check_text(struct str text);
/* Is this a line of such a text, without its end? The first one says v=0. ERR_SYNTAX. */
MUST_USE int sdp_check_line(struct str line, bool first);

/* Can it stand within a line? */
bool sdp_is_plain(struct str v);
/* "RTP/AVP" of SDP_RTP_AVP */
struct str sdp_transport_name(enum sdp_proto t);

/* ---- facts.c ---- */

extern const struct sdp_ability sdp_codecs[SDP_CODECS]; /* by enum sdp_codec */
_Static_assert(SDP_CODECS <= SDP_TAKEN_MAX, "they are one side");

bool sdp_is_event(const struct sdp_format *f); /* of any clock */
bool sdp_ptime_is_ours(uint32_t ms);
/* What both allow. */
enum sdp_direction sdp_both(enum sdp_direction a, enum sdp_direction b);
/* Do these lines ask for one port, and can RTCP be told from what was taken (RFC 5761 4: payload types 64 to 95 are not used then)? */
bool sdp_may_mux(const struct sdp_media *m, const struct sdp_stream *s);
/* Where to send what this stream gets, and whether: rtp, rtcp and direction. */
void sdp_send_to(const struct sdp_media *m, struct sdp_stream *ret);

/* ---- match.c ---- */

bool sdp_ability_fits(const struct sdp_ability *a, const struct sdp_format *f);
/* Is a format of an answer this one of the offer? */
bool sdp_answers(const struct sdp_format *offered, const struct sdp_format *f);
/* The parameters of an answer to a format with these; nothing when there are none. */
void sdp_put_answered(struct buf *b, const struct sdp_ability *a, struct str offered);

/* ---- negotiate.c ---- */

struct sdp_ask { /* terms of one kind */
	struct str kind;
	bool is_audio;
	const struct sdp_side *side; /* NULL: not wanted */
	uint32_t families;
	const struct sdp_stream *now;
};

struct sdp_ask sdp_ask_audio(const struct sdp_terms *t);
struct sdp_ask sdp_ask_video(const struct sdp_terms *t);
void sdp_choose_stream(const struct sdp *offer, const struct sdp_ask *ask,
		       struct sdp_stream *ret);
enum sdp_fit sdp_best_of(const struct sdp_agreement *a);
bool sdp_is_in_use(const struct sdp_stream *now, uint32_t media);
/* The first one that is this codec. */
bool sdp_find_ability(const struct sdp_side *side, const struct sdp_format *f,
		      uint32_t *ret);
bool sdp_uses_clock(const struct sdp_side *side, const struct sdp_stream *s,
		    uint32_t clock_hz);
struct sdp_events *sdp_events_of(struct sdp_stream *s, uint32_t clock_hz);
uint32_t sdp_common_feedback(const struct sdp_media *m, const struct sdp_side *side,
			     const struct sdp_stream *s);
uint32_t sdp_within(uint32_t ptime_ms, const struct sdp_media *m);

/* ---- conclude.c ---- */

/* Has the answer the offer's m= lines? */
bool sdp_mirrors(const struct sdp *offer, const struct sdp *answer);
void sdp_accept_stream(const struct sdp *offer, const struct sdp *answer,
		       const struct sdp_ask *ask, struct sdp_stream *ret);

/* ---- print.c ---- */

/* An m= of ours and what belongs to it. */
struct sdp_printed {
	struct str kind, proto;
	bool is_audio;
	bool is_offer; /* parameters are ours, whatever the peer has said */
	const struct sdp_side *side;
	const struct sdp_stream *s;
	const struct addr *session; /* of the c= above */
};

/* "IN IP4 192.0.2.1" */
void sdp_put_address(struct buf *b, const struct addr *a);
void sdp_put_session(struct buf *b, const struct sdp_origin *o, struct str timing);
void sdp_put_stream(struct buf *b, const struct sdp_printed *p);
/* A line that is there and not used. */
void sdp_put_rejected(struct buf *b, const struct sdp_media *m);
/* Can it be received, and does what is ours stay within its lines? */
bool sdp_side_is_sound(const struct sdp_side *side);

/* ---- reply.c ---- */

/* sdp_reply() of what is known to be sound. ERR_NOSPC. */
MUST_USE int sdp_put_reply(struct buf *b, const struct sdp *offer,
			   const struct sdp_agreement *a, const struct sdp_terms *t,
			   const struct sdp_origin *o);

/* ---- answer.c ---- */

/* A choice as it is kept, as a stream of sdp_codecs. */
struct sdp_stream sdp_stream_of(const struct sdp_choice *c);
/* What media is told of a stream of sdp_codecs. */
void sdp_choice_of(struct sdp_stream *s, struct sdp_choice *ret);
