/* answer.c - see sdp.h: choosing from an offer and answering it (RFC 3264 section 6). */
#include "signaling/sdp/sdp_parts.h"

/* The first codec of ours and the first telephone-event, or those in use when they are
 * offered still. */
static bool choose_formats(const struct sdp_media *m, const struct sdp_choice *now,
			   struct sdp_choice *ret)
{
	bool found = false;

	for (uint32_t i = 0; i < m->count; i++) {
		const struct sdp_format *f = &m->v[i];
		uint32_t codec;

		if (sdp_codec_of(f, &codec)) {
			if (!found || (now != NULL && codec == now->codec &&
				       f->payload_type == now->payload_type)) {
				ret->codec = codec;
				ret->payload_type = f->payload_type;
			}
			found = true;
		} else if (sdp_is_event(f) && (ret->dtmf_payload_type == 0 ||
					   (now != NULL && f->payload_type ==
								   now->dtmf_payload_type))) {
			ret->dtmf_payload_type = f->payload_type;
		}
	}
	return found;
}

static enum sdp_fit choose_in(const struct sdp_media *m, const struct sdp_wants *w,
			      const struct sdp_choice *now, struct sdp_choice *ret)
{
	if (!str_ieq(m->kind, STR("audio")) || m->port == 0)
		return SDP_NO_MEDIA;
	if (m->transport != SDP_RTP_AVP)
		return SDP_NO_TRANSPORT;
	if (m->addr.family == ADDR_NONE || !(w->families & SDP_FAMILY(m->addr.family)))
		return SDP_NO_ADDRESS;
	if (!choose_formats(m, now, ret))
		return SDP_NO_FORMAT;
	sdp_send_to(m, ret);
	ret->ptime_ms = sdp_ptime_is_ours(m->ptime_ms) ? m->ptime_ms : SDP_PTIME_MS;
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

		if (m->v[i].payload_type == c->payload_type && sdp_codec_of(&m->v[i], &codec))
			return codec == c->codec;
	}
	return false;
}

static bool is_other(uint8_t receives)
{
	return receives == 0 || (receives & SDP_OTHER_TYPE) != 0;
}

bool sdp_choice_is_sound(const struct sdp_choice *c, const struct sdp *offer)
{
	return c->media < offer->count && offers(&offer->media[c->media], c) &&
	       c->dtmf_payload_type <= 127 && is_other(c->receives) &&
	       is_other(c->receives_dtmf) &&
	       sdp_ptime_is_ours(c->ptime_ms) && c->direction < SDP_DIRECTIONS &&
	       c->rtp.family != ADDR_NONE && c->rtp.family < ADDR_FAMILIES &&
	       c->rtcp.family == c->rtp.family;
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

int sdp_answer(struct buf *b, const struct sdp *offer, const struct sdp_choice *c,
	       const struct sdp_origin *o)
{
	struct sdp_printed taken = {
		.port = o->local.port,
		.codecs = {(uint8_t)c->codec},
		.payload_types = {c->payload_type},
		.count = 1,
		.dtmf_payload_type = c->dtmf_payload_type,
		.ptime_ms = c->ptime_ms,
		.direction = (enum sdp_direction)c->direction,
	};

	/* RFC 3264 6: t= as in the offer */
	sdp_put_session(b, o, offer->timing.n > 0 ? offer->timing : STR("0 0"));
	for (uint32_t i = 0; i < offer->count; i++) {
		if (i == c->media)
			sdp_put_audio(b, &taken);
		else
			put_rejected(b, &offer->media[i]);
	}
	return buf_ok(b) ? 0 : ERR_NOSPC;
}
