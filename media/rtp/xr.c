/* xr.c - see xr.h */
#include "media/rtp/xr.h"

#define FIRST_OCTET  (2u << 6)
#define HEADER_BYTES 4u
#define BLOCK_TIME   4u
#define BLOCK_ANSWER 5u
#define BLOCK_VOIP   7u
#define TIME_BYTES   8u
#define ANSWER_BYTES 12u
#define VOIP_BYTES   32u
#define WE_CONCEAL   (2u << 6) /* RX config: enhanced concealment; the buffer's kind is not said */
#define BLOCKS_MAX   32u       /* that are looked at in one packet */

_Static_assert(HEADER_BYTES + 4 + HEADER_BYTES + TIME_BYTES + HEADER_BYTES + ANSWER_BYTES + HEADER_BYTES + VOIP_BYTES <= XR_BYTES_MAX,
	       "all blocks fit");

/* ---- in ---- */

static void take_answers(struct wire *w, uint32_t our_ssrc, struct xr_news *news)
{
	while (wire_left(w) >= ANSWER_BYTES) {
		uint32_t about = wire_u32(w), lrr = wire_u32(w), dlrr = wire_u32(w);

		if (about != our_ssrc)
			continue;
		news->has_answer = true;
		news->lrr = lrr;
		news->dlrr = dlrr;
	}
}

static void take_voip(struct wire *w, uint32_t our_ssrc, struct xr_news *news)
{
	struct xr_voip v = {.loss = 0};
	uint32_t about = wire_u32(w);

	v.loss = wire_u8(w);
	v.discard = wire_u8(w);
	v.burst_density = wire_u8(w);
	v.gap_density = wire_u8(w);
	v.burst_ms = wire_u16(w);
	v.gap_ms = wire_u16(w);
	v.round_trip_ms = wire_u16(w);
	v.end_system_ms = wire_u16(w);
	(void)wire_u32(w); /* levels of signal, noise and echo, Gmin */
	v.r_factor = wire_u8(w);
	(void)wire_u8(w); /* of networks beside this one */
	v.mos_lq = wire_u8(w);
	v.mos_cq = wire_u8(w);
	(void)wire_u16(w); /* RX config */
	v.buffer_ms = wire_u16(w);
	v.buffer_max_ms = wire_u16(w);
	if (about != our_ssrc)
		return;
	news->has_voip = true;
	news->voip = v;
}

static void take_block(struct wire *w, uint8_t type, uint32_t our_ssrc, struct xr_news *news)
{
	if (type == BLOCK_TIME && wire_left(w) == TIME_BYTES) {
		news->has_time = true;
		news->ntp = wire_u64(w);
	} else if (type == BLOCK_ANSWER) {
		take_answers(w, our_ssrc, news);
	} else if (type == BLOCK_VOIP && wire_left(w) == VOIP_BYTES) {
		take_voip(w, our_ssrc, news);
	}
}

void xr_take(struct wire w, uint32_t our_ssrc, struct xr_news *news)
{
	(void)wire_u32(&w); /* of the sender: that of the compound */
	for (unsigned i = 0; i < BLOCKS_MAX && w.err == 0 && wire_left(&w) > 0; i++) {
		uint8_t type = wire_u8(&w);
		size_t bytes;
		const uint8_t *body;
		struct wire block;

		(void)wire_u8(&w);
		bytes = (size_t)wire_u16(&w) * 4;
		body = wire_bytes(&w, bytes);
		if (body == NULL)
			return;
		block = wire_of(body, bytes);
		take_block(&block, type, our_ssrc, news);
	}
}

/* ---- out ---- */

static uint8_t *put_head(uint8_t *p, uint8_t first, uint8_t second, size_t bytes)
{
	p[0] = first;
	p[1] = second;
	wire_put_u16(p + 2, (uint16_t)(bytes / 4));
	return p + HEADER_BYTES;
}

static uint8_t *put_time(uint8_t *p, uint64_t ntp)
{
	p = put_head(p, BLOCK_TIME, 0, TIME_BYTES);
	wire_put_u64(p, ntp);
	return p + TIME_BYTES;
}

static uint8_t *put_answer(uint8_t *p, const struct xr_sender *s)
{
	p = put_head(p, BLOCK_ANSWER, 0, ANSWER_BYTES);
	wire_put_u32(p, s->asker);
	wire_put_u32(p + 4, s->lrr);
	wire_put_u32(p + 8, s->dlrr);
	return p + ANSWER_BYTES;
}

static uint8_t *put_voip(uint8_t *p, uint32_t about, const struct xr_voip *v)
{
	p = put_head(p, BLOCK_VOIP, 0, VOIP_BYTES);
	wire_put_u32(p, about);
	p[4] = v->loss;
	p[5] = v->discard;
	p[6] = v->burst_density;
	p[7] = v->gap_density;
	wire_put_u16(p + 8, v->burst_ms);
	wire_put_u16(p + 10, v->gap_ms);
	wire_put_u16(p + 12, v->round_trip_ms);
	wire_put_u16(p + 14, v->end_system_ms);
	p[16] = p[17] = p[18] = XR_UNKNOWN; /* signal, noise, echo */
	p[19] = XR_GMIN;
	p[20] = v->r_factor;
	p[21] = XR_UNKNOWN;
	p[22] = v->mos_lq;
	p[23] = v->mos_cq;
	p[24] = WE_CONCEAL;
	p[25] = 0;
	wire_put_u16(p + 26, v->buffer_ms);
	wire_put_u16(p + 28, v->buffer_max_ms);
	wire_put_u16(p + 30, v->buffer_max_ms);
	return p + VOIP_BYTES;
}

size_t xr_put(const struct xr_sender *s, uint8_t out[XR_BYTES_MAX])
{
	uint8_t *begin = out + HEADER_BYTES + 4, *p = begin;

	if (s->asks)
		p = put_time(p, s->ntp);
	if (s->lrr != 0)
		p = put_answer(p, s);
	if (s->voip != NULL)
		p = put_voip(p, s->about, s->voip);
	if (p == begin)
		return 0;
	(void)put_head(out, FIRST_OCTET, XR_TYPE, (size_t)(p - out) - HEADER_BYTES);
	wire_put_u32(out + HEADER_BYTES, s->ssrc);
	return (size_t)(p - out);
}

/* ---- bursts ---- */

static void close_burst(struct xr_bursts *b)
{
	if (b->gone >= 2) {
		b->bursts++;
		b->burst_packets += b->open;
		b->burst_gone += b->gone;
	} else {
		b->gap_packets += b->open;
		b->gap_gone += b->gone;
	}
	b->open = b->gone = 0;
}

void xr_begin(struct xr_bursts *b, uint64_t first)
{
	*b = (struct xr_bursts){.next = first};
}

/* Packets that came since the last one that is gone. */
static uint64_t run_to(const struct xr_bursts *b, uint64_t number)
{
	return number > b->next ? number - b->next : 0;
}

void xr_gone(struct xr_bursts *b, uint64_t first, uint32_t packets)
{
	uint64_t run = run_to(b, first);

	if (run >= XR_GMIN || b->open == 0) {
		close_burst(b);
		b->gap_packets += run;
	} else {
		b->open += (uint32_t)run;
	}
	b->next = first + packets;
	b->open += packets;
	b->gone += packets;
}

static uint8_t share(uint64_t part, uint64_t of)
{
	uint64_t v = of > 0 ? part * 256 / of : 0;

	return v < UINT8_MAX ? (uint8_t)v : UINT8_MAX;
}

static uint16_t mean_ms(uint64_t packets, uint32_t ptime_ms, uint64_t of)
{
	uint64_t v = of > 0 ? packets * ptime_ms / of : 0;

	return v < UINT16_MAX ? (uint16_t)v : UINT16_MAX;
}

void xr_measure(const struct xr_bursts *b, uint64_t next, uint32_t ptime_ms, struct xr_voip *ret)
{
	struct xr_bursts all = *b;

	close_burst(&all);
	all.gap_packets += run_to(b, next);
	ret->burst_density = share(all.burst_gone, all.burst_packets);
	ret->gap_density = share(all.gap_gone, all.gap_packets);
	ret->burst_ms = mean_ms(all.burst_packets, ptime_ms, all.bursts);
	ret->gap_ms = mean_ms(all.gap_packets, ptime_ms, all.bursts + 1ull);
}
