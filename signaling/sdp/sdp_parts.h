/* sdp_parts.h - what the files that choose and print share. Of no interest to others. */
#pragma once

#include "signaling/sdp/sdp.h"

#define SDP_PTIME_MS 20u

/* ---- sdp.c ---- */

/* Up to the next blank, which is taken with it. */
struct str sdp_word(struct str *rest);
/* The whole text as a decimal number. ERR_SYNTAX, ERR_RANGE. */
MUST_USE int sdp_number(struct str text, uint32_t most, uint32_t *ret);
/* "IN IP4 192.0.2.1[/ttl]"; family NONE when it is a name, or nothing we can read. */
struct addr sdp_read_address(struct str v);

struct str sdp_direction_name(enum sdp_direction d);
bool sdp_direction_of(struct str name, enum sdp_direction *ret);
/* Is this a line, without its end? The first one says v=0. ERR_SYNTAX. */
MUST_USE int sdp_check_line(struct str line, bool first);

/* ---- facts.c ---- */

struct sdp_codec_row {
	struct str name;
	uint32_t clock_hz;
	int payload_type; /* static one of RFC 3551; -1: none */
};

extern const struct sdp_codec_row sdp_codecs[SDP_CODECS];

bool sdp_codec_of(const struct sdp_format *f, uint32_t *ret);
bool sdp_is_event(const struct sdp_format *f); /* of the clock our codecs have */
bool sdp_ptime_is_ours(uint32_t ms);
/* Who receives what the other one sends. */
enum sdp_direction sdp_mirror(enum sdp_direction d);
/* Where to send what this stream gets, and whether: rtp, rtcp and direction. */
void sdp_send_to(const struct sdp_media *m, struct sdp_choice *ret);

/* ---- print.c ---- */

/* An m=audio of ours. */
struct sdp_printed {
	uint16_t port;
	uint8_t codecs[SDP_CODECS], payload_types[SDP_CODECS];
	uint32_t count;
	uint8_t dtmf_payload_type; /* 0: none */
	uint32_t ptime_ms;
	enum sdp_direction direction;
};

void sdp_put_session(struct buf *b, const struct sdp_origin *o, struct str timing);
void sdp_put_audio(struct buf *b, const struct sdp_printed *p);
/* "IN IP4 192.0.2.1" */
void sdp_put_address(struct buf *b, const struct addr *a);
