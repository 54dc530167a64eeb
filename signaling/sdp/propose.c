/* propose.c - see negotiate.h: the text of an offer (RFC 3264 sections 5 and 8). */
#include "signaling/sdp/sdp_parts.h"

#define NOWHERE SDP_MEDIA_MAX

struct used { /* payload types of one m= */
	bool v[128];
};

static uint32_t static_type(const struct sdp_ability *a)
{
	static const struct {
		struct str name;
		uint32_t pt, clock_hz, channels;
	} rows[] = {
#define STATIC(pt, text, hz, ch) {{text, sizeof(text) - 1}, pt, hz, ch},
#include "signaling/sdp/static.def"
#undef STATIC
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (str_ieq(a->name, rows[i].name) && a->clock_hz == rows[i].clock_hz &&
		    (a->channels > 1 ? a->channels : 1) == rows[i].channels)
			return rows[i].pt;
	return UINT32_MAX;
}

static bool take_number(struct used *u, uint32_t pt, uint8_t *ret)
{
	if (pt > 127 || u->v[pt])
		return false;
	u->v[pt] = true;
	*ret = (uint8_t)pt;
	return true;
}

static bool take_free(struct used *u, uint8_t *ret)
{
	for (uint32_t pt = 96; pt < 128; pt++)
		if (pt != SDP_DTMF_TYPE && take_number(u, pt, ret))
			return true;
	return take_number(u, SDP_DTMF_TYPE, ret);
}

/* What the codec was called in `last`, so that a number never changes its meaning (RFC 3264
 * 8.3.2). `given` are the numbers of this offer. */
static bool take_former(const struct sdp_media *last, const struct sdp_ability *a,
			struct used *given, uint8_t *ret)
{
	for (uint32_t i = 0; last != NULL && i < last->count; i++)
		if (sdp_ability_fits(a, &last->v[i]) &&
		    take_number(given, last->v[i].payload_type, ret))
			return true;
	return false;
}

/* Numbers of `last` that are not taken again stay out of use. */
static struct used used_by(const struct sdp_media *last)
{
	struct used u = {0};

	for (uint32_t i = 0; last != NULL && i < last->count; i++)
		u.v[last->v[i].payload_type] = true;
	return u;
}

static bool number_codec(const struct sdp_media *last, const struct sdp_ability *a,
			 struct used *given, struct used *used, uint8_t *ret)
{
	if (take_former(last, a, given, ret)) {
		used->v[*ret] = true;
		return true;
	}
	return take_number(used,
			   a->payload_type >= 96 ? a->payload_type : static_type(a), ret) ||
	       take_free(used, ret);
}

static bool number_events(const struct sdp_media *last, struct used *used,
			  struct sdp_events *e)
{
	for (uint32_t i = 0; last != NULL && i < last->count; i++) {
		if (sdp_is_event(&last->v[i]) && last->v[i].clock_hz == e->clock_hz) {
			e->receives = last->v[i].payload_type;
			return true;
		}
	}
	return (e->clock_hz == 8000 && take_number(used, SDP_DTMF_TYPE, &e->receives)) ||
	       take_free(used, &e->receives);
}

static int add_events(const struct sdp_side *side, const struct sdp_media *last,
		      struct used *used, struct sdp_stream *s)
{
	for (uint32_t i = 0; i < side->count; i++) {
		struct sdp_events *e;

		if (sdp_events_of(s, side->v[i].clock_hz) != NULL ||
		    s->event_count == SDP_EVENTS_MAX)
			continue;
		e = &s->events[s->event_count++];
		e->clock_hz = side->v[i].clock_hz;
		if (!number_events(last, used, e))
			return ERR_RANGE;
	}
	return 0;
}

/* All that a side can, as a stream. */
static int whole_side(const struct sdp_ask *ask, const struct sdp_media *last,
		      struct sdp_stream *ret)
{
	const struct sdp_side *side = ask->side;
	struct used used = used_by(last), given = {0};

	*ret = (struct sdp_stream){
		.direction = side->direction,
		.ptime_ms = side->ptime_ms != 0 ? side->ptime_ms : SDP_PTIME_MS,
		.rtcp_mux = side->rtcp_mux,
		.feedback = UINT32_MAX,
	};
	for (uint32_t i = 0; i < side->count; i++) {
		struct sdp_codec_taken *c = &ret->v[ret->count++];

		c->ability = i;
		if (!number_codec(last, &side->v[i], &given, &used, &c->receives))
			return ERR_RANGE;
	}
	return ask->is_audio && !side->no_dtmf ? add_events(side, last, &used, ret) : 0;
}

static enum sdp_proto transport_of(const struct sdp_side *side)
{
	for (unsigned t = SDP_RTP_AVP; t < SDP_PROTOS; t++)
		if (side->transports & SDP_TRANSPORT(t))
			return (enum sdp_proto)t;
	return SDP_RTP_AVP;
}

static int put_side(struct buf *b, const struct sdp_ask *ask, const struct sdp_media *last,
		    const struct sdp_origin *o)
{
	struct sdp_stream s;
	struct sdp_printed p = {
		.kind = ask->kind,
		.proto = sdp_transport_name(transport_of(ask->side)),
		.is_audio = ask->is_audio,
		.is_offer = true,
		.side = ask->side,
		.s = &s,
		.session = &o->local,
	};
	int err = whole_side(ask, last, &s);

	if (err == 0)
		sdp_put_stream(b, &p);
	return err;
}

/* Where the stream stands: where it is, at a line of its kind, or at the end. */
static uint32_t place_of(const struct sdp_ask *ask, const struct sdp *last, uint32_t *count)
{
	uint32_t lines = last != NULL ? last->count : 0;

	if (ask->side == NULL)
		return NOWHERE;
	if (ask->now != NULL && ask->now->fit == SDP_FITS && ask->now->media < lines &&
	    str_ieq(last->media[ask->now->media].kind, ask->kind))
		return ask->now->media;
	for (uint32_t i = 0; i < lines; i++)
		if (str_ieq(last->media[i].kind, ask->kind))
			return i;
	return (*count)++;
}

static bool may_offer(const struct sdp_ask *ask)
{
	const struct sdp_side *side = ask->side;

	if (side == NULL)
		return true;
	if (!sdp_side_is_sound(side) ||
	    (side->ptime_ms != 0 && !sdp_ptime_is_ours(side->ptime_ms)))
		return false;
	for (uint32_t i = 0; i < side->count; i++)
		if (side->v[i].payload_type > 127 ||
		    (side->v[i].payload_type != 0 && side->v[i].payload_type < 96))
			return false;
	return true;
}

int sdp_propose(struct buf *b, const struct sdp_terms *t, const struct sdp *last,
		const struct sdp_origin *o)
{
	struct sdp_ask audio = sdp_ask_audio(t), video = sdp_ask_video(t);
	uint32_t lines = last != NULL ? last->count : 0, count = lines;
	uint32_t at_audio = place_of(&audio, last, &count);
	uint32_t at_video = place_of(&video, last, &count);
	int err = 0;

	if ((t->audio == NULL && t->video == NULL) || !may_offer(&audio) ||
	    !may_offer(&video))
		return ERR_INVAL;
	if (count > SDP_MEDIA_MAX)
		return ERR_RANGE;
	sdp_put_session(b, o, STR("0 0"));
	for (uint32_t i = 0; err == 0 && i < count; i++) {
		const struct sdp_media *m = i < lines ? &last->media[i] : NULL;

		if (i == at_audio)
			err = put_side(b, &audio, m, o);
		else if (i == at_video)
			err = put_side(b, &video, m, o);
		else
			sdp_put_rejected(b, m);
	}
	if (err != 0)
		return err;
	return buf_ok(b) ? 0 : ERR_NOSPC;
}
