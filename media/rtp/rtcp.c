/* rtcp.c - see rtcp.h */
#include "media/rtp/rtcp.h"

#include <string.h>

#include "common/base/wire.h"

#define NS_PER_S        1000000000ull
#define NTP_EPOCH_S     2208988800ull /* 1900 to 1970 */
#define VERSION         2u
#define HAS_PADDING     0x20u
#define COUNT_MASK      31u
#define HEADER_BYTES    4u
#define REPORT_BYTES    24u
#define SENDER_BYTES    20u /* of an SR, behind the SSRC */
#define SSRC_BYTES      4u
#define SDES_CNAME      1u
#define SDES_ITEM_BYTES 2u

_Static_assert(HEADER_BYTES + SSRC_BYTES + SENDER_BYTES + REPORT_BYTES + HEADER_BYTES +
			       SSRC_BYTES + SDES_ITEM_BYTES + RTCP_CNAME_MAX + 4 +
			       HEADER_BYTES + 2 * SSRC_BYTES + XR_BYTES_MAX <=
		       RTCP_BYTES_MAX,
	       "the largest compound fits");

static int32_t sign_24(uint32_t v)
{
	return v & 0x800000 ? (int32_t)(v | 0xff000000) : (int32_t)v;
}

/* `count` report blocks; the one about us is kept. */
static void take_reports(struct wire *w, unsigned count, uint32_t our_ssrc,
			 struct rtcp_news *news)
{
	for (unsigned i = 0; i < count; i++) {
		struct rtcp_news r = *news;
		uint32_t about = wire_u32(w);

		r.has_report = true;
		r.fraction = wire_u8(w);
		r.lost = sign_24(wire_u24(w));
		(void)wire_u32(w); /* highest sequence */
		r.jitter = wire_u32(w);
		r.lsr = wire_u32(w);
		r.dlsr = wire_u32(w);
		if (w->err == 0 && about == our_ssrc)
			*news = r;
	}
}

/* Chunks of SSRC and items, each padded with at least one zero to 32 bits (section 6.5).
 * Takes a copy of the cursor: one that can not be read costs only itself. */
static void take_sdes(struct wire w, unsigned count, struct rtcp_news *news)
{
	const uint8_t *start = w.p;

	for (unsigned i = 0; i < count && w.err == 0; i++) {
		uint32_t about = wire_u32(&w);
		uint8_t item;

		while ((item = wire_u8(&w)) != 0 && w.err == 0) {
			uint8_t n = wire_u8(&w);
			const uint8_t *text = wire_bytes(&w, n);

			if (text != NULL && item == SDES_CNAME && about == news->ssrc)
				news->cname = (struct str){(const char *)text, n};
		}
		(void)wire_bytes(&w, (size_t)(start - w.p) & 3);
	}
}

static void take_body(struct wire *w, uint8_t type, unsigned count, uint32_t our_ssrc,
		      struct rtcp_news *news)
{
	if (type == RTCP_SR) {
		news->ssrc = wire_u32(w);
		news->has_sr = true;
		news->sr_ntp = wire_u64(w);
		news->sr_rtp_ts = wire_u32(w);
		news->sr_packets = wire_u32(w);
		news->sr_octets = wire_u32(w);
		take_reports(w, count, our_ssrc, news);
	} else if (type == RTCP_RR) {
		news->ssrc = wire_u32(w);
		take_reports(w, count, our_ssrc, news);
	} else if (type == RTCP_SDES) {
		take_sdes(*w, count, news);
	} else if (type == RTCP_XR) {
		xr_take(*w, our_ssrc, &news->xr);
	} else if (type == RTCP_BYE) {
		for (unsigned i = 0; i < count; i++)
			if (wire_u32(w) == news->ssrc && w->err == 0)
				news->bye = true;
	}
}

/* What the last packet of a compound carries only to fill it up (section 6.4.1). */
static int strip_padding(const uint8_t *body, size_t *bytes)
{
	uint8_t pad = *bytes > 0 ? body[*bytes - 1] : 0;

	if (pad == 0 || pad > *bytes)
		return ERR_SYNTAX;
	*bytes -= pad;
	return 0;
}

int rtcp_parse(const uint8_t *p, size_t n, uint32_t our_ssrc, struct rtcp_news *ret)
{
	struct rtcp_news news = {.ssrc = 0};
	struct wire all = wire_of(p, n);
	unsigned packets = 0;

	do {
		uint8_t first = wire_u8(&all), type = wire_u8(&all);
		size_t bytes = (size_t)wire_u16(&all) * 4;
		const uint8_t *body = wire_bytes(&all, bytes);
		struct wire w;

		if (all.err != 0 || first >> 6 != VERSION ||
		    packets++ == RTCP_PACKETS_MAX)
			return ERR_SYNTAX;
		if (packets == 1 && type != RTCP_SR && type != RTCP_RR)
			return ERR_SYNTAX;
		if ((first & HAS_PADDING) != 0 &&
		    (wire_left(&all) > 0 || strip_padding(body, &bytes) != 0))
			return ERR_SYNTAX;
		w = wire_of(body, bytes);
		take_body(&w, type, first & COUNT_MASK, our_ssrc, &news);
		if (w.err != 0)
			return ERR_SYNTAX;
	} while (wire_left(&all) > 0);

	*ret = news;
	return 0;
}

/* `bytes`: of all that follows the header. */
static uint8_t *put_head(uint8_t *p, unsigned count, uint8_t type, size_t bytes)
{
	p[0] = (uint8_t)(VERSION << 6 | count);
	p[1] = type;
	wire_put_u16(p + 2, (uint16_t)(bytes / 4));
	return p + HEADER_BYTES;
}

static uint8_t *put_report(uint8_t *p, const struct rtcp_sender *s)
{
	uint32_t lost = (uint32_t)seq_lost_24(s->seq) & 0xffffff;

	wire_put_u32(p, s->seq->ssrc);
	wire_put_u32(p + 4, (uint32_t)seq_fraction(s->seq) << 24 | lost);
	wire_put_u32(p + 8, (uint32_t)(s->seq->highest - SEQ_CYCLE));
	wire_put_u32(p + 12, seq_jitter(s->seq));
	wire_put_u32(p + 16, s->lsr);
	wire_put_u32(p + 20, s->dlsr);
	return p + REPORT_BYTES;
}

static uint8_t *put_sdes(uint8_t *p, const struct rtcp_sender *s)
{
	size_t name = strnlen(s->cname, RTCP_CNAME_MAX);
	/* at least one zero ends the items, then zeros up to 32 bits */
	size_t chunk = (SSRC_BYTES + SDES_ITEM_BYTES + name + 1 + 3) & ~(size_t)3;

	p = put_head(p, 1, RTCP_SDES, chunk);
	memset(p, 0, chunk);
	wire_put_u32(p, s->ssrc);
	p[4] = SDES_CNAME;
	p[5] = (uint8_t)name;
	memcpy(p + 6, s->cname, name);
	return p + chunk;
}

static uint8_t *put_xr(uint8_t *p, const struct rtcp_sender *s)
{
	return p + xr_put(&(struct xr_sender){
		.ssrc = s->ssrc, .about = s->seq != NULL ? s->seq->ssrc : 0, .asks = s->asks && !s->has_sent, .ntp = s->ntp,
		.asker = s->asker, .lrr = s->lrr, .dlrr = s->dlrr, .voip = s->voip,
	}, p);
}

/* Those that are no longer ours. */
static uint8_t *put_bye(uint8_t *p, const struct rtcp_sender *s)
{
	unsigned count = (s->left != 0 ? 1u : 0u) + s->bye;

	if (count == 0)
		return p;
	p = put_head(p, count, RTCP_BYE, count * SSRC_BYTES);
	if (s->left != 0) {
		wire_put_u32(p, s->left);
		p += SSRC_BYTES;
	}
	if (s->bye) {
		wire_put_u32(p, s->ssrc);
		p += SSRC_BYTES;
	}
	return p;
}

size_t rtcp_build(const struct rtcp_sender *s, uint8_t out[RTCP_BYTES_MAX])
{
	bool report = s->seq != NULL && s->seq->started;
	size_t bytes = SSRC_BYTES + (s->has_sent ? SENDER_BYTES : 0) +
		       (report ? REPORT_BYTES : 0);
	uint8_t *p = put_head(out, report, s->has_sent ? RTCP_SR : RTCP_RR, bytes);

	wire_put_u32(p, s->ssrc);
	p += SSRC_BYTES;
	if (s->has_sent) {
		wire_put_u64(p, s->ntp);
		wire_put_u32(p + 8, s->rtp_ts);
		wire_put_u32(p + 12, s->packets);
		wire_put_u32(p + 16, s->octets);
		p += SENDER_BYTES;
	}
	if (report)
		p = put_report(p, s);
	p = put_sdes(p, s);
	p = put_xr(p, s);
	p = put_bye(p, s);
	return (size_t)(p - out);
}

uint64_t rtcp_ntp(uint64_t unix_ns)
{
	uint64_t s = unix_ns / NS_PER_S + NTP_EPOCH_S;
	uint64_t fraction = (unix_ns % NS_PER_S << 32) / NS_PER_S;

	return s << 32 | fraction;
}

uint32_t rtcp_ntp_middle(uint64_t ntp)
{
	return (uint32_t)(ntp >> 16);
}

uint32_t rtcp_dlsr(uint64_t since_sr_ns)
{
	if (since_sr_ns >> 16 >= NS_PER_S) /* 18 hours */
		return UINT32_MAX;
	return (uint32_t)((since_sr_ns << 16) / NS_PER_S);
}

uint32_t rtcp_rtp_ts(uint32_t ts, uint64_t elapsed_ns, uint32_t clock_hz)
{
	uint64_t whole = elapsed_ns / NS_PER_S * clock_hz;

	return ts + (uint32_t)(whole + elapsed_ns % NS_PER_S * clock_hz / NS_PER_S);
}

void rtcp_ask(struct rtcp_asked *a, uint64_t ntp)
{
	a->middle[a->next % RTCP_ASKED] = rtcp_ntp_middle(ntp);
	a->next++;
}

static bool was_asked(const struct rtcp_asked *a, uint32_t lsr)
{
	for (uint32_t i = 0; i < RTCP_ASKED; i++)
		if (lsr != 0 && a->middle[i] == lsr)
			return true;
	return false;
}

uint32_t rtcp_rtt_us(const struct rtcp_asked *a, uint64_t now_ntp, uint32_t lsr, uint32_t dlsr)
{
	uint32_t rtt = rtcp_ntp_middle(now_ntp) - lsr - dlsr; /* 1/65536 s; before we asked it is enormous */

	if (!was_asked(a, lsr) || rtt > RTCP_RTT_MAX_S << 16)
		return 0;
	return (uint32_t)((uint64_t)rtt * 1000000u >> 16);
}

uint32_t rtcp_interval_ms(uint64_t random)
{
	return RTCP_INTERVAL_MS / 2 + (uint32_t)(random % RTCP_INTERVAL_MS);
}
