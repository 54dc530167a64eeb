/* attribute.h - reading the lines of a description one by one: what sdp_parse() has no field
 * for. Pure; everything returned borrows from the text that is read.
 *
 * A section is what stands above the first m= (struct sdp, lines) or below one m= (struct
 * sdp_media, lines). An attribute of the session holds for a media unless the media has its
 * own: ask the media first. */
#pragma once

#include "signaling/sdp/sdp.h"

/* Take the next line off `*section`: its type, and its value without white space around it.
 * Lines that are none are passed over. False: there is no more. */
bool sdp_next_line(struct str *section, char *type, struct str *value);

/* The next "a=name" or "a=name:value"; the value of the first kind is empty. */
bool sdp_next_attribute(struct str *section, struct str *name, struct str *value);

/* The first attribute of this name (RFC 8866 5.13: names are case-sensitive). */
bool sdp_attribute(struct str section, struct str name, struct str *value);

/* b=AS:64 and the like: the first of this type in its unit, kbit/s for CT and AS, bit/s for
 * TIAS (RFC 8866 5.8, RFC 3890). ERR_NOENT, ERR_SYNTAX (a fraction too), ERR_RANGE. */
MUST_USE int sdp_bandwidth(struct str section, struct str type, uint64_t *ret);

/* The first c= as an address: ERR_NOENT; ERR_SYNTAX: none of an IP network or a name. */
MUST_USE int sdp_connection(struct str section, struct addr *ret);

/* "22.5", of ptime and maxptime, in microseconds; digits below that are dropped. ERR_SYNTAX;
 * ERR_RANGE: zero, or more than 1000 s. */
MUST_USE int sdp_read_ptime(struct str value, uint32_t *ret);

/* One parameter of a=fmtp: "name=value" among those that semicolons part, names without
 * regard to case; the value of one without "=" is empty. */
bool sdp_parameter(struct str fmtp, struct str name, struct str *value);

/* And one after the other. */
bool sdp_next_parameter(struct str *fmtp, struct str *name, struct str *value);

/* a=rtcp-fb (RFC 4585 4.2): "96 nack pli", "* ccm fir". */
struct sdp_feedback {
	bool any; /* "*": of all payload types */
	uint8_t payload_type;
	struct str what; /* "nack pli" */
};
MUST_USE int sdp_read_feedback(struct str value, struct sdp_feedback *ret);

/* a=crypto (RFC 4568 9.1): "1 AES_CM_128_HMAC_SHA1_80 inline:... [parameters]". */
struct sdp_crypto {
	uint32_t tag;
	struct str suite;
	struct str keys;   /* "inline:...", with whatever semicolons and bars */
	struct str params; /* n == 0: none */
};
MUST_USE int sdp_read_crypto(struct str value, struct sdp_crypto *ret);

/* a=fingerprint (RFC 8122 5): "sha-256 AB:CD:...". */
struct sdp_fingerprint {
	struct str hash;
	struct str value; /* pairs of hexadecimal digits with colons between */
};
MUST_USE int sdp_read_fingerprint(struct str value, struct sdp_fingerprint *ret);

/* a=setup (RFC 4145 4) */
enum sdp_setup {
	SDP_SETUP_NONE, /* no such attribute */
	SDP_SETUP_ACTIVE,
	SDP_SETUP_PASSIVE,
	SDP_SETUP_ACTPASS,
	SDP_SETUP_HOLDCONN,
	SDP_SETUPS
};
enum sdp_setup sdp_read_setup(struct str value); /* NONE: not one of these */

/* What keys and connectivity need of one media, its own attributes or else the session's.
 * Lists (crypto, candidate, rtcp-fb, extmap ...) are walked with sdp_next_attribute(). An
 * empty text: not there. */
struct sdp_transport {
	struct str mid;
	struct str ice_ufrag, ice_pwd, ice_options;
	bool ice_lite; /* of the session alone (RFC 8839 5.3) */
	struct str fingerprint;
	enum sdp_setup setup;
	bool rtcp_mux, rtcp_rsize;
	bool rtcp_mux_only;
};

/* `media` < s->count. */
void sdp_transport(const struct sdp *s, uint32_t media, struct sdp_transport *ret);

/* a=group (RFC 5888 5): the mids behind the first of these semantics, such as BUNDLE. */
bool sdp_group(const struct sdp *s, struct str semantics, struct str *mids);
