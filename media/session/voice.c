/* voice.c - see voice.h */
#include "media/session/voice.h"

#include <string.h>

#include "common/base/must.h"
#include "media/session/clock.h"

#define JOIN_MS 5u /* what starts afresh is led into for so long */

bool session_needs_wide(const struct session_facts *f)
{
	bool needs = !codec_is_plain(&audio_codecs[f->codec]);

	for (uint32_t i = 0; i < f->format_count; i++)
		needs |= !codec_is_plain(&audio_codecs[f->formats[i].codec]);
	return needs;
}

uint32_t voice_sent_hz(const struct session *s)
{
	return codec_rate(session_codec(s), s->r.rate_hz);
}

uint32_t voice_heard_hz(const struct session *s)
{
	return codec_rate(session_hears(s), s->r.rate_hz);
}

/* hot */
uint8_t voice_of_type(const struct session_facts *f, uint8_t payload_type)
{
	if (payload_type == session_type_of(f->heard_type, f->payload_type))
		return f->codec;
	for (uint32_t i = 0; i < f->format_count; i++)
		if (f->formats[i].payload_type == payload_type)
			return f->formats[i].codec;
	return CODECS;
}

/* hot */
bool voice_is_key(const struct session_facts *f, uint8_t payload_type)
{
	uint8_t type = session_type_of(f->heard_dtmf_type, f->dtmf_payload_type);

	return type != 0 && payload_type == type;
}

static void reset_encoder(struct session *s)
{
	const struct codec_acts *a = session_codec(s)->acts;

	if (a->encoder_reset == NULL)
		return;
	must(a->encoder_bytes() <= sizeof s->wide->encoder);
	a->encoder_reset(s->wide->encoder, voice_sent_hz(s), &s->facts.terms);
}

static void reset_decoder(struct session *s)
{
	const struct codec_acts *a = session_hears(s)->acts;

	conceal_init(&s->conceal, a->conceal != NULL ? CONCEAL_RATE_HZ : voice_heard_hz(s), s->wide != NULL ? s->wide->conceal : NULL);
	if (a->decoder_reset == NULL)
		return;
	must(a->decoder_bytes() <= sizeof s->wide->decoder);
	a->decoder_reset(s->wide->decoder, voice_heard_hz(s));
}

static void join(struct session *s)
{
	s->joins = JOIN_MS * (s->r.rate_hz / 1000u);
}

int voice_begin(struct session *s, const struct tape *tape)
{
	int err;

	if (session_needs_wide(&s->facts) && s->wide == NULL)
		return ERR_NOSPC;
	s->hears = s->facts.codec;
	err = resample_reset(&s->up, codec_rate(session_hears(s), tape->rate_hz), tape->rate_hz);
	if (err == 0)
		err = resample_reset(&s->down, tape->rate_hz, codec_rate(session_codec(s), tape->rate_hz));
	if (err != 0)
		return err;
	s->r.rate_hz = tape->rate_hz;
	reset_encoder(s);
	reset_decoder(s);
	s->fades_in = session_codec(s)->acts->encoder_reset != NULL;
	if (session_hears(s)->acts->decoder_reset != NULL || voice_heard_hz(s) != s->r.rate_hz)
		join(s);
	return 0;
}

/* Timestamps go on where they are, at another clock: as if it had always been this one would be a leap. */
static void keep_timestamps(struct session *s, const struct session_facts *before)
{
	uint32_t was = audio_codecs[before->codec].clock_hz, is = session_codec(s)->clock_hz;

	s->r.ts_base += (uint32_t)(s->pos * was / s->r.rate_hz) - (uint32_t)(s->pos * is / s->r.rate_hz);
}

int voice_send(struct session *s, const struct session_facts *before)
{
	bool same = s->facts.codec == before->codec;
	int err;

	if (s->tape == NULL || (same && memcmp(&s->facts.terms, &before->terms, sizeof before->terms) == 0))
		return 0;
	if (voice_sent_hz(s) != codec_rate(&audio_codecs[before->codec], s->r.rate_hz)) {
		err = resample_reset(&s->down, s->r.rate_hz, voice_sent_hz(s));
		if (err != 0)
			return err;
		s->rest_n = 0;
		s->fades_in = true;
	}
	if (!same)
		keep_timestamps(s, before);
	s->fades_in |= session_codec(s)->acts->encoder_reset != NULL;
	reset_encoder(s);
	return 0;
}

/* Does this one go on with what the other one has left? Both laws of G.711 do. */
static bool is_seamless(const struct session *s, const struct audio_codec *to)
{
	const struct audio_codec *from = session_hears(s);

	return from->rate_hz == to->rate_hz && from->clock_hz == to->clock_hz && from->acts->decoder_reset == NULL &&
	       to->acts->decoder_reset == NULL;
}

/* hot */
bool voice_hear(struct session *s, uint8_t codec)
{
	const struct audio_codec *next = &audio_codecs[codec];

	if (codec == s->hears)
		return true;
	if (is_seamless(s, next)) {
		s->hears = codec;
		return true;
	}
	if (resample_reset(&s->up, codec_rate(next, s->r.rate_hz), s->r.rate_hz) != 0)
		return false;
	if (next->clock_hz != session_hears(s)->clock_hz)
		s->r.rx_anchored = 0; /* another clock: its timestamps say nothing about the last ones */
	s->hears = codec;
	s->packet_samples = s->lost_pending = 0;
	reset_decoder(s);
	join(s);
	return true;
}

void voice_expect_loss(struct session *s, uint32_t percent)
{
	const struct codec_acts *a = session_codec(s)->acts;

	if (a->expect_loss != NULL && s->tape != NULL && s->facts.terms.fec)
		a->expect_loss(s->wide->encoder, percent);
}
