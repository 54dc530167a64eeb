/* answer.c - see sdp.h: an offer of audio that our own media can speak, and its answer. */
#include "signaling/sdp/sdp_parts.h"

#include <string.h>

static struct sdp_side media_side(void)
{
	return (struct sdp_side){.v = sdp_codecs, .count = SDP_CODECS, .rtcp_mux = true};
}

/* As it is kept, so that what is in use can stay. */
struct sdp_stream sdp_stream_of(const struct sdp_choice *c)
{
	struct sdp_stream s = {
		.fit = SDP_FITS,
		.media = c->media,
		.v = {{.ability = c->codec,
		       .payload_type = c->payload_type,
		       .receives = sdp_receives(c)}},
		.count = 1,
		.ptime_ms = c->ptime_ms,
		.direction = (enum sdp_direction)c->direction,
		.rtcp_mux = c->rtcp_mux,
	};

	if (c->dtmf_payload_type != 0)
		s.events[s.event_count++] = (struct sdp_events){
			sdp_codecs[c->codec].clock_hz, c->dtmf_payload_type, sdp_receives_dtmf(c)};
	return s;
}

static uint8_t other(uint8_t ours, uint8_t theirs)
{
	return ours == theirs ? 0 : (uint8_t)(SDP_OTHER_TYPE | ours);
}

/* What may come beside the first: each with a number of its own. */
static void put_beside(const struct sdp_stream *s, struct sdp_choice *ret)
{
	for (uint32_t i = 1; i < s->count && ret->beside_count < SDP_BESIDE_MAX; i++)
		if (s->v[i].receives != s->v[0].receives)
			ret->beside[ret->beside_count++] = (struct sdp_beside){
				(uint8_t)s->v[i].ability, s->v[i].receives};
}

void sdp_choice_of(struct sdp_stream *s, struct sdp_choice *ret)
{
	/* RFC 4733 2.5.1.1: the clock of the audio */
	const struct sdp_events *e =
		sdp_events_of(s, sdp_codecs[s->v[0].ability].clock_hz);

	*ret = (struct sdp_choice){
		.media = s->media,
		.codec = s->v[0].ability,
		.payload_type = s->v[0].payload_type,
		.receives = other(s->v[0].receives, s->v[0].payload_type),
		.ptime_ms = s->ptime_ms,
		.rtp = s->rtp,
		.rtcp = s->rtcp,
		.direction = s->direction,
		.rtcp_mux = s->rtcp_mux,
	};
	put_beside(s, ret);
	if (s->v[0].fmtp.n > 0 && s->v[0].fmtp.n < sizeof ret->fmtp)
		memcpy(ret->fmtp, s->v[0].fmtp.p, s->v[0].fmtp.n);
	if (e != NULL) {
		ret->dtmf_payload_type = e->payload_type;
		ret->receives_dtmf = other(e->receives, e->payload_type);
	}
}

/* How many. */
static uint32_t take_abilities(const uint8_t *codecs, uint32_t count, struct sdp_ability v[SDP_CODECS])
{
	uint32_t n = 0;

	for (; n < count && n < SDP_CODECS && codecs[n] < SDP_CODECS; n++)
		v[n] = sdp_codecs[codecs[n]];
	return n;
}

/* Behind all of them when it is none. */
static uint32_t place_of(const uint8_t *codecs, uint32_t count, uint32_t codec)
{
	uint32_t i = 0;

	while (i < count && codecs[i] != codec)
		i++;
	return i;
}

enum sdp_fit sdp_choose(const struct sdp *offer, const struct sdp_wants *w,
			struct sdp_choice *ret)
{
	static const uint8_t usual[] = {SDP_PCMU, SDP_PCMA};
	const uint8_t *codecs = w->count > 0 ? w->codecs : usual;
	struct sdp_ability v[SDP_CODECS];
	struct sdp_side side = {.v = v, .direction = w->direction, .rtcp_mux = true};
	struct sdp_terms t = {.audio = &side, .families = w->families};
	struct sdp_ask ask = sdp_ask_audio(&t);
	struct sdp_stream now, s;

	side.count = take_abilities(codecs, w->count > 0 ? w->count : 2, v);
	if (w->now != NULL) {
		now = sdp_stream_of(w->now);
		now.v[0].ability = place_of(codecs, side.count, w->now->codec);
		ask.now = &now;
	}
	sdp_choose_stream(offer, &ask, &s);
	for (uint32_t i = 0; i < s.count; i++)
		s.v[i].ability = codecs[s.v[i].ability];
	if (s.fit == SDP_FITS)
		sdp_choice_of(&s, ret);
	return s.fit;
}

static bool offers(const struct sdp_media *m, const struct sdp_choice *c)
{
	for (uint32_t i = 0; i < m->count; i++)
		if (m->v[i].payload_type == c->payload_type &&
		    sdp_ability_fits(&sdp_codecs[c->codec], &m->v[i]))
			return true;
	return false;
}

static bool is_other(uint8_t receives)
{
	return receives == 0 || (receives & SDP_OTHER_TYPE) != 0;
}

bool sdp_extras_are_sound(const struct sdp_choice *c)
{
	if (c->beside_count > SDP_BESIDE_MAX || c->rtcp_mux > 1 || memchr(c->fmtp, '\0', sizeof c->fmtp) == NULL)
		return false;
	for (uint32_t i = 0; i < c->beside_count; i++)
		if (c->beside[i].codec >= SDP_CODECS || c->beside[i].payload_type > 127)
			return false;
	return true;
}

bool sdp_choice_is_sound(const struct sdp_choice *c, const struct sdp *offer)
{
	return c->media < offer->count && c->codec < SDP_CODECS && sdp_extras_are_sound(c) &&
	       offers(&offer->media[c->media], c) && c->dtmf_payload_type <= 127 &&
	       is_other(c->receives) && is_other(c->receives_dtmf) &&
	       sdp_ptime_is_ours(c->ptime_ms) && c->direction < SDP_DIRECTIONS &&
	       c->rtp.family != ADDR_NONE && c->rtp.family < ADDR_FAMILIES &&
	       c->rtcp.family == c->rtp.family;
}

int sdp_answer(struct buf *b, const struct sdp *offer, const struct sdp_choice *c,
	       const struct sdp_origin *o)
{
	struct sdp_side side = media_side();
	struct sdp_terms t = {.audio = &side};
	struct sdp_agreement a = {.audio = sdp_stream_of(c), .video.fit = SDP_NO_MEDIA};

	side.local = o->local;
	side.rtcp_port = o->rtcp_port;
	return sdp_put_reply(b, offer, &a, &t, o);
}
