/* describe.h - a description as the list of its lines, to be read, changed, built from
 * nothing and printed (RFC 8866). Pure, no heap: lines and texts stand in areas of the
 * caller's.
 *
 * Nothing is lost: lines that nobody here knows are kept, and all stay in order. A line that
 * is added goes where section 5 of the RFC has lines of its type. What decides over a call
 * is sdp_parse() of the text; the two take the same texts.
 *
 *	struct sdp_line lines[64];
 *	char area[4096];
 *	struct arena texts = arena_of(area, sizeof area);
 *	struct sdp_description d = sdp_description_of(lines, 64, &texts);
 *
 * A call that fails has changed nothing, only used up some of the arena. */
#pragma once

#include "common/base/arena.h"
#include "signaling/sdp/attribute.h"

/* Value: behind "x=", without white space around it; of an attribute "name[:value]". */
struct sdp_line {
	char type;
	struct str value; /* borrowed from the text that was parsed, or in the arena */
};

struct sdp_description {
	struct sdp_line *v;
	uint32_t count, cap;
	struct arena *texts; /* what setters write; only ever grows */
};

/* Which part of it: the index of a media, or */
#define SDP_SESSION UINT32_MAX

static inline struct sdp_description sdp_description_of(struct sdp_line *lines, uint32_t cap,
							struct arena *texts)
{
	return (struct sdp_description){lines, 0, cap, texts};
}

/* ---- as a whole ---- */

/* Borrows from `text`. ERR_SYNTAX, ERR_RANGE as sdp_parse(); ERR_NOSPC: more lines than
 * there is room for. After an error it is empty. */
MUST_USE int sdp_description_parse(struct sdp_description *d, struct str text);

/* Every line with CRLF. ERR_NOSPC. */
MUST_USE int sdp_description_print(struct buf *b, const struct sdp_description *d);

/* The same lines in the same order. */
bool sdp_description_eq(const struct sdp_description *a, const struct sdp_description *b);

uint32_t sdp_media_count(const struct sdp_description *d);

/* ---- lines ---- */

/* The nth line (from 0) of a type in a section; NULL: there is none. Valid until the next
 * change. */
const struct sdp_line *sdp_line_at(const struct sdp_description *d, uint32_t section,
				   char type, uint32_t nth);

/* The value of the nth attribute of this name. */
bool sdp_attribute_at(const struct sdp_description *d, uint32_t section, struct str name,
		      uint32_t nth, struct str *value);

/* Add a line behind those of its type; the value is copied. Any lower-case type but v and o,
 * which sdp_start() writes, and m, which starts a section: sdp_add_media(). ERR_INVAL: type
 * or section; ERR_SYNTAX: a line break or NUL in it; ERR_NOSPC. */
MUST_USE int sdp_put_line(struct sdp_description *d, uint32_t section, char type,
			  struct str value);

/* Instead of all lines of this type in the section; also o, and m, whose section stays.
 * ERR_SYNTAX also: sdp_parse() would not take it. */
MUST_USE int sdp_set_line(struct sdp_description *d, uint32_t section, char type,
			  struct str value);

/* The number of lines that were there. Not of v, o and m: 0. */
uint32_t sdp_drop_lines(struct sdp_description *d, uint32_t section, char type);

/* "a=name:value"; "a=name" when the value's p is NULL. Errors as sdp_put_line(); ERR_SYNTAX
 * also: no name, or a colon or blank in it. */
MUST_USE int sdp_put_attribute(struct sdp_description *d, uint32_t section,
			       struct str name, struct str value);

/* Instead of all of this name. */
MUST_USE int sdp_set_attribute(struct sdp_description *d, uint32_t section,
			       struct str name, struct str value);
uint32_t sdp_drop_attributes(struct sdp_description *d, uint32_t section,
			     struct str name);

/* ---- values with a type (typed.c) ---- */

/* o=: RFC 8866 5.2 */
struct sdp_owner {
	struct str user; /* "-" when there is none */
	uint64_t id, version;
	struct str net, type, address; /* "IN", "IP4", an address or a name */
};

/* ERR_SYNTAX, ERR_RANGE: the numbers. */
MUST_USE int sdp_read_owner(struct str value, struct sdp_owner *ret);
MUST_USE int sdp_set_owner(struct sdp_description *d, const struct sdp_owner *o);

/* v=0, o=, s=-, t=0 0 in an empty description: what every one has. ERR_EXIST: it is not
 * empty. */
MUST_USE int sdp_start(struct sdp_description *d, const struct sdp_owner *o);

/* c= with an address; `ttl` and `groups` of multicast (5.7), 0: not written. ERR_INVAL: no
 * address. */
MUST_USE int sdp_set_connection(struct sdp_description *d, uint32_t section,
				const struct addr *a, uint32_t ttl, uint32_t groups);

/* b=; instead of what there is of this type. Units: sdp_bandwidth(). */
MUST_USE int sdp_set_bandwidth(struct sdp_description *d, uint32_t section,
			       struct str type, uint64_t amount);

/* The direction a section says: false: none, which means sendrecv. */
bool sdp_direction_at(const struct sdp_description *d, uint32_t section,
		      enum sdp_direction *ret);
MUST_USE int sdp_set_direction(struct sdp_description *d, uint32_t section,
			       enum sdp_direction dir);

/* a=ptime or a=maxptime, in microseconds. */
MUST_USE int sdp_set_ptime(struct sdp_description *d, uint32_t section, struct str name,
			   uint32_t us);

/* m=: RFC 8866 5.14 */
struct sdp_media_line {
	struct str kind;    /* "audio" */
	uint16_t port;      /* 0: rejected, or not wanted any more */
	uint32_t ports;     /* "49170/2"; 1: none is written */
	struct str proto;   /* "RTP/AVP" */
	struct str formats; /* "0 8 101" */
};

/* ERR_SYNTAX, ERR_RANGE. What sdp_parse() forgives is an error here. */
MUST_USE int sdp_read_media(struct str value, struct sdp_media_line *ret);

/* At the end; its index is sdp_media_count() - 1 then. ERR_SYNTAX: a part is missing or has
 * a blank where none may be; ERR_RANGE: SDP_MEDIA_MAX of them. */
MUST_USE int sdp_add_media(struct sdp_description *d, const struct sdp_media_line *m);
MUST_USE int sdp_set_media(struct sdp_description *d, uint32_t media,
			   const struct sdp_media_line *m);

/* A payload type with its a=rtpmap, and its a=fmtp when it has one, as the last of a media.
 * ERR_EXIST: the media has that number already. */
MUST_USE int sdp_put_format(struct sdp_description *d, uint32_t media,
			    const struct sdp_format *f);
