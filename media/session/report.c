/* report.c - RTCP of a session: what it tells and what it is told. */
#include "common/base/buf.h"
#include "media/session/clock.h"
#include "media/session/facts.h"
#include "media/session/voice.h"

/* What it says of our stream, and which round trip that makes. */
static void take_report(struct session *s, const struct rtcp_news *news, uint64_t now_ns, uint64_t unix_ns)
{
	uint32_t rtt_us = 0;

	if (news->has_report) {
		rtt_us = rtcp_rtt_us(&s->asked, rtcp_ntp(unix_ns), news->lsr, news->dlsr);
		voice_expect_loss(s, news->fraction * 100u / 256u);
		s->remote_lost = news->lost > 0 ? (uint32_t)news->lost : 0;
		s->remote_jitter = news->jitter;
		s->remote_fraction = news->fraction;
		s->remote_told_ns = now_ns;
	}
	if (rtt_us == 0 && news->xr.has_answer)
		rtt_us = rtcp_rtt_us(&s->asked, rtcp_ntp(unix_ns), news->xr.lrr, news->xr.dlrr);
	s->rtt_us = rtt_us != 0 ? rtt_us : s->rtt_us;
	if (news->xr.has_voip)
		s->remote_voip = news->xr.voip;
}

/* Times of the peer that our next report answers. */
static void take_times(struct session *s, const struct rtcp_news *news, uint64_t now_ns)
{
	if (news->has_sr) {
		s->sr_middle = rtcp_ntp_middle(news->sr_ntp);
		s->sr_arrival_ns = now_ns;
	}
	if (news->xr.has_time) {
		s->asker = news->ssrc;
		s->asked_middle = rtcp_ntp_middle(news->xr.ntp);
		s->asked_ns = now_ns;
	}
}

/* What is under way of an SSRC that we gave up may come back for a while. */
static bool is_ours(const struct session *s, uint32_t ssrc, uint64_t now_ns)
{
	return ssrc == s->r.ssrc || (s->had_rival && ssrc == s->left_ssrc && now_ns < s->left_ns + SESSION_RIVAL_MS * 1000000ull);
}

bool session_receive_rtcp(struct session *s, const uint8_t *p, size_t n, uint64_t now_ns, uint64_t unix_ns)
{
	struct rtcp_news news;

	if (!rtp_is_rtcp(p, n) || rtcp_parse(p, n, s->r.ssrc, &news) != 0) {
		s->in.count.packets_malformed++;
		return false;
	}
	if (is_ours(s, news.ssrc, now_ns)) { /* one of ours that came back; a sender that has our number is found out by its RTP */
		s->in.count.packets_looped++;
		return false;
	}
	s->in.alive_ns = now_ns;
	take_times(s, &news, now_ns);
	take_report(s, &news, now_ns, unix_ns);
	return true;
}

static void give_up_ssrc(struct session *s, const struct addr *rival, uint64_t now_ns)
{
	s->rival = *rival;
	s->left_ssrc = s->r.ssrc;
	s->left_ns = now_ns;
	s->leaves = s->had_rival = true;
	s->left_packets = s->count.packets_sent;
	s->left_octets = s->count.octets_sent;
	s->r.ssrc = (uint32_t)((s->r.name ^ s->r.ssrc) * 0x9e3779b97f4a7c15u >> 32); /* the name is random */
	s->asked = (struct rtcp_asked){.next = 0};
	s->report_ns = now_ns;
	s->marker = s->dirty = true;
}

bool session_is_rival(struct session *s, uint32_t ssrc, const struct addr *from, uint64_t now_ns)
{
	if (!is_ours(s, ssrc, now_ns))
		return false;
	s->in.count.packets_looped++;
	if (ssrc == s->r.ssrc && !addr_eq(&s->rival, from))
		give_up_ssrc(s, from, now_ns);
	return true;
}

static size_t build(struct session *s, uint64_t now_ns, uint64_t unix_ns, bool bye, uint8_t out[RTCP_BYTES_MAX])
{
	uint64_t since_ns = s->sr_arrival_ns != 0 ? now_ns - s->sr_arrival_ns : 0;
	struct xr_voip voip;
	char name[17] = ""; /* RFC 7022 section 4.2: random, one for each session, the same over a take-over */
	struct buf b = buf_of(name, sizeof name - 1);
	struct rtcp_sender r = {
		.ssrc = s->r.ssrc,
		.has_sent = s->count.packets_sent > s->left_packets,
		.ntp = rtcp_ntp(unix_ns),
		/* the same instant on the media clock, not the timestamp of some packet */
		.rtp_ts = session_ts_at(s, session_pos_at(s, now_ns)),
		.packets = (uint32_t)(s->count.packets_sent - s->left_packets),
		.octets = (uint32_t)(s->count.octets_sent - s->left_octets),
		.cname = name,
		.seq = &s->in.seq,
		.lsr = s->sr_middle,
		.dlsr = s->sr_arrival_ns != 0 ? rtcp_dlsr(since_ns) : 0,
		.bye = bye,
		.left = s->leaves ? s->left_ssrc : 0,
		.asks = !bye,
		.asker = s->asker,
		.lrr = s->asked_ns != 0 ? s->asked_middle : 0,
		.dlrr = s->asked_ns != 0 ? rtcp_dlsr(now_ns - s->asked_ns) : 0,
		.voip = quality_voip(s, &voip) ? &voip : NULL,
	};

	buf_hex(&b, s->r.name, 16);
	s->leaves = false;
	rtcp_ask(&s->asked, r.ntp);
	return rtcp_build(&r, out);
}

size_t session_report(struct session *s, uint64_t now_ns, uint64_t unix_ns, uint64_t random, uint8_t out[RTCP_BYTES_MAX])
{
	if (s->tape == NULL || now_ns < s->report_ns || !facts_name_a_peer(&s->facts))
		return 0;
	s->report_ns = now_ns + rtcp_interval_ms(random) * 1000000ull;
	return build(s, now_ns, unix_ns, false, out);
}

size_t session_bye(struct session *s, uint64_t now_ns, uint64_t unix_ns, uint8_t out[RTCP_BYTES_MAX])
{
	return s->tape != NULL && facts_name_a_peer(&s->facts) ? build(s, now_ns, unix_ns, true, out) : 0;
}
