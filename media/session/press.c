/* press.c - see press.h. Where a key is follows from the position alone, so a successor goes on with the same one. */
#include "media/session/press.h"

#include "common/base/must.h"
#include "media/session/clock.h"
#include "media/session/events.h"
#include "media/session/voice.h"

#define VOLUME 10u
#define ENDS   3u /* RFC 4733 2.5.1.4: the last packet is said three times; each in a tick of its own, so that one gap does not swallow all */

int session_press(struct session *s, uint64_t token, char digit, uint32_t duration_ms)
{
	uint8_t event;

	if (token == 0 || duration_ms == 0 || duration_ms > SESSION_PRESS_MAX_MS || dtmf_event(digit, &event) != 0)
		return ERR_INVAL;
	if (s->press.token == token)
		return s->press.down ? 0 : ERR_EXIST;
	if (s->press.down)
		return ERR_AGAIN;
	if (s->facts.dtmf_payload_type == 0)
		return ERR_UNSUPPORTED;
	s->press = (struct session_press){.token = token, .pos = s->pos, .duration_ms = duration_ms, .event = event, .down = 1};
	s->dirty = true;
	return 0;
}

bool press_is_down(const struct session *s)
{
	return s->press.down != 0;
}

static void send_event(struct session *s, uint32_t duration, bool end, struct session_packets *out)
{
	uint64_t seq = session_hot_get(s, HOT_SEQ);
	uint8_t *p = voice_packet(s, out->count);
	struct rtp_packet h = {.payload_type = s->facts.dtmf_payload_type, .seq = (uint16_t)seq, .ssrc = s->r.ssrc};

	must(out->count < SESSION_PACKETS_MAX);
	h.marker = s->marker;
	h.ts = session_ts_at(s, s->press.pos);
	session_hot_set(s, HOT_SEQ, seq + 1);
	rtp_header_write(p, &h);
	dtmf_write(p + RTP_HEADER_BYTES, &(struct dtmf_payload){.event = s->press.event, .end = end, .volume = VOLUME,
							       .duration = (uint16_t)(duration < UINT16_MAX ? duration : UINT16_MAX)});
	out->p[out->count] = p;
	out->n[out->count++] = RTP_HEADER_BYTES + DTMF_PAYLOAD_BYTES;
	s->marker = false;
	s->count.packets_sent++;
	s->count.octets_sent += DTMF_PAYLOAD_BYTES;
}

void press_tick(struct session *s, uint64_t pos, struct session_packets *out, struct session_events *ev)
{
	uint64_t samples = pos + session_tick_samples(s) - s->press.pos, most = (uint64_t)s->press.duration_ms * s->r.rate_hz / 1000u;
	bool released = samples >= most, sends = s->facts.sends && s->facts.dtmf_payload_type != 0;
	uint32_t duration = (uint32_t)((released ? most : samples) * session_codec(s)->clock_hz / s->r.rate_hz);

	s->marker = pos == s->press.pos;
	if (sends)
		send_event(s, duration, released, out);
	if (samples < most + (ENDS - 1) * session_tick_samples(s))
		return;
	s->press.down = 0;
	s->marker = true; /* of what is said next */
	s->dirty = true;
	session_emit(ev, SESSION_PRESSED)->token = s->press.token;
}
