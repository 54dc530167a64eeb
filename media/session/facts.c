/* facts.c - see facts.h */
#include "media/session/facts.h"

#include "media/session/voice.h"

static bool formats_are_sound(const struct session_facts *f)
{
	if (f->format_count > SESSION_FORMATS_MAX)
		return false;
	for (uint32_t i = 0; i < f->format_count; i++)
		if (f->formats[i].codec >= CODECS || f->formats[i].payload_type > 127)
			return false;
	return true;
}

bool session_facts_are_sound(const struct session_facts *f)
{
	return f->codec < CODECS && formats_are_sound(f) && f->terms.fec <= 1 && f->terms.dtx <= 1 && f->terms.cbr <= 1 && f->payload_type <= 127 && f->dtmf_payload_type <= 127 && f->ptime_ms >= SESSION_PTIME_MIN_MS &&
	       f->ptime_ms <= SESSION_PTIME_MAX_MS && f->ptime_ms % SESSION_PTIME_MIN_MS == 0;
}

/* hot */
bool facts_name_a_peer(const struct session_facts *f)
{
	return f->remote_rtp.family != ADDR_NONE && f->remote_rtp.port != 0 && !addr_is_any(&f->remote_rtp);
}

void facts_learn(struct session *s, uint64_t now_ns)
{
	if (s->in.latch.is_locked || !addr_is_private(&s->in.latch.sdp))
		return;
	latch_learn(&s->in.latch, true);
	s->r.learn_until_ns = now_ns + SESSION_LEARN_MS * 1000000ull;
}

/* Somebody else speaks from now on. Who held the call is still known when it comes back. */
static void change_peer(struct session *s, uint64_t now_ns)
{
	if (!facts_name_a_peer(&s->facts) || addr_eq(&s->facts.remote_rtp, &s->in.latch.sdp))
		return;
	latch_init(&s->in.latch, &s->facts.remote_rtp);
	if (s->tape != NULL)
		facts_learn(s, now_ns);
	s->sr_arrival_ns = 0;
	s->rtt_us = 0;
	s->remote_told_ns = 0;
	s->remote_voip = (struct xr_voip){0};
	s->asked_ns = 0;
}

int session_update(struct session *s, const struct session_facts *facts, uint32_t generation, uint64_t now_ns)
{
	struct session_facts before = s->facts;
	int err;

	if (generation == 0 || !session_facts_are_sound(facts))
		return ERR_INVAL;
	if (generation == s->r.generation)
		return 0;
	if (generation < s->r.generation)
		return ERR_STALE;
	if (session_needs_wide(facts) && s->wide == NULL)
		return ERR_NOSPC;
	s->facts = *facts;
	s->facts.ptime_ms = (uint8_t)codec_ptime(session_codec(s), facts->ptime_ms);
	err = voice_send(s, &before);
	if (err != 0) {
		s->facts = before;
		return err;
	}
	s->r.generation = generation;
	change_peer(s, now_ns);
	s->marker = true;
	s->in.heard_ns = s->in.alive_ns = now_ns; /* what it did until now is no silence of what was agreed on now */
	s->dirty = true;
	return 0;
}
