/* conclude.c - see negotiate.h: what the answer to an offer of ours means (RFC 3264 section
 * 7). */
#include "signaling/sdp/sdp_parts.h"

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
	struct sdp_format full = *f;

	if (of != NULL) {
		full.name = of->name;
		full.clock_hz = of->clock_hz;
		full.channels = of->channels;
	}
	return full;
}

/* Which of ours is it? The same number when several could be. */
static const struct sdp_format *same(const struct sdp_media *offered,
				     const struct sdp_format *f)
{
	const struct sdp_format *found = of_type(offered, f->payload_type);

	if (found != NULL && sdp_answers(found, f))
		return found;
	for (uint32_t i = 0; i < offered->count; i++)
		if (sdp_answers(&offered->v[i], f))
			return &offered->v[i];
	return NULL;
}

static void accept_codecs(const struct sdp_media *offered, const struct sdp_media *m,
			  const struct sdp_side *side, struct sdp_stream *ret)
{
	for (uint32_t i = 0; i < m->count && ret->count < SDP_TAKEN_MAX; i++) {
		struct sdp_format f = meant(offered, &m->v[i]);
		const struct sdp_format *ours = same(offered, &f);
		struct sdp_codec_taken c = {.payload_type = f.payload_type,
					    .fmtp = f.fmtp};

		if (ours == NULL || !sdp_find_ability(side, ours, &c.ability))
			continue;
		c.receives = ours->payload_type;
		ret->v[ret->count++] = c;
	}
}

/* Of the clocks of what they took: the first number of each. */
static void accept_events(const struct sdp_media *offered, const struct sdp_media *m,
			  const struct sdp_side *side, struct sdp_stream *ret)
{
	for (uint32_t i = 0; i < m->count && ret->event_count < SDP_EVENTS_MAX; i++) {
		struct sdp_format f = meant(offered, &m->v[i]);
		const struct sdp_format *ours = same(offered, &f);

		if (ours != NULL && sdp_is_event(&f) &&
		    sdp_uses_clock(side, ret, f.clock_hz) &&
		    sdp_events_of(ret, f.clock_hz) == NULL)
			ret->events[ret->event_count++] = (struct sdp_events){
				f.clock_hz, f.payload_type, ours->payload_type};
	}
}

static uint32_t ptime_of(const struct sdp_media *offered, const struct sdp_media *m)
{
	if (sdp_ptime_is_ours(m->ptime_ms))
		return m->ptime_ms;
	return sdp_within(sdp_ptime_is_ours(offered->ptime_ms) ? offered->ptime_ms
							       : SDP_PTIME_MS,
			  m);
}

/* The same, or one that differs in how often reports are sent; keys are never given up. */
static bool is_transport(enum sdp_proto offered, enum sdp_proto t)
{
	bool plain = offered == SDP_RTP_AVP || offered == SDP_RTP_AVPF;

	if (plain && (t == SDP_RTP_AVP || t == SDP_RTP_AVPF))
		return true;
	return t == offered && t != SDP_PROTO_OTHER;
}

static enum sdp_fit accept_in(const struct sdp_media *offered, const struct sdp_media *m,
			      const struct sdp_ask *ask, struct sdp_stream *ret)
{
	if (m->port == 0)
		return SDP_NO_MEDIA;
	if (!is_transport(offered->transport, m->transport))
		return SDP_NO_TRANSPORT;
	if (m->addr.family == ADDR_NONE || !(ask->families & SDP_FAMILY(m->addr.family)))
		return SDP_NO_ADDRESS;
	accept_codecs(offered, m, ask->side, ret);
	if (ret->count == 0)
		return SDP_NO_FORMAT;
	ret->transport = m->transport;
	if (ask->is_audio) {
		accept_events(offered, m, ask->side, ret);
		ret->ptime_ms = ptime_of(offered, m);
	}
	ret->rtcp_mux = ask->side->rtcp_mux && sdp_may_mux(offered, ret) && sdp_may_mux(m, ret);
	ret->feedback = sdp_common_feedback(m, ask->side, ret);
	sdp_send_to(m, ret);
	/* what the answer may not add (RFC 3264 6.1) */
	ret->direction = sdp_both(offered->direction, ret->direction);
	return SDP_FITS;
}

void sdp_accept_stream(const struct sdp *offer, const struct sdp *answer,
		       const struct sdp_ask *ask, struct sdp_stream *ret)
{
	enum sdp_fit best = SDP_NO_MEDIA;

	for (uint32_t i = 0; ask->side != NULL && i < offer->count; i++) {
		const struct sdp_media *m = &offer->media[i];
		enum sdp_fit fit;

		if (!str_ieq(m->kind, ask->kind) || m->port == 0)
			continue;
		*ret = (struct sdp_stream){.media = i};
		fit = accept_in(m, &answer->media[i], ask, ret);
		if (fit == SDP_FITS) {
			ret->fit = fit;
			return;
		}
		best = fit > best ? fit : best;
	}
	*ret = (struct sdp_stream){.fit = best};
}

/* RFC 3264 6: line by line, and of the same kind. */
bool sdp_mirrors(const struct sdp *offer, const struct sdp *answer)
{
	if (offer->count != answer->count)
		return false;
	for (uint32_t i = 0; i < offer->count; i++)
		if (!str_ieq(offer->media[i].kind, answer->media[i].kind))
			return false;
	return true;
}

enum sdp_fit sdp_conclude(const struct sdp *offer, const struct sdp *answer,
			  const struct sdp_terms *t, struct sdp_agreement *ret)
{
	struct sdp_ask audio = sdp_ask_audio(t), video = sdp_ask_video(t);

	if (!sdp_mirrors(offer, answer)) {
		*ret = (struct sdp_agreement){.audio.fit = SDP_NO_MATCH,
					      .video.fit = SDP_NO_MATCH};
		return SDP_NO_MATCH;
	}
	sdp_accept_stream(offer, answer, &audio, &ret->audio);
	sdp_accept_stream(offer, answer, &video, &ret->video);
	return sdp_best_of(ret);
}
