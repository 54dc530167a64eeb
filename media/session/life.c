/* life.c - see session.h: beginning, end, and take-over. */
#include "media/session/session.h"

#include "media/session/clock.h"
#include "media/session/events.h"
#include "media/session/facts.h"
#include "media/session/key.h"
#include "media/session/listen.h"
#include "media/session/mark.h"
#include "media/session/speech.h"
#include "media/session/timeline.h"
#include "media/session/utterance.h"
#include "media/session/voice.h"

static void prepare(struct session *s, const struct session_config *cfg, uint64_t now_ns)
{
	s->cfg = *cfg;
	if (cfg->late_ppm == 0)
		s->cfg.late_ppm = SESSION_LATE_PPM;
	s->in.heard_ns = s->in.alive_ns = s->audio_ns = now_ns;
	s->in.hot = s->hot + HOT_IN;
	s->marker = true;
	reorder_init(&s->in.reorder, cfg->reorder_ms_max);
	s->report_ns = now_ns + rtcp_interval_ms(s->r.name) / 2 * 1000000ull; /* it is random, too */
}

void session_open(struct session *s, const struct session_config *cfg, const struct session_facts *facts,
		  struct rand *rand, uint64_t now_ns)
{
	s->facts = facts != NULL ? *facts : (struct session_facts){.ptime_ms = SESSION_TICK_MS};
	s->r.ssrc = (uint32_t)rand_u64(rand);
	s->r.ts_base = (uint32_t)rand_u64(rand);
	s->r.name = rand_u64(rand);
	stream_open(&s->in, &s->facts.remote_rtp);
	prepare(s, cfg, now_ns);
	/* a random start (RFC 3550 5.1), below half so that early wraps do not meet SRTP's guess */
	s->r.seq_base = 1ull << 16 | (rand_u64(rand) & 0x7fff);
	session_hot_set(s, HOT_SEQ, s->r.seq_base);
	s->dirty = true;
}

static int set_tape(struct session *s, struct tape *tape)
{
	int err = s->r.ear == SESSION_PLAYOUT && s->listen == NULL ? ERR_NOSPC : voice_begin(s, tape);

	if (err != 0)
		return err;
	s->tape = tape;
	if (s->listen != NULL)
		listen_begin(s);
	return 0;
}

int session_start(struct session *s, struct tape *tape, uint64_t start_ns)
{
	int err = set_tape(s, tape);

	if (err != 0)
		return err;
	s->r.start_ns = start_ns;
	s->epoch = tape->epoch;
	/* nobody sends before the answer: the peer did not know where to */
	s->in.heard_ns = s->in.alive_ns = s->audio_ns = start_ns;
	facts_learn(s, start_ns);
	s->dirty = true;
	return 0;
}

void session_start_again(struct session *s, uint64_t now_ns)
{
	s->in.heard_ns = s->in.alive_ns = now_ns;
}

/* ---- take-over ---- */

int session_resume(struct session *s, const struct session_config *cfg, struct tape *tape, uint64_t now_ns)
{
	int err;

	if (tape == NULL ? s->r.start_ns != 0 : s->r.start_ns == 0 || s->r.rate_hz != tape->rate_hz)
		return ERR_CORRUPT;
	if (s->r.start_ns > now_ns + SESSION_TICK_NS)
		return ERR_CORRUPT;
	prepare(s, cfg, now_ns);
	stream_resume(&s->in, now_ns);
	xr_begin(&s->quality.runs, s->in.reorder.next);
	s->began = s->r.rx_anchored;
	s->dtmf.last_ns = now_ns;
	s->count.packets_sent = session_hot_get(s, HOT_SEQ) - s->r.seq_base;
	s->count.octets_sent = s->count.packets_sent * s->facts.ptime_ms * session_codec(s)->octets_per_ms;
	if (tape == NULL)
		return 0;
	err = set_tape(s, tape);
	if (err != 0)
		return err;
	s->epoch = tape->epoch;
	timeline_resume(s, now_ns);
	session_clock_restore(s);
	speech_resume(s);
	s->over = s->pos + 2 * s->facts.ptime_ms * (s->r.rate_hz / 1000u); /* of what left just now nobody knows how long it lasts */
	/* nobody has played the future */
	return s->tick * SESSION_TICK_NS > now_ns - s->r.start_ns + 2 * SESSION_TICK_NS ? ERR_CORRUPT : 0;
}

void session_close(struct session *s, struct session_events *ev)
{
	if (s->tape != NULL) { /* the last key before hanging up may wait behind a gap */
		reorder_flush(&s->in.reorder);
		session_late(s, UINT64_MAX, ev);
		key_expire(s, UINT64_MAX, ev);
	}
	if (s->said.id != 0)
		utterance_end(s, &s->said, "ended", ev);
	s->said.id = 0;
	mark_drop_all(s, "ended", ev);
}
