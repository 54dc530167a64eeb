/* offer.c - see sdp.h: an offer of audio that our own media can speak, and what its answer
 * means. */
#include "signaling/sdp/sdp_parts.h"

/* Each once. */
static bool take_codecs(const struct sdp_ours *w, struct sdp_ability v[SDP_CODECS])
{
	bool seen[SDP_CODECS] = {false};

	if (w->count == 0 || w->count > SDP_CODECS)
		return false;
	for (uint32_t i = 0; i < w->count; i++) {
		uint8_t codec = w->codecs[i];

		if (codec >= SDP_CODECS || seen[codec])
			return false;
		seen[codec] = true;
		v[i] = sdp_codecs[codec];
	}
	return true;
}

static int propose(struct buf *b, const struct sdp_ours *w, const struct sdp_agreement *now,
		   const struct sdp *last, const struct sdp_origin *o)
{
	struct sdp_ability v[SDP_CODECS];
	struct sdp_side side = {
		.v = v,
		.count = w->count,
		.no_dtmf = w->no_dtmf,
		.rtcp_mux = w->rtcp_mux,
		.ptime_ms = w->ptime_ms,
		.direction = w->direction,
		.local = o->local,
		.rtcp_port = o->rtcp_port,
	};

	if (!take_codecs(w, v))
		return ERR_INVAL;
	return sdp_propose(b, &(struct sdp_terms){.audio = &side, .now = now}, last, o);
}

int sdp_offer(struct buf *b, const struct sdp_ours *w, const struct sdp_origin *o)
{
	return propose(b, w, NULL, NULL, o);
}

int sdp_offer_again(struct buf *b, const struct sdp_ours *w, const struct sdp_choice *now,
		    const struct sdp *last, const struct sdp_origin *o)
{
	struct sdp_agreement in_use = {.audio = sdp_stream_of(now), .video.fit = SDP_NO_MEDIA};

	return propose(b, w, &in_use, last, o);
}

enum sdp_fit sdp_accept(const struct sdp *offer, const struct sdp *answer,
			uint32_t families, struct sdp_choice *ret)
{
	struct sdp_side side = {.v = sdp_codecs, .count = SDP_CODECS, .rtcp_mux = true};
	struct sdp_terms t = {.audio = &side, .families = families};
	struct sdp_ask ask = sdp_ask_audio(&t);
	struct sdp_stream s;

	if (!sdp_mirrors(offer, answer))
		return SDP_NO_MATCH;
	sdp_accept_stream(offer, answer, &ask, &s);
	if (s.fit == SDP_FITS)
		sdp_choice_of(&s, ret);
	return s.fit;
}
