/* rx.c - see rx.h */
#include "media/daemon/rx.h"

#include "common/base/clock.h"
#include "media/daemon/bells.h"
#include "media/daemon/sessions.h"

/* From where the SDP says, or from the address the audio comes from. The port is the peer's choice (RFC 3550 section 11). */
static bool take_rtcp(struct media *m, struct media_session *ms, const struct loop_event *e)
{
	bool known = !e->has_from || addr_ip_eq(&e->from, &ms->s.facts.remote_rtcp) ||
		     addr_ip_eq(&e->from, latch_remote(&ms->s.in.latch));

	count(m, STAT_media_rtcp_received, 1);
	ms->s.in.count.packets_rejected += !known;
	return known && session_receive_rtcp(&ms->s, e->p, e->n, m->actor->now_ns, clock_unix_ns());
}

/* May this session answer once more in this second? */
static bool takes_stun(const struct media *m, struct media_session *ms)
{
	uint64_t s = m->actor->now_ms / 1000u;

	if (s != ms->stun_s)
		ms->stun_answers = 0;
	ms->stun_s = s;
	return ms->stun_answers++ < MEDIA_STUN_PER_S;
}

/* Whoever asks is told from where, and believed no more than before. */
static void answer_stun(struct media *m, struct media_session *ms, uint32_t loop_slot, const struct loop_event *e)
{
	const struct addr *from = e->has_from ? &e->from : latch_remote(&ms->s.in.latch);
	uint8_t *out = m->stun[m->stun_next % MEDIA_STUN_ANSWERS];
	size_t n = takes_stun(m, ms) && sessions_may_send_to(m, from) ? stun_answer(e->p, e->n, from, out) : 0;

	if (n == 0 || loop_send(m->actor->loop, loop_slot, e->has_from ? from : NULL, out, n) != 0) {
		count(m, STAT_media_stun_dropped, 1);
		return;
	}
	count(m, STAT_media_stun_answered, 1);
	if (++m->stun_next % MEDIA_STUN_ANSWERS == 0)
		loop_flush(m->actor->loop);
}

/* hot */
void rx_rtp(struct media *m, uint32_t slot, const struct loop_event *e)
{
	struct media_session *ms = media_slot(m, slot);

	if (ms == NULL)
		return;
	if (stun_is(e->p, e->n)) {
		answer_stun(m, ms, ms->rtp_slot, e);
		return;
	}
	if (rtp_is_rtcp(e->p, e->n)) { /* RFC 5761, or a peer that multiplexes without having been asked */
		(void)take_rtcp(m, ms, e);
		return;
	}
	count(m, STAT_media_rtp_received, 1);
	session_receive(&ms->s, &(struct session_datagram){e->p, e->n, e->has_from ? &e->from : NULL}, m->actor->now_ns,
			&m->events);
	bells_look(m, ms);
	if (m->events.n > 0)
		sessions_news(m, ms);
	if (ms->s.dirty)
		sessions_save(m, ms);
}

void rx_rtcp(struct media *m, uint32_t slot, const struct loop_event *e)
{
	struct media_session *ms = media_slot(m, slot);

	if (ms != NULL && stun_is(e->p, e->n)) {
		answer_stun(m, ms, ms->rtcp_slot, e);
		return;
	}
	/* a peer behind a NAT gets its reports where its own come from (RFC 4961) */
	if (ms != NULL && take_rtcp(m, ms, e) && ms->s.in.latch.is_locked && e->has_from &&
	    addr_ip_eq(&e->from, &ms->s.in.latch.locked))
		sessions_report_to(m, ms, &e->from);
}
