/* negotiate.c - see negotiate.h: what of an offer is taken (RFC 3264 section 6). */
#include "signaling/sdp/sdp_parts.h"

static bool is_transport(const struct sdp_side *side, enum sdp_proto t)
{
	uint32_t allowed = side->transports != 0 ? side->transports
						 : SDP_TRANSPORT(SDP_RTP_AVP);

	return t != SDP_PROTO_OTHER && (allowed & SDP_TRANSPORT(t)) != 0;
}

bool sdp_is_in_use(const struct sdp_stream *now, uint32_t media)
{
	return now != NULL && now->fit == SDP_FITS && now->media == media;
}

static bool has_taken(const struct sdp_stream *s, uint8_t payload_type)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->v[i].payload_type == payload_type)
			return true;
	return false;
}

static void take(struct sdp_stream *s, uint32_t ability, const struct sdp_format *f)
{
	s->v[s->count++] = (struct sdp_codec_taken){ability, f->payload_type,
						    f->payload_type, f->fmtp};
}

static uint32_t most_of(const struct sdp_side *side)
{
	uint32_t most = side->most != 0 ? side->most : 1;

	return most < SDP_TAKEN_MAX ? most : SDP_TAKEN_MAX;
}

bool sdp_find_ability(const struct sdp_side *side, const struct sdp_format *f,
		      uint32_t *ret)
{
	for (uint32_t i = 0; i < side->count; i++) {
		if (sdp_ability_fits(&side->v[i], f)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* What is in use stays when it is offered still: the same codec under the same number. */
static void take_in_use(const struct sdp_media *m, const struct sdp_side *side,
			const struct sdp_stream *now, struct sdp_stream *ret)
{
	const struct sdp_codec_taken *used = &now->v[0];

	if (now->count == 0 || used->ability >= side->count)
		return;
	for (uint32_t i = 0; i < m->count; i++) {
		if (m->v[i].payload_type == used->payload_type &&
		    sdp_ability_fits(&side->v[used->ability], &m->v[i])) {
			take(ret, used->ability, &m->v[i]);
			return;
		}
	}
}

static void take_by_offer(const struct sdp_media *m, const struct sdp_side *side,
			  struct sdp_stream *ret)
{
	uint32_t most = most_of(side), ability;

	for (uint32_t i = 0; i < m->count && ret->count < most; i++)
		if (!has_taken(ret, m->v[i].payload_type) &&
		    sdp_find_ability(side, &m->v[i], &ability))
			take(ret, ability, &m->v[i]);
}

static void take_by_ours(const struct sdp_media *m, const struct sdp_side *side,
			 struct sdp_stream *ret)
{
	uint32_t most = most_of(side);

	for (uint32_t a = 0; a < side->count; a++)
		for (uint32_t i = 0; i < m->count && ret->count < most; i++)
			if (!has_taken(ret, m->v[i].payload_type) &&
			    sdp_ability_fits(&side->v[a], &m->v[i]))
				take(ret, a, &m->v[i]);
}

bool sdp_uses_clock(const struct sdp_side *side, const struct sdp_stream *s,
		    uint32_t clock_hz)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (side->v[s->v[i].ability].clock_hz == clock_hz)
			return true;
	return false;
}

struct sdp_events *sdp_events_of(struct sdp_stream *s, uint32_t clock_hz)
{
	for (uint32_t i = 0; i < s->event_count; i++)
		if (s->events[i].clock_hz == clock_hz)
			return &s->events[i];
	return NULL;
}

/* The number an event has now, or none. */
static bool is_event_in_use(const struct sdp_stream *now, const struct sdp_format *f)
{
	for (uint32_t i = 0; now != NULL && i < now->event_count; i++)
		if (now->events[i].clock_hz == f->clock_hz &&
		    now->events[i].payload_type == f->payload_type)
			return true;
	return false;
}

/* RFC 4733 2.5.1.1 (the clock of the audio); of two numbers the first, or the one in use. */
static void take_events(const struct sdp_media *m, const struct sdp_side *side,
			const struct sdp_stream *now, struct sdp_stream *ret)
{
	for (uint32_t i = 0; i < m->count; i++) {
		const struct sdp_format *f = &m->v[i];
		struct sdp_events e = {f->clock_hz, f->payload_type, f->payload_type}, *had;

		if (!sdp_is_event(f) || !sdp_uses_clock(side, ret, f->clock_hz))
			continue;
		had = sdp_events_of(ret, f->clock_hz);
		if (had == NULL && ret->event_count < SDP_EVENTS_MAX)
			ret->events[ret->event_count++] = e;
		else if (had != NULL && is_event_in_use(now, f))
			*had = e;
	}
}

/* Ours of those that the lines give for one of the payload types. */
uint32_t sdp_common_feedback(const struct sdp_media *m, const struct sdp_side *side,
			     const struct sdp_stream *s)
{
	struct str rest = side->feedback_count > 0 ? m->lines : (struct str){"", 0};
	struct str name, value;
	struct sdp_feedback f;
	uint32_t common = 0;

	while (sdp_next_attribute(&rest, &name, &value)) {
		if (!str_eq(name, STR("rtcp-fb")) || sdp_read_feedback(value, &f) != 0 ||
		    (!f.any && !has_taken(s, f.payload_type)))
			continue;
		for (uint32_t i = 0; i < side->feedback_count; i++)
			if (i < SDP_FEEDBACK_MAX && str_ieq(side->feedback[i], f.what))
				common |= 1u << i;
	}
	return common;
}

/* Not more in a packet than they take. */
uint32_t sdp_within(uint32_t ptime_ms, const struct sdp_media *m)
{
	uint32_t most = m->maxptime_ms - m->maxptime_ms % 10;

	return most >= 10 && most < ptime_ms ? most : ptime_ms;
}

static uint32_t ptime_of(const struct sdp_media *m, const struct sdp_side *side)
{
	if (sdp_ptime_is_ours(m->ptime_ms))
		return m->ptime_ms;
	return sdp_within(side->ptime_ms != 0 ? side->ptime_ms : SDP_PTIME_MS, m);
}

static enum sdp_fit choose_in(const struct sdp_media *m, const struct sdp_ask *ask,
			      const struct sdp_stream *now, struct sdp_stream *ret)
{
	const struct sdp_side *side = ask->side;

	if (!str_ieq(m->kind, ask->kind) || m->port == 0)
		return SDP_NO_MEDIA;
	if (!is_transport(side, m->transport))
		return SDP_NO_TRANSPORT;
	if (m->addr.family == ADDR_NONE || !(ask->families & SDP_FAMILY(m->addr.family)))
		return SDP_NO_ADDRESS;
	if (now != NULL)
		take_in_use(m, side, now, ret);
	if (side->our_order)
		take_by_ours(m, side, ret);
	else
		take_by_offer(m, side, ret);
	if (ret->count == 0)
		return SDP_NO_FORMAT;
	ret->transport = m->transport;
	if (ask->is_audio) {
		if (!side->no_dtmf)
			take_events(m, side, now, ret);
		ret->ptime_ms = ptime_of(m, side);
	}
	ret->rtcp_mux = side->rtcp_mux && sdp_may_mux(m, ret);
	ret->feedback = sdp_common_feedback(m, side, ret);
	sdp_send_to(m, ret);
	ret->direction = sdp_both(side->direction, ret->direction);
	return SDP_FITS;
}

void sdp_choose_stream(const struct sdp *offer, const struct sdp_ask *ask,
		       struct sdp_stream *ret)
{
	uint32_t used = ask->now != NULL && ask->now->fit == SDP_FITS ? ask->now->media
								      : offer->count;
	enum sdp_fit best = SDP_NO_MEDIA;

	if (ask->side == NULL) {
		*ret = (struct sdp_stream){.fit = SDP_NO_MEDIA};
		return;
	}
	/* the m= in use first, then in order */
	for (uint32_t i = 0; i <= offer->count; i++) {
		uint32_t at = i == 0 ? used : i - 1;
		enum sdp_fit fit;

		if (at >= offer->count || (i > 0 && at == used))
			continue;
		*ret = (struct sdp_stream){.media = at};
		fit = choose_in(&offer->media[at], ask, at == used ? ask->now : NULL, ret);
		if (fit == SDP_FITS) {
			ret->fit = fit;
			return;
		}
		best = fit > best ? fit : best;
	}
	*ret = (struct sdp_stream){.fit = best};
}

struct sdp_ask sdp_ask_audio(const struct sdp_terms *t)
{
	return (struct sdp_ask){.kind = STR("audio"),
				.is_audio = true,
				.side = t->audio,
				.families = t->families,
				.now = t->now != NULL ? &t->now->audio : NULL};
}

struct sdp_ask sdp_ask_video(const struct sdp_terms *t)
{
	return (struct sdp_ask){.kind = STR("video"),
				.side = t->video,
				.families = t->families,
				.now = t->now != NULL ? &t->now->video : NULL};
}

enum sdp_fit sdp_best_of(const struct sdp_agreement *a)
{
	if (a->audio.fit == SDP_FITS || a->video.fit == SDP_FITS)
		return SDP_FITS;
	return a->audio.fit > a->video.fit ? a->audio.fit : a->video.fit;
}

enum sdp_fit sdp_negotiate(const struct sdp *offer, const struct sdp_terms *t,
			   struct sdp_agreement *ret)
{
	struct sdp_ask audio = sdp_ask_audio(t), video = sdp_ask_video(t);

	sdp_choose_stream(offer, &audio, &ret->audio);
	sdp_choose_stream(offer, &video, &ret->video);
	return sdp_best_of(ret);
}
