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
#define DTMF_EVENTS      "0-15" /* the digits; 16, flash, is not taken */

static bool is_event(const struct sdp_format *f)
{
	return str_ieq(f->name, STR("telephone-event")) && f->clock_hz == 8000 &&
	       f->channels == 1;
}

static bool codec_of(const struct sdp_format *f, uint32_t *ret)
{
	for (uint32_t i = 0; i < SDP_CODECS; i++) {
		if (str_ieq(f->name, codecs[i].name) &&
		    f->clock_hz == codecs[i].clock_hz && f->channels == 1) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool ptime_is_ours(uint32_t ms)
{
	return ms >= 10 && ms <= PTIME_MAX_MS && ms % 10 == 0;
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

/* RFC 3264 8.4: c=0.0.0.0 puts us on hold, and neither RTP nor RTCP is sent. */
static enum sdp_direction without_sending(enum sdp_direction d)
{
	return d == SDP_SENDRECV || d == SDP_RECVONLY ? SDP_RECVONLY : SDP_INACTIVE;
}

/* The first codec of ours and the first telephone-event, or those in use when they are
 * offered still. */
static bool choose_formats(const struct sdp_media *m, const struct sdp_choice *now,
			   struct sdp_choice *ret)
{
	bool found = false;

	for (uint32_t i = 0; i < m->count; i++) {
		const struct sdp_format *f = &m->v[i];
		uint32_t codec;

		if (codec_of(f, &codec)) {
			if (!found || (now != NULL && codec == now->codec &&
				       f->payload_type == now->payload_type)) {
				ret->codec = codec;
				ret->payload_type = f->payload_type;
			}
			found = true;
		} else if (is_event(f) && (ret->dtmf_payload_type == 0 ||
					   (now != NULL && f->payload_type ==
								   now->dtmf_payload_type))) {
			ret->dtmf_payload_type = f->payload_type;
		}
	}
	return found;
}

static void choose_addresses(const struct sdp_media *m, struct sdp_choice *ret)
{
	bool held = addr_is_any(&m->addr);

	ret->rtp = ret->rtcp = m->addr;
	ret->rtp.port = m->port;
	if (m->rtcp.family == m->addr.family && !held)
		ret->rtcp = m->rtcp;
	ret->rtcp.port = m->rtcp.port != 0 ? m->rtcp.port : (uint16_t)(m->port + 1);
	ret->direction = mirror(m->direction);
	if (held)
		ret->direction = without_sending((enum sdp_direction)ret->direction);
}

static enum sdp_fit choose_in(const struct sdp_media *m, const struct sdp_wants *w,
			      const struct sdp_choice *now, struct sdp_choice *ret)
{
	if (!str_ieq(m->kind, STR("audio")) || m->port == 0)
		return SDP_NO_MEDIA;
	if (!m->is_rtp)
		return SDP_NO_TRANSPORT;
	if (m->addr.family == ADDR_NONE || !(w->families & SDP_FAMILY(m->addr.family)))
		return SDP_NO_ADDRESS;
	if (!choose_formats(m, now, ret))
		return SDP_NO_FORMAT;
	choose_addresses(m, ret);
	ret->ptime_ms = ptime_is_ours(m->ptime_ms) ? m->ptime_ms : PTIME_DEFAULT_MS;
	return SDP_FITS;
}

enum sdp_fit sdp_choose(const struct sdp *offer, const struct sdp_wants *w,
			struct sdp_choice *ret)
{
	enum sdp_fit best = SDP_NO_MEDIA;

	for (uint32_t i = 0; i < offer->count; i++) {
		const struct sdp_choice *now =
			w->now != NULL && w->now->media == i ? w->now : NULL;
		struct sdp_choice c = {.media = i};
		enum sdp_fit fit = choose_in(&offer->media[i], w, now, &c);

		if (fit == SDP_FITS) {
			*ret = c;
			return fit;
		}
		best = fit > best ? fit : best;
	}
	return best;
}

static bool offers(const struct sdp_media *m, const struct sdp_choice *c)
{
	for (uint32_t i = 0; i < m->count; i++) {
		uint32_t codec;

		if (m->v[i].payload_type == c->payload_type && codec_of(&m->v[i], &codec))
			return codec == c->codec;
	}
	return false;
}

bool sdp_choice_is_sound(const struct sdp_choice *c, const struct sdp *offer)
{
	return c->media < offer->count && offers(&offer->media[c->media], c) &&
	       c->dtmf_payload_type <= 127 &&
	       ptime_is_ours(c->ptime_ms) && c->direction < SDP_DIRECTIONS &&
	       c->rtp.family != ADDR_NONE && c->rtp.family < ADDR_FAMILIES &&
	       c->rtcp.family == c->rtp.family;
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

/* RFC 3264 6: a rejected stream keeps its kind, protocol and formats; there must be one. */
static void put_rejected(struct buf *b, const struct sdp_media *m)
{
	buf_z(b, "m=");
	buf_str_put(b, m->kind);
	buf_z(b, " 0 ");
	buf_str_put(b, m->proto);
	buf_char(b, ' ');
	buf_str_put(b, m->formats.n > 0 ? m->formats : STR("0"));
	buf_z(b, "\r\n");
}

static void put_address(struct buf *b, const struct addr *a)
{
	buf_z(b, a->family == ADDR_V6 ? "IN IP6 " : "IN IP4 ");
	addr_print_ip(b, a);
	buf_z(b, "\r\n");
}

int sdp_answer(struct buf *b, const struct sdp *offer, const struct sdp_choice *c,
	       const struct sdp_origin *o)
{
	buf_z(b, "v=0\r\no=- ");
	buf_u64(b, o->session_id >> 1); /* fits the signed number some parsers make of it */
	buf_char(b, ' ');
	buf_u64(b, o->version);
	buf_char(b, ' ');
	put_address(b, &o->local);
	buf_z(b, "s=-\r\nc=");
	put_address(b, &o->local);
	buf_z(b, "t="); /* RFC 3264 6: as in the offer */
	buf_str_put(b, offer->timing.n > 0 ? offer->timing : STR("0 0"));
	buf_z(b, "\r\n");
	for (uint32_t i = 0; i < offer->count; i++) {
		if (i == c->media)
			put_taken(b, c, o->local.port);
		else
			put_rejected(b, &offer->media[i]);
	}
	return buf_ok(b) ? 0 : ERR_NOSPC;
}
