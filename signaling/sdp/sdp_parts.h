/* sdp_parts.h - what the files that choose and print share. Of no interest to others. */
#pragma once

#include "signaling/sdp/sdp.h"

#define SDP_PTIME_MS 20u

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
