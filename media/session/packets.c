/* packets.c - see packets.h.
 *
 * A tick is 20 ms. Packets of 20, 40 or 60 ms end with one, and leave with it. Of 10, 30 or 50 ms every other one ends with a tick and the
 * ones between in the middle of it: those that end with the tick leave half a tick later, so that all are equally far from each other. */
#include "media/session/packets.h"

#include <string.h>

#include "common/base/must.h"
#include "media/session/clock.h"
#include "media/session/events.h"
#include "media/session/facts.h"
#include "media/session/voice.h"

#define WIRE_TICK (SESSION_TICK_MS * CODEC_SAMPLES_PER_MS_MAX)
#define REST_MAX (SESSION_PTIME_MAX_MS * CODEC_SAMPLES_PER_MS_MAX)

_Static_assert(SESSION_PACKETS_MAX * SESSION_PTIME_MIN_MS >= SESSION_CATCH_UP * SESSION_TICK_MS + SESSION_PTIME_MAX_MS,
	       "all that one call can make has its packets, even when the packet time was shortened: less than the longest packet waits, and one "
	       "of before");

/* hot */
static uint32_t ticks_of(const struct session *s, uint32_t samples)
{
	return samples * (session_codec(s)->clock_hz / 1000u) / (voice_sent_hz(s) / 1000u);
}

/* hot */
static size_t encode(struct session *s, const int16_t *pcm, uint32_t n, uint8_t *payload)
{
	size_t cap = s->wide != NULL ? CODEC_OCTETS_MAX : SESSION_PACKET_MAX - RTP_HEADER_BYTES;

	return session_codec(s)->acts->encode(voice_encoder(s), pcm, n, payload, cap);
}

/* hot. Encode into `p`: octets of the packet; 0: silence that the codec leaves out. */
static size_t make_packet(struct session *s, const int16_t *pcm, uint32_t n, uint8_t *p)
{
	uint64_t seq = session_hot_get(s, HOT_SEQ);
	struct rtp_packet h = {
		.payload_type = s->facts.payload_type, .marker = s->marker, .seq = (uint16_t)seq, .ts = s->rest_ts, .ssrc = s->r.ssrc,
	};
	size_t octets = encode(s, pcm, n, p + RTP_HEADER_BYTES);

	s->rest_ts += ticks_of(s, n);
	s->marker = octets == 0;
	if (octets == 0)
		return 0;
	/* taken before it is used: a successor never sends this number again */
	session_hot_set(s, HOT_SEQ, seq + 1);
	rtp_header_write(p, &h);
	s->count.packets_sent++;
	s->count.octets_sent += octets;
	return RTP_HEADER_BYTES + octets;
}

/* hot */
static void add(const uint8_t *p, size_t n, struct session_packets *out)
{
	must(out->count < SESSION_PACKETS_MAX);
	out->p[out->count] = p;
	out->n[out->count++] = n;
}

/* hot */
static void send_now(struct session *s, const int16_t *pcm, uint32_t n, struct session_packets *out)
{
	uint8_t *p = voice_packet(s, out->count);
	size_t octets = make_packet(s, pcm, n, p);

	if (octets > 0)
		add(p, octets, out);
}

/* hot. In one of two places by turns: the last one may be on its way to the kernel. */
static void send_later(struct session *s, const int16_t *pcm, uint32_t n)
{
	uint8_t *p = voice_packet(s, SESSION_PACKETS_MAX + s->later_at);

	s->later_at = !s->later_at;
	s->later_n = make_packet(s, pcm, n, p);
	s->later = p;
}

/* hot */
void session_later(struct session *s, struct session_packets *out)
{
	if (s->later_n > 0 && s->facts.sends && facts_name_a_peer(&s->facts))
		add(s->later, s->later_n, out);
	s->later_n = 0;
}

/* hot. Cut samples into packets of ptime; what is left of them. */
static uint32_t cut_packets(struct session *s, const int16_t *pcm, uint32_t n, struct session_packets *out)
{
	uint32_t per_ms = voice_sent_hz(s) / 1000u, size = s->facts.ptime_ms * per_ms;
	bool between = s->facts.ptime_ms % SESSION_TICK_MS != 0 && !out->hurry;

	for (; n >= size; pcm += size, n -= size) {
		if (between && n - size < SESSION_TICK_MS / 2 * per_ms)
			send_later(s, pcm, size);
		else
			send_now(s, pcm, size, out);
	}
	if (n > 0)
		memcpy(voice_rest(s), pcm, n * sizeof *pcm);
	return n;
}

/* hot */
void packets_talk(struct session *s, const int16_t *pcm, uint32_t n, uint64_t pos, struct session_packets *out)
{
	int16_t wire[REST_MAX + WIRE_TICK];
	uint32_t made;

	if (s->rest_n == 0)
		s->rest_ts = session_ts_at(s, pos);
	memcpy(wire, voice_rest(s), s->rest_n * sizeof wire[0]);
	made = (uint32_t)resample_run(&s->down, pcm, n, wire + s->rest_n, WIRE_TICK);
	s->rest_n = cut_packets(s, wire, s->rest_n + made, out);
}

/* hot */
void packets_hush_rest(struct session *s, struct session_packets *out)
{
	if (s->rest_n > 0)
		send_now(s, voice_rest(s), s->rest_n, out);
	s->rest_n = 0;
}

/* hot */
void packets_hush(struct session *s, struct session_packets *out)
{
	packets_hush_rest(s, out);
	s->marker = true; /* RFC 3551 4.1: the first packet after silence */
}

/* hot */
uint32_t packets_heard_after(const struct session *s)
{
	uint32_t ptime = s->facts.ptime_ms, rest = s->rest_n / (voice_sent_hz(s) / 1000u), later = ptime % SESSION_TICK_MS != 0 ? SESSION_TICK_MS / 2 : 0;

	return ((rest > 0 ? ptime - rest : 0) + later + ptime) * (s->r.rate_hz / 1000u);
}
