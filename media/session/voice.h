/* voice.h - the two codecs of a session, its resamplers and what both need. Private to this folder. */
#pragma once

#include "media/session/session.h"

/* Of the samples that are encoded, and of those that were decoded. */
uint32_t voice_sent_hz(const struct session *s);
uint32_t voice_heard_hz(const struct session *s);

/* What comes with this payload type: enum codec_id; CODECS: nothing that was negotiated. */
uint8_t voice_of_type(const struct session_facts *f, uint8_t payload_type);
bool voice_is_key(const struct session_facts *f, uint8_t payload_type);

/* Both from the beginning, to and from this tape. Also of a successor: what its predecessor's codecs knew is gone. ERR_NOMEM, ERR_NOSPC. */
MUST_USE int voice_begin(struct session *s, const struct tape *tape);
/* What is sent changes from `before` to the facts. ERR_NOMEM; nothing is changed then but the resampler. */
MUST_USE int voice_send(struct session *s, const struct session_facts *before);
/* hot. A packet of this codec is to be decoded. False: it can not. */
bool voice_hear(struct session *s, uint8_t codec);

/* What the peer says it lost of what we sent. */
void voice_expect_loss(struct session *s, uint32_t percent);

/* hot. Where samples wait for a full packet; where the packets of a tick are. */
static inline int16_t *voice_rest(struct session *s)
{
	return s->wide != NULL ? s->wide->rest : s->rest;
}

static inline uint8_t *voice_packet(struct session *s, uint32_t i)
{
	return s->wide != NULL ? s->wide->packet[i] : s->packet[i];
}

static inline void *voice_encoder(struct session *s)
{
	return s->wide != NULL ? s->wide->encoder : NULL;
}

static inline void *voice_decoder(struct session *s)
{
	return s->wide != NULL ? s->wide->decoder : NULL;
}
