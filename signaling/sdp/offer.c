/* offer.c - see sdp.h: an offer of ours, and what its answer means (RFC 3264 sections 5 and
 * 7). */
#include "signaling/sdp/sdp_parts.h"

#define FIRST_DYNAMIC 102 /* and up, of a codec without a static type */
#define DTMF_TYPE     101u

static bool is_ours(const struct sdp_ours *w, const struct sdp_origin *o)
{
	return w->count > 0 && w->count <= SDP_CODECS && o->local.port != 0 &&
	       o->local.family != ADDR_NONE && w->direction < SDP_DIRECTIONS &&
	       (w->ptime_ms == 0 || sdp_ptime_is_ours(w->ptime_ms));
}

int sdp_offer(struct buf *b, const struct sdp_ours *w, const struct sdp_origin *o)
{
	struct sdp_printed all = {
		.port = o->local.port,
		.dtmf_payload_type = w->no_dtmf ? 0 : DTMF_TYPE,
		.ptime_ms = w->ptime_ms != 0 ? w->ptime_ms : SDP_PTIME_MS,
		.direction = w->direction,
	};
	uint32_t seen = 0;

	if (!is_ours(w, o))
		return ERR_INVAL;
	for (uint32_t i = 0; i < w->count; i++) {
		uint8_t codec = w->codecs[i];

		if (codec >= SDP_CODECS || (seen & 1u << codec) != 0)
			return ERR_INVAL;
		seen |= 1u << codec;
		all.codecs[i] = codec;
		all.payload_types[i] = (uint8_t)(sdp_codecs[codec].payload_type >= 0
							 ? sdp_codecs[codec].payload_type
							 : FIRST_DYNAMIC + codec);
	}
	all.count = w->count;
	sdp_put_session(b, o, STR("0 0"));
	sdp_put_audio(b, &all);
	return buf_ok(b) ? 0 : ERR_NOSPC;
}

static const struct sdp_format *of_type(const struct sdp_media *m, uint8_t payload_type)
{
	for (uint32_t i = 0; i < m->count; i++)
		if (m->v[i].payload_type == payload_type)
			return &m->v[i];
	return NULL;
}

/* An answer has to repeat the maps (RFC 3264 6.1); where it does not, the offer's number
 * means what it meant there. */
static struct sdp_format meant(const struct sdp_media *offered, const struct sdp_format *f)
{
	const struct sdp_format *of = f->name.n == 0 ? of_type(offered, f->payload_type)
						     : NULL;

	return of != NULL ? *of : *f;
}

static uint8_t other(uint8_t ours, uint8_t theirs)
{
	return ours == theirs ? 0 : (uint8_t)(SDP_OTHER_TYPE | ours);
}

/* Did we offer this codec, or the events? The number of ours. */
static const struct sdp_format *same(const struct sdp_media *offered,
				     const struct sdp_format *f)
{
	for (uint32_t i = 0; i < offered->count; i++) {
		const struct sdp_format *of = &offered->v[i];

		if (str_ieq(of->name, f->name) && of->clock_hz == f->clock_hz &&
		    of->channels == f->channels)
			return of;
	}
	return NULL;
}

/* RFC 3264 7: the first that both have. */
static bool accept_formats(const struct sdp_media *offered, const struct sdp_media *m,
			   struct sdp_choice *ret)
{
	bool found = false;

	for (uint32_t i = 0; i < m->count; i++) {
		struct sdp_format f = meant(offered, &m->v[i]);
		const struct sdp_format *ours = same(offered, &f);
		uint32_t codec;

		if (ours == NULL)
			continue;
		if (!found && sdp_codec_of(&f, &codec)) {
			ret->codec = codec;
			ret->payload_type = f.payload_type;
			ret->receives = other(ours->payload_type, f.payload_type);
			found = true;
		} else if (sdp_is_event(&f) && ret->dtmf_payload_type == 0) {
			ret->dtmf_payload_type = f.payload_type;
			ret->receives_dtmf = other(ours->payload_type, f.payload_type);
		}
	}
	return found;
}

/* What the answer may not add: we do what we offered (RFC 3264 6.1). */
static enum sdp_direction both(enum sdp_direction ours, enum sdp_direction theirs)
{
	bool send = (ours == SDP_SENDRECV || ours == SDP_SENDONLY) &&
		    (theirs == SDP_SENDRECV || theirs == SDP_SENDONLY);
	bool receive = (ours == SDP_SENDRECV || ours == SDP_RECVONLY) &&
		       (theirs == SDP_SENDRECV || theirs == SDP_RECVONLY);

	if (send)
		return receive ? SDP_SENDRECV : SDP_SENDONLY;
	return receive ? SDP_RECVONLY : SDP_INACTIVE;
}

static uint32_t ptime_of(const struct sdp_media *offered, const struct sdp_media *m)
{
	if (sdp_ptime_is_ours(m->ptime_ms))
		return m->ptime_ms;
	return sdp_ptime_is_ours(offered->ptime_ms) ? offered->ptime_ms : SDP_PTIME_MS;
}

static enum sdp_fit accept_in(const struct sdp_media *offered, const struct sdp_media *m,
			      uint32_t families, struct sdp_choice *ret)
{
	if (m->port == 0)
		return SDP_NO_MEDIA;
	if (m->transport != SDP_RTP_AVP)
		return SDP_NO_TRANSPORT;
	if (m->addr.family == ADDR_NONE || !(families & SDP_FAMILY(m->addr.family)))
		return SDP_NO_ADDRESS;
	if (!accept_formats(offered, m, ret))
		return SDP_NO_FORMAT;
	sdp_send_to(m, ret);
	ret->direction = both(offered->direction, (enum sdp_direction)ret->direction);
	ret->ptime_ms = ptime_of(offered, m);
	return SDP_FITS;
}

/* RFC 3264 6: line by line, and of the same kind. */
static bool matches(const struct sdp *offer, const struct sdp *answer)
{
	if (offer->count != answer->count)
		return false;
	for (uint32_t i = 0; i < offer->count; i++)
		if (!str_ieq(offer->media[i].kind, answer->media[i].kind))
			return false;
	return true;
}

static bool is_offered(const struct sdp_media *m)
{
	return str_ieq(m->kind, STR("audio")) && m->port != 0;
}

enum sdp_fit sdp_accept(const struct sdp *offer, const struct sdp *answer,
			uint32_t families, struct sdp_choice *ret)
{
	enum sdp_fit best = SDP_NO_MEDIA;

	if (!matches(offer, answer))
		return SDP_NO_MATCH;
	for (uint32_t i = 0; i < offer->count; i++) {
		struct sdp_choice c = {.media = i};
		enum sdp_fit fit;

		if (!is_offered(&offer->media[i]))
			continue;
		fit = accept_in(&offer->media[i], &answer->media[i], families, &c);
		if (fit == SDP_FITS) {
			*ret = c;
			return fit;
		}
		best = fit > best ? fit : best;
	}
	return best;
}
