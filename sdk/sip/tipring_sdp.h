/* tipring_sdp.h - session descriptions: read, make, change, write; offers and answers. Link with -ltipring-sip.
 *
 * A description is an opaque handle that owns its text: a list of lines, of which none is lost, and what they mean (RFC 8866).
 * Texts, errors and threads are as in tipring_sip.h. What is returned stays until the description is changed. */
#pragma once

#include <tipring_sip.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TIPRING_SDP_BYTES_MAX 65536u
#define TIPRING_SDP_LINES_MAX 1024u
#define TIPRING_SDP_MEDIA_MAX 16u
#define TIPRING_SDP_FORMATS_MAX 32u /* of one media that are looked at */

/* Which part: the index of a media, or what stands above all of them. */
#define TIPRING_SDP_SESSION UINT32_MAX

enum tipring_sdp_direction { /* as the describer sees it */
	TIPRING_SDP_SENDRECV,
	TIPRING_SDP_SENDONLY,
	TIPRING_SDP_RECVONLY,
	TIPRING_SDP_INACTIVE
};

struct tipring_sdp;

struct tipring_sdp_owner { /* o=: RFC 8866 5.2 */
	struct tipring_text user; /* "-": none */
	uint64_t id, version;
	struct tipring_text net, type, address; /* "IN", "IP4" or "IP6", an address or a name */
};

/* ---- as a whole ---- */

/* TIPRING_ESYNTAX: no description, or an m= line without kind or protocol; -ERANGE: more octets, lines or media than the
 * limits. *ret_position (may be NULL): where the first line begins that is wrong; at the end: there is no o= line. */
TIPRING_API int tipring_sdp_parse(struct tipring_text text, struct tipring_sdp **ret, size_t *ret_position);

/* v=0, o=, s=-, t=0 0. TIPRING_ESYNTAX: a part with blanks. */
TIPRING_API int tipring_sdp_new(const struct tipring_sdp_owner *o, struct tipring_sdp **ret);
TIPRING_API int tipring_sdp_copy(const struct tipring_sdp *s, struct tipring_sdp **ret);
TIPRING_API void tipring_sdp_free(struct tipring_sdp *s);

TIPRING_API bool tipring_sdp_eq(const struct tipring_sdp *a, const struct tipring_sdp *b); /* the same lines in the same order */

/* The length; -ENOSPC, and -ERANGE when it is longer than a description may be. */
TIPRING_API int64_t tipring_sdp_print(const struct tipring_sdp *s, char *to, size_t cap);
TIPRING_API size_t tipring_sdp_size(const struct tipring_sdp *s);

TIPRING_API uint32_t tipring_sdp_media_count(const struct tipring_sdp *s);

/* ---- lines ---- */

/* The next line of a section; *cursor is 0 before the first. The m= line is the first of its media. */
TIPRING_API bool tipring_sdp_next(const struct tipring_sdp *s, uint32_t section, uint32_t *cursor, char *ret_type,
				  struct tipring_text *ret_value);

/* Put a line where lines of its type stand (RFC 8866 5), in place of all of its type (`set`; o and m too), or take them away:
 * how many there were. -EINVAL: no such section, or v, o, m; TIPRING_ESYNTAX: CR, LF or NUL in it, or it would not be read. */
TIPRING_API int tipring_sdp_put_line(struct tipring_sdp *s, uint32_t section, char type, struct tipring_text value);
TIPRING_API int tipring_sdp_set_line(struct tipring_sdp *s, uint32_t section, char type, struct tipring_text value);
TIPRING_API uint32_t tipring_sdp_drop_lines(struct tipring_sdp *s, uint32_t section, char type);

/* "a=name:value"; "a=name" when value.p is NULL. */
TIPRING_API int tipring_sdp_put_attribute(struct tipring_sdp *s, uint32_t section, struct tipring_text name,
					  struct tipring_text value);
TIPRING_API int tipring_sdp_set_attribute(struct tipring_sdp *s, uint32_t section, struct tipring_text name,
					  struct tipring_text value);
TIPRING_API uint32_t tipring_sdp_drop_attributes(struct tipring_sdp *s, uint32_t section, struct tipring_text name);

/* ---- values ---- */

/* -ENOENT: there is none; TIPRING_ESYNTAX, -ERANGE: not of six parts, or no numbers. */
TIPRING_API int tipring_sdp_owner(const struct tipring_sdp *s, struct tipring_sdp_owner *ret);
TIPRING_API int tipring_sdp_set_owner(struct tipring_sdp *s, const struct tipring_sdp_owner *o);

/* c= with an address "192.0.2.1" or "2001:db8::1". -EINVAL: no address, or no such section. */
TIPRING_API int tipring_sdp_set_connection(struct tipring_sdp *s, uint32_t section, struct tipring_text address);

TIPRING_API int tipring_sdp_set_direction(struct tipring_sdp *s, uint32_t section, enum tipring_sdp_direction direction);

/* What an m= section means, with what it takes from the session (RFC 8866 5.7, 6.7). */
struct tipring_sdp_media {
	struct tipring_text kind, proto, formats; /* as written */
	uint16_t port;                            /* 0: rejected, or no number */
	uint32_t direction;                       /* enum tipring_sdp_direction */
	uint32_t ptime_ms, maxptime_ms;           /* 0: not given */
	uint32_t format_count;                    /* for tipring_sdp_format() */
	char address[64];                         /* of c=, NUL-terminated; "": none that is an IP address */
};

/* -EINVAL: no such media; -ENOMEM; or an error as tipring_sdp_parse() when changes have made it unreadable. */
TIPRING_API int tipring_sdp_media(struct tipring_sdp *s, uint32_t media, struct tipring_sdp_media *ret);

struct tipring_sdp_format {
	struct tipring_text name; /* of a=rtpmap, or of the static type (RFC 3551); empty: unknown */
	struct tipring_text fmtp; /* empty: none */
	uint32_t clock_hz, channels;
	uint8_t payload_type;
};

/* The nth payload type of a media over RTP. Errors as above. */
TIPRING_API int tipring_sdp_format(struct tipring_sdp *s, uint32_t media, uint32_t nth, struct tipring_sdp_format *ret);

/* One more payload type with its a=rtpmap and a=fmtp, behind the others. -EEXIST: the media has that number. */
TIPRING_API int tipring_sdp_put_format(struct tipring_sdp *s, uint32_t media, const struct tipring_sdp_format *f);

struct tipring_sdp_media_line { /* m=: RFC 8866 5.14 */
	struct tipring_text kind, proto, formats;
	uint32_t port, ports; /* ports 1: none is written */
};

/* At the end. TIPRING_ESYNTAX: a part is missing, or has a blank; -ERANGE: too many media, or a port too large. */
TIPRING_API int tipring_sdp_add_media(struct tipring_sdp *s, const struct tipring_sdp_media_line *m);
TIPRING_API int tipring_sdp_set_media(struct tipring_sdp *s, uint32_t media, const struct tipring_sdp_media_line *m);

/* ---- offer and answer (RFC 3264) ----
 *
 *	they offer:  tipring_sdp_parse(), tipring_sdp_negotiate()
 *	we offer:    tipring_sdp_propose(); then tipring_sdp_parse() of what they answer, tipring_sdp_conclude()
 *
 * At most one audio and one video stream are taken; all others of an offer are answered with port 0, in their order. */

#define TIPRING_SDP_TAKEN_MAX 8u
#define TIPRING_SDP_EVENTS_MAX 4u
#define TIPRING_SDP_FEEDBACK_MAX 32u

enum tipring_sdp_transport {
	TIPRING_SDP_OTHER, /* no RTP */
	TIPRING_SDP_AVP,   /* RTP/AVP */
	TIPRING_SDP_AVPF,
	TIPRING_SDP_SAVP,
	TIPRING_SDP_SAVPF,
	TIPRING_SDP_TLS_SAVP, /* UDP/TLS/RTP/SAVP */
	TIPRING_SDP_TLS_SAVPF
};

/* How far the best stream came. */
enum tipring_sdp_fit {
	TIPRING_SDP_FITS,
	TIPRING_SDP_NO_MEDIA,     /* none of the kind, or only rejected ones, or not wanted */
	TIPRING_SDP_NO_TRANSPORT, /* over something else */
	TIPRING_SDP_NO_ADDRESS,   /* no IP address */
	TIPRING_SDP_NO_FORMAT,    /* no codec of both */
	TIPRING_SDP_NO_MATCH      /* an answer with other m= lines than the offer */
};

/* A codec that one side speaks. */
struct tipring_sdp_ability {
	struct tipring_text name; /* encoding name, in any case: "opus" */
	struct tipring_text fmtp; /* empty: every configuration, and the answer gives back what was offered */
	uint32_t clock_hz;
	uint32_t channels;    /* 0: 1 */
	uint8_t payload_type; /* in offers, 96 to 127; 0: the static type, else one that is free */
};

/* What one side can and wants of one kind of media. */
struct tipring_sdp_side {
	const struct tipring_sdp_ability *abilities; /* the best one first, 1 to TIPRING_SDP_TAKEN_MAX */
	const struct tipring_text *feedback;         /* "nack pli" ...: of a=rtcp-fb (RFC 4585) */
	struct tipring_text address;                 /* where it is received, as the peer reaches it */
	struct tipring_text lines;                   /* whole lines of ours for the stream, each with CRLF, or empty */
	uint32_t count, feedback_count;
	uint32_t most;       /* codecs in an answer; 0: 1 */
	uint32_t ptime_ms;   /* of audio, 10 to 60 in tens, when the peer names none; 0: 20 */
	uint32_t direction;  /* enum tipring_sdp_direction: the most that we do */
	uint32_t transports; /* 1 << enum tipring_sdp_transport of each; 0: RTP/AVP. An offer has the first */
	uint16_t port;
	uint16_t rtcp_port; /* 0: port + 1 */
	bool our_order;     /* our best codec that is offered; else the offerer's best */
	bool no_dtmf;       /* of audio; else telephone-event goes with it (RFC 4733) */
	bool rtcp_mux;
};

struct tipring_sdp_taken {
	uint32_t ability;         /* index in tipring_sdp_side.abilities */
	uint8_t payload_type;     /* we send it */
	uint8_t receives;         /* we get it */
	struct tipring_text fmtp; /* the peer's; stays with the peer's description */
};

struct tipring_sdp_events {
	uint32_t clock_hz;
	uint8_t payload_type, receives;
};

/* What was agreed on for one stream. */
struct tipring_sdp_stream {
	uint32_t fit; /* enum tipring_sdp_fit; when it does not fit, nothing below is set */
	uint32_t media;
	uint32_t transport; /* enum tipring_sdp_transport */
	uint32_t direction; /* ours */
	uint32_t ptime_ms;  /* of audio: what we send */
	uint32_t feedback;  /* bit i: tipring_sdp_side.feedback[i] */
	uint32_t count, event_count;
	struct tipring_sdp_taken codecs[TIPRING_SDP_TAKEN_MAX]; /* the first is what we send */
	struct tipring_sdp_events events[TIPRING_SDP_EVENTS_MAX];
	char address[64]; /* where to send, NUL-terminated; 0.0.0.0 or ::, on hold: nowhere */
	char rtcp_address[64];
	uint16_t port, rtcp_port;
	bool rtcp_mux;
};

struct tipring_sdp_agreement {
	struct tipring_sdp_stream audio, video;
};

struct tipring_sdp_terms {
	const struct tipring_sdp_side *audio, *video; /* NULL: none is taken or offered */
	const struct tipring_sdp_agreement *now;      /* what is in use stays first choice; NULL: nothing */
	struct tipring_text address;                  /* of o= and c= */
	uint64_t session_id; /* below 2**63 */
	uint64_t version;
};

/* Take what of an offer can be taken, and make the answer. 0: at least one stream is, look at both; else a positive
 * enum tipring_sdp_fit and no answer, or a negative number: -EINVAL: terms that are none (no port, an address that is none). */
TIPRING_API int tipring_sdp_negotiate(struct tipring_sdp *offer, const struct tipring_sdp_terms *t,
				      struct tipring_sdp_agreement *ret, struct tipring_sdp **ret_answer);

/* An offer of ours. `last`: the last description of this session from either side, all of whose m= lines are kept (RFC 3264 8);
 * NULL: the first offer. -EINVAL: terms that can not be offered; -ERANGE: too many media, or no payload type is free. */
TIPRING_API int tipring_sdp_propose(const struct tipring_sdp_terms *t, struct tipring_sdp *last, struct tipring_sdp **ret);

/* What the answer to an offer of ours means, in the terms it was made of: as tipring_sdp_negotiate(). */
TIPRING_API int tipring_sdp_conclude(struct tipring_sdp *offer, struct tipring_sdp *answer, const struct tipring_sdp_terms *t,
				     struct tipring_sdp_agreement *ret);

/* Give `fresh` the version it has after `last`, both of ours: the same when nothing else differs, else one more (RFC 3264 8). */
TIPRING_API int tipring_sdp_follow(struct tipring_sdp *fresh, const struct tipring_sdp *last);

#ifdef __cplusplus
}
#endif
