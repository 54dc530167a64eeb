/* quality.c - see quality.h */
#include "media/session/quality.h"

#include "media/session/events.h"

#define R_NARROW    93.2  /* G.107 with every value at its default */
#define R_WIDE      129.0 /* G.107.1 likewise */
#define R_WIDE_UNIT 1.29  /* of a scale that goes as far as G.107's (G.107.1 annex A) */
#define DELAY_KNEE  177.3 /* ms */
#define IE_MAX      95.0
#define KEPT_PERIODS 12u /* a steady call writes its record no more often: a minute of the totals may be lost with the process */

/* What a codec loses by itself, and how well it stands losses, which are concealed by us and supposed to be by the peer. Ie of G.711 and of
 * G.722 at 64 kbit/s: G.113 appendices I and IV. G.113 has no opus: the Ie of AMR-WB at 23.85 kbit/s stands for it. Bpl of G.711
 * (appendix I, with the concealment of G.711's own) is of a waveform substitution like ours, which is why it stands for all: of the others it is an
 * estimate. */
static const struct quality_codec {
	double ie, bpl;
	bool wide;
} codecs[CODECS] = {
	[CODEC_PCMU] = {0.0, 25.1, false},
	[CODEC_PCMA] = {0.0, 25.1, false},
	[CODEC_G722] = {13.0, 25.1, true},
	[CODEC_OPUS] = {8.0, 25.1, true},
	[CODEC_L16] = {0.0, 25.1, false},
	[CODEC_L16_16K] = {0.0, 25.1, true},
	[CODEC_L16_48K] = {0.0, 25.1, true},
};

/* Id with the default echo loss, as two straight lines (Cole and Rosenbluth, "Voice over IP performance monitoring", 2001). */
static double delay_impairment(double ms)
{
	return 0.024 * ms + (ms > DELAY_KNEE ? 0.11 * (ms - DELAY_KNEE) : 0.0);
}

/* Of a share of losses: how much longer their runs are than by chance (G.107 section 3.5). */
static double burst_ratio(const struct quality_way *w, double gone, double share)
{
	double ratio = w->bursts > 0 ? gone / w->bursts * (1.0 - share) : 1.0;

	return ratio > 1.0 ? ratio : 1.0;
}

/* Ie,eff */
static double loss_impairment(const struct quality_way *w, const struct quality_codec *codec)
{
	double gone = (double)w->lost + w->late, share, percent;

	if (gone > w->packets)
		gone = w->packets;
	share = gone / w->packets;
	percent = 100.0 * share;
	return codec->ie + (IE_MAX - codec->ie) * percent / (percent / burst_ratio(w, gone, share) + codec->bpl);
}

/* G.107 annex B */
static double mos_of(double r)
{
	double mos = r <= 0.0 ? 1.0 : r >= 100.0 ? 4.5 : 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6;

	return mos > 1.0 ? mos : 1.0; /* the curve dips below it */
}

double quality_rating(const struct quality_way *w, uint8_t codec)
{
	const struct quality_codec *c = &codecs[codec];
	double r = (c->wide ? R_WIDE : R_NARROW) - delay_impairment(w->delay_ms) - loss_impairment(w, c);

	return c->wide ? r / R_WIDE_UNIT : r;
}

uint32_t quality_mos(const struct quality_way *w, uint8_t codec)
{
	return w->packets > 0 ? (uint32_t)(100.0 * mos_of(quality_rating(w, codec)) + 0.5) : 0;
}

void quality_add(struct quality_total *t, const struct quality_way *w)
{
	if (w->mos_x100 == 0)
		return;
	if (t->periods == 0 || w->mos_x100 < t->least_x100)
		t->least_x100 = w->mos_x100;
	t->sum_x100 += w->mos_x100;
	t->periods++;
}

uint32_t quality_mean(const struct quality_total *t)
{
	return t->periods > 0 ? (uint32_t)((t->sum_x100 + t->periods / 2) / t->periods) : 0;
}

/* ---- of a session ---- */

static struct quality_base counted(const struct session *s)
{
	return (struct quality_base){
		.received = s->in.count.packets_received,
		.lost = s->in.seq.lost_before + seq_lost(&s->in.seq),
		.late = s->in.reorder.late + s->count.packets_late,
	};
}

static uint32_t grown(uint64_t now, uint64_t before) /* late ones are lost no more: fewer than before */
{
	return now > before ? (uint32_t)(now - before) : 0;
}

/* Half of the round trip, a packet's length, and a jitter buffer as long as is usual. */
static uint32_t delay_ms(const struct session *s, uint32_t jitter_us)
{
	return s->rtt_us / 2000u + s->facts.ptime_ms + 2 * (jitter_us / 1000u);
}

static void judge(const struct session *s, struct quality_way *w, uint8_t codec)
{
	w->delay_ms = delay_ms(s, w->jitter_us);
	w->mos_x100 = quality_mos(w, codec);
}

static uint32_t us_of(uint8_t codec, uint32_t ts)
{
	return (uint32_t)((uint64_t)ts * 1000000u / audio_codecs[codec].clock_hz);
}

static struct quality_way heard(const struct session *s, const struct quality_base *now)
{
	const struct quality_base *before = &s->quality.base;
	struct quality_way w = {
		.lost = grown(now->lost, before->lost),
		.late = grown(now->late, before->late),
		.bursts = s->quality.bursts,
		.jitter_us = us_of(s->hears, seq_jitter(&s->in.seq)),
	};

	w.packets = grown(now->received, before->received) + w.lost;
	judge(s, &w, s->hears);
	return w;
}

/* What the last report of the peer said, of as many packets as it counts fractions in. */
static struct quality_way said(const struct session *s, uint64_t now_ns)
{
	struct quality_way w = {.packets = 256, .lost = s->remote_fraction, .jitter_us = us_of(s->facts.codec, s->remote_jitter)};

	if (s->remote_told_ns == 0 || now_ns > s->remote_told_ns + QUALITY_FRESH_MS * 1000000ull)
		return (struct quality_way){.packets = 0};
	w.late = s->remote_voip.discard;
	judge(s, &w, s->facts.codec);
	return w;
}

static void begin_period(struct session *s, uint64_t now_ns, const struct quality_base *base)
{
	s->quality.base = *base;
	s->quality.bursts = 0;
	s->quality.next_ns = now_ns + QUALITY_PERIOD_MS * 1000000ull;
}

static void end_period(struct session *s, uint64_t now_ns, const struct quality_base *now, struct session_events *ev)
{
	s->quality.heard = heard(s, now);
	s->quality.said = said(s, now_ns);
	if (s->quality.heard.packets == 0 && s->quality.said.packets == 0)
		return; /* silence is told by SESSION_STALLED, and on hold it is none */
	quality_add(&s->quality_totals.heard, &s->quality.heard);
	quality_add(&s->quality_totals.said, &s->quality.said);
	if (++s->quality.unsaved == KEPT_PERIODS) {
		s->quality.unsaved = 0;
		s->dirty = true;
	}
	session_emit(ev, SESSION_QUALITY)->pos = s->pos;
}

void quality_tick(struct session *s, uint64_t now_ns, struct session_events *ev)
{
	struct quality_base now;

	if (now_ns < s->quality.next_ns)
		return;
	now = counted(s);
	if (s->quality.next_ns != 0)
		end_period(s, now_ns, &now, ev);
	begin_period(s, now_ns, &now);
}

/* ---- for the peer ---- */

static uint8_t share(uint64_t part, uint64_t of)
{
	uint64_t v = of > 0 ? part * 256 / of : 0;

	return v < UINT8_MAX ? (uint8_t)v : UINT8_MAX;
}

static uint8_t mos_x10(uint32_t mos_x100)
{
	return mos_x100 != 0 ? (uint8_t)((mos_x100 + 5) / 10) : XR_UNKNOWN;
}

/* Of the last period. */
static void put_scores(const struct session *s, struct xr_voip *ret)
{
	struct quality_way w = s->quality.heard;
	double r = w.packets > 0 ? quality_rating(&w, s->hears) : XR_UNKNOWN;

	ret->r_factor = (uint8_t)(r < 0.0 ? 0 : w.packets > 0 && r > 100.0 ? 100 : r + 0.5);
	ret->mos_cq = mos_x10(w.mos_x100);
	w.delay_ms = 0;
	ret->mos_lq = mos_x10(quality_mos(&w, s->hears));
}

bool quality_voip(const struct session *s, struct xr_voip *ret)
{
	uint64_t expected = seq_expected(&s->in.seq);
	uint32_t per_ms = s->r.rate_hz / 1000u, rtt_ms = s->rtt_us / 1000u;
	uint32_t packet_ms = s->packet_samples != 0 && per_ms != 0 ? s->packet_samples / per_ms : s->facts.ptime_ms;

	if (s->tape == NULL || expected == 0)
		return false;
	*ret = (struct xr_voip){
		.loss = share(seq_lost(&s->in.seq), expected),
		.discard = share(s->in.reorder.late + s->count.packets_late, expected),
		.round_trip_ms = (uint16_t)(rtt_ms < UINT16_MAX ? rtt_ms : UINT16_MAX),
		.end_system_ms = s->facts.ptime_ms, /* a packet of ours is filled; what comes is given on at once */
		.buffer_max_ms = (uint16_t)s->cfg.reorder_ms_max,
	};
	xr_measure(&s->quality.runs, s->in.reorder.next, packet_ms, ret);
	put_scores(s, ret);
	return true;
}
