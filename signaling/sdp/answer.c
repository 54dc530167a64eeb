/* answer.c - see sdp.h: choosing from an offer and answering it (RFC 3264 section 6). */
#include "signaling/sdp/sdp.h"

static const struct {
	struct str name;
	uint32_t clock_hz;
} codecs[SDP_CODECS] = {
#define CODEC(id, text, hz, pt) [SDP_##id] = {{text, sizeof(text) - 1}, hz},
#include "signaling/sdp/codec.def"
#undef CODEC
};

#define PTIME_DEFAULT_MS 20u
#define PTIME_MAX_MS     60u
#define DTMF_EVENTS      "0-16"

static bool is_event(const struct sdp_format *f)
{
	return str_ieq(f->name, STR("telephone-event")) && f->clock_hz == 8000;
}

static bool codec_of(const struct sdp_format *f, enum sdp_codec *ret)
{
	for (unsigned i = 0; i < SDP_CODECS; i++) {
		if (str_ieq(f->name, codecs[i].name) &&
		    f->clock_hz == codecs[i].clock_hz) {
			*ret = (enum sdp_codec)i;
			return true;
		}
	}
	return false;
}

static enum sdp_direction mirror(enum sdp_direction d)
{
	static const enum sdp_direction mirrored[SDP_DIRECTIONS] = {
		[SDP_SENDRECV] = SDP_SENDRECV,
		[SDP_SENDONLY] = SDP_RECVONLY,
		[SDP_RECVONLY] = SDP_SENDONLY,
		[SDP_INACTIVE] = SDP_INACTIVE,
	};

	return mirrored[d];
}

static bool choose_in(const struct sdp_media *m, struct sdp_choice *ret)
{
	bool found = false;

	if (!str_ieq(m->kind, STR("audio")) || !m->is_rtp || m->port == 0 ||
	    m->addr.family == ADDR_NONE)
		return false;
	ret->dtmf_payload_type = 0;
	for (uint32_t i = 0; i < m->count; i++) {
		const struct sdp_format *f = &m->v[i];

		if (!found && codec_of(f, &ret->codec)) {
			ret->payload_type = f->payload_type;
			found = true;
		}
		if (ret->dtmf_payload_type == 0 && is_event(f))
			ret->dtmf_payload_type = f->payload_type;
	}
	ret->ptime_ms =
		m->ptime_ms >= 10 && m->ptime_ms <= PTIME_MAX_MS && m->ptime_ms % 10 == 0
			? m->ptime_ms
			: PTIME_DEFAULT_MS;
	ret->rtp = ret->rtcp = m->addr;
	ret->rtp.port = m->port;
	if (m->rtcp.family != ADDR_NONE)
		ret->rtcp = m->rtcp;
	ret->rtcp.port = m->rtcp.port != 0 ? m->rtcp.port : (uint16_t)(m->port + 1);
	ret->direction = mirror(m->direction);
	return found;
}

int sdp_choose(const struct sdp *offer, struct sdp_choice *ret)
{
	for (uint32_t i = 0; i < offer->count; i++) {
		struct sdp_choice c = {.media = i};

		if (choose_in(&offer->media[i], &c)) {
			*ret = c;
			return 0;
		}
	}
	return ERR_UNSUPPORTED;
}

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

static void put_taken(struct buf *b, const struct sdp_choice *c, uint16_t port)
{
	static const char *const directions[SDP_DIRECTIONS] = {"sendrecv", "sendonly",
							       "recvonly", "inactive"};

	buf_z(b, "m=audio ");
	buf_u64(b, port);
	buf_z(b, " RTP/AVP ");
	buf_u64(b, c->payload_type);
	if (c->dtmf_payload_type != 0) {
		buf_char(b, ' ');
		buf_u64(b, c->dtmf_payload_type);
	}
	buf_z(b, "\r\n");
	put_map(b, c->payload_type, codecs[c->codec].name, codecs[c->codec].clock_hz);
	if (c->dtmf_payload_type != 0) {
		put_map(b, c->dtmf_payload_type, STR("telephone-event"), 8000);
		buf_z(b, "a=fmtp:");
		buf_u64(b, c->dtmf_payload_type);
		buf_z(b, " " DTMF_EVENTS "\r\n");
	}
	buf_z(b, "a=ptime:");
	buf_u64(b, c->ptime_ms);
	buf_z(b, "\r\na=");
	buf_z(b, directions[c->direction]);
	buf_z(b, "\r\n");
}

/* RFC 3264 6: a rejected stream keeps its kind, protocol and formats. */
static void put_rejected(struct buf *b, const struct sdp_media *m)
{
	buf_z(b, "m=");
	buf_str_put(b, m->kind);
	buf_z(b, " 0 ");
	buf_str_put(b, m->proto);
	buf_char(b, ' ');
	buf_str_put(b, m->formats);
	buf_z(b, "\r\n");
}

static void put_address(struct buf *b, const struct addr *a)
{
	buf_z(b, a->family == ADDR_V6 ? "IN IP6 " : "IN IP4 ");
	addr_print_ip(b, a);
	buf_z(b, "\r\n");
}

int sdp_answer(struct buf *b, const struct sdp *offer, const struct sdp_choice *c,
	       const struct addr *local, uint64_t session_id)
{
	buf_z(b, "v=0\r\no=- ");
	buf_u64(b, session_id >> 1); /* fits the signed number some parsers make of it */
	buf_z(b, " 1 ");
	put_address(b, local);
	buf_z(b, "s=-\r\nc=");
	put_address(b, local);
	buf_z(b, "t="); /* RFC 3264 6: as in the offer */
	buf_str_put(b, offer->timing.n > 0 ? offer->timing : STR("0 0"));
	buf_z(b, "\r\n");
	for (uint32_t i = 0; i < offer->count; i++) {
		if (i == c->media)
			put_taken(b, c, local->port);
		else
			put_rejected(b, &offer->media[i]);
	}
	return buf_ok(b) ? 0 : ERR_NOSPC;
}
