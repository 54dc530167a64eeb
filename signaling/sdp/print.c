/* print.c - see sdp_parts.h: the lines of descriptions of ours. */
#include "signaling/sdp/sdp_parts.h"

#define DTMF_EVENTS "0-15" /* the digits; 16, flash, is not taken */

static void put_map(struct buf *b, uint8_t pt, struct str name, uint32_t hz)
{
	buf_z(b, "a=rtpmap:");
	buf_u64(b, pt);
	buf_char(b, ' ');
	buf_str_put(b, name);
	buf_char(b, '/');
	buf_u64(b, hz);
	buf_z(b, "\r\n");
}

void sdp_put_address(struct buf *b, const struct addr *a)
{
	buf_z(b, a->family == ADDR_V6 ? "IN IP6 " : "IN IP4 ");
	addr_print_ip(b, a);
}

void sdp_put_session(struct buf *b, const struct sdp_origin *o, struct str timing)
{
	buf_z(b, "v=0\r\no=- ");
	buf_u64(b, o->session_id >> 1); /* fits the signed number some parsers make of it */
	buf_char(b, ' ');
	buf_u64(b, o->version);
	buf_char(b, ' ');
	sdp_put_address(b, &o->local);
	buf_z(b, "\r\ns=-\r\nc=");
	sdp_put_address(b, &o->local);
	buf_z(b, "\r\nt=");
	buf_str_put(b, timing);
	buf_z(b, "\r\n");
}

static void put_line(struct buf *b, const struct sdp_printed *p)
{
	buf_z(b, "m=audio ");
	buf_u64(b, p->port);
	buf_z(b, " RTP/AVP");
	for (uint32_t i = 0; i < p->count; i++) {
		buf_char(b, ' ');
		buf_u64(b, p->payload_types[i]);
	}
	if (p->dtmf_payload_type != 0) {
		buf_char(b, ' ');
		buf_u64(b, p->dtmf_payload_type);
	}
	buf_z(b, "\r\n");
}

void sdp_put_audio(struct buf *b, const struct sdp_printed *p)
{
	static const char *const directions[SDP_DIRECTIONS] = {"sendrecv", "sendonly",
							       "recvonly", "inactive"};

	put_line(b, p);
	for (uint32_t i = 0; i < p->count; i++) {
		const struct sdp_codec_row *c = &sdp_codecs[p->codecs[i]];

		put_map(b, p->payload_types[i], c->name, c->clock_hz);
	}
	if (p->dtmf_payload_type != 0) {
		put_map(b, p->dtmf_payload_type, STR("telephone-event"), 8000);
		buf_z(b, "a=fmtp:");
		buf_u64(b, p->dtmf_payload_type);
		buf_z(b, " " DTMF_EVENTS "\r\n");
	}
	buf_z(b, "a=ptime:");
	buf_u64(b, p->ptime_ms);
	buf_z(b, "\r\na=");
	buf_z(b, directions[p->direction]);
	buf_z(b, "\r\n");
}
