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

#ifdef __cplusplus
}
#endif
