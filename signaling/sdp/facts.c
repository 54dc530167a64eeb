/* facts.c - see sdp_parts.h: directions, addresses and codecs as both sides of an exchange
 * read them. */
#include "signaling/sdp/sdp_parts.h"

#define PTIME_MAX_MS 60u

const struct sdp_ability sdp_codecs[SDP_CODECS] = {
#define CODEC(id, text, hz, ch, ours)                                                    \
	[SDP_##id] = {.name = {text, sizeof(text) - 1},                                  \
		      .clock_hz = hz,                                                    \
		      .channels = ch,                                                    \
		      .fmtp = {ours, sizeof(ours) - 1}},
#include "signaling/sdp/codec.def"
#undef CODEC
};

bool sdp_is_event(const struct sdp_format *f)
{
	return str_ieq(f->name, STR("telephone-event")) && f->channels == 1;
}

bool sdp_ptime_is_ours(uint32_t ms)
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

static bool sends(enum sdp_direction d)
{
	return d == SDP_SENDRECV || d == SDP_SENDONLY;
}

static bool receives(enum sdp_direction d)
{
	return d == SDP_SENDRECV || d == SDP_RECVONLY;
}

enum sdp_direction sdp_both(enum sdp_direction a, enum sdp_direction b)
{
	bool receive = receives(a) && receives(b);

	if (sends(a) && sends(b))
		return receive ? SDP_SENDRECV : SDP_SENDONLY;
	return receive ? SDP_RECVONLY : SDP_INACTIVE;
}

static bool looks_like_rtcp(uint8_t payload_type)
{
	return payload_type >= 64 && payload_type <= 95;
}

bool sdp_may_mux(const struct sdp_media *m, const struct sdp_stream *s)
{
	struct str flag;

	for (uint32_t i = 0; i < s->count; i++)
		if (looks_like_rtcp(s->v[i].payload_type) || looks_like_rtcp(s->v[i].receives))
			return false;
	for (uint32_t i = 0; i < s->event_count; i++)
		if (looks_like_rtcp(s->events[i].payload_type) || looks_like_rtcp(s->events[i].receives))
			return false;
	return sdp_attribute(m->lines, STR("rtcp-mux"), &flag);
}

void sdp_send_to(const struct sdp_media *m, struct sdp_stream *ret)
{
	bool held = addr_is_any(&m->addr);

	ret->rtp = ret->rtcp = m->addr;
	ret->rtp.port = m->port;
	if (m->rtcp.family == m->addr.family && !held)
		ret->rtcp = m->rtcp;
	ret->rtcp.port = m->rtcp.port != 0 ? m->rtcp.port : (uint16_t)(m->port + 1);
	if (ret->rtcp_mux)
		ret->rtcp = ret->rtp; /* RFC 5761 5.1.1 */
	ret->direction = mirror(m->direction);
	/* RFC 3264 8.4: c=0.0.0.0 puts us on hold, and neither RTP nor RTCP is sent. */
	if (held)
		ret->direction = sdp_both(ret->direction, SDP_RECVONLY);
}
