/* tick.c - what a session does every SESSION_TICK_MS. */
#include "media/session/clock.h"
#include "media/session/events.h"
#include "media/session/facts.h"
#include "media/session/key.h"
#include "media/session/listen.h"
#include "media/session/playout.h"
#include "media/session/speech.h"
#include "media/session/timeline.h"

static void watch_silence(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	uint64_t limit_ns = (s->in.count.packets_received > 0 ? s->cfg.timeout_ms : s->cfg.never_ms) * 1000000ull;

	/* a peer that holds the call may play music or be silent, and says nothing by either */
	if (!s->facts.receives || !s->facts.sends || !facts_name_a_peer(&s->facts))
		return;
	if (!s->r.stalled && now_ns > s->in.heard_ns + SESSION_STALL_MS * 1000000ull) {
		s->r.stalled = s->dirty = true;
		session_emit(ev, SESSION_STALLED)->pos = session_pos_at(s, now_ns);
	}
	if (limit_ns != 0 && now_ns > s->in.alive_ns + limit_ns) {
		s->in.alive_ns = now_ns; /* said once per timeout */
		session_emit(ev, SESSION_DEAD)->why = s->in.count.packets_received > 0 ? "neither RTP nor RTCP arrives" : "nothing ever arrived";
	}
}

static void watch_source(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	if (stream_widens(&s->in, now_ns))
		session_emit(ev, SESSION_UNLOCKED);
}

/* While nobody is believed, whoever speaks may be the one: a phone behind a NAT can be silent for long. */
static void end_learning(struct session *s, uint64_t now_ns)
{
	if (!s->in.latch.learns || !s->in.latch.is_locked || now_ns < s->r.learn_until_ns)
		return;
	latch_learn(&s->in.latch, false);
	s->dirty = true;
}

#define LACKS_MAX 4u
#define DRY_TICKS 5u /* so long what is missing is invented; then the talkspurt was over */

/* hot. One tick of what is heard in real time. */
static void listen_one(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	while (listen_lacks(s) > 0 && session_give_up(s, ev))
		;
	if (listen_lacks(s) > 0 && (s->listen->dry++ >= DRY_TICKS || s->dtmf.active || now_ns < s->dtmf_until_ns))
		listen_rest(s);
	for (uint32_t tries = 0; listen_lacks(s) > 0 && tries < LACKS_MAX; tries++) /* a resampler keeps some back */
		timeline_invent(s, listen_lacks(s), now_ns);
	listen_tick(s, now_ns);
}

/* hot */
void session_tick(struct session *s, uint64_t now_ns, struct session_packets *out, struct session_events *ev)
{
	uint64_t due;

	out->count = 0;
	session_later(s, out);
	if (s->tape == NULL || now_ns < s->r.start_ns)
		return;
	watch_silence(s, now_ns, ev);
	watch_source(s, now_ns, ev);
	end_learning(s, now_ns);
	session_late(s, now_ns, ev);
	key_expire(s, now_ns, ev);
	quality_tick(s, now_ns, ev);

	due = (now_ns - s->r.start_ns) / SESSION_TICK_NS + 1; /* ticks that should have been played by now */
	if (due > s->tick + SESSION_CATCH_UP) {
		playout_skip(s, due - s->tick - 1);
		s->audio_ns = now_ns; /* what came while nobody looked is still in the socket */
	}
	if (s->listen == NULL)
		timeline_idle(s, now_ns);
	while (s->tick < due) {
		out->hurry = s->tick + 1 < due;
		if (s->listen != NULL)
			listen_one(s, now_ns, ev);
		playout_tick(s, now_ns, out, ev);
	}
	speech_tick(s, ev);
}
