/* facts.c - see sdp_parts.h: codecs, directions and addresses as both sides of an exchange
 * read them. */
#include "signaling/sdp/sdp_parts.h"

#define PTIME_MAX_MS 60u

const struct sdp_codec_row sdp_codecs[SDP_CODECS] = {
#define CODEC(id, text, hz, pt) [SDP_##id] = {{text, sizeof(text) - 1}, hz, pt},
#include "signaling/sdp/codec.def"
#undef CODEC
};

bool sdp_is_event(const struct sdp_format *f)
{
	return str_ieq(f->name, STR("telephone-event")) && f->clock_hz == 8000 &&
	       f->channels == 1;
}

bool sdp_codec_of(const struct sdp_format *f, uint32_t *ret)
{
	for (uint32_t i = 0; i < SDP_CODECS; i++) {
		if (str_ieq(f->name, sdp_codecs[i].name) &&
		    f->clock_hz == sdp_codecs[i].clock_hz && f->channels == 1) {
			*ret = i;
			return true;
		}
	}
	return false;
}

bool sdp_ptime_is_ours(uint32_t ms)
{
	return ms >= 10 && ms <= PTIME_MAX_MS && ms % 10 == 0;
}

enum sdp_direction sdp_mirror(enum sdp_direction d)
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

void sdp_send_to(const struct sdp_media *m, struct sdp_choice *ret)
{
	bool held = addr_is_any(&m->addr);

	ret->rtp = ret->rtcp = m->addr;
	ret->rtp.port = m->port;
	if (m->rtcp.family == m->addr.family && !held)
		ret->rtcp = m->rtcp;
	ret->rtcp.port = m->rtcp.port != 0 ? m->rtcp.port : (uint16_t)(m->port + 1);
	ret->direction = sdp_mirror(m->direction);
	if (held)
		ret->direction = without_sending((enum sdp_direction)ret->direction);
}
