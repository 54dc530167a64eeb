/* dtmf.c - see dtmf.h */
#include "media/rtp/dtmf.h"

#include <string.h>

#include "common/base/wire.h"

#define END_BIT 0x80u
/* A packet of an event that is over may come so late; a timestamp further back is a
 * sender that changed its clock. Half a second at 8 kHz. */
#define LATE_MAX 4000u
/* Segments end where 16 bits of duration do, give or take packets lost or left out. */
#define SEGMENT_MIN   0xf000u
#define SEGMENT_SLACK 1600u

static const char digits[] = "0123456789*#ABCD";

int dtmf_parse(const uint8_t *p, size_t n, struct dtmf_payload *ret)
{
	if (n < DTMF_PAYLOAD_BYTES)
		return ERR_SYNTAX;
	*ret = (struct dtmf_payload){
		.event = p[0],
		.end = (p[1] & END_BIT) != 0,
		.volume = p[1] & DTMF_VOLUME_MAX,
		.duration = wire_get_u16(p + 2),
	};
	return 0;
}

/* hot */
void dtmf_write(uint8_t p[DTMF_PAYLOAD_BYTES], const struct dtmf_payload *d)
{
	p[0] = d->event;
	p[1] = (uint8_t)((d->end ? END_BIT : 0u) | (d->volume & DTMF_VOLUME_MAX));
	wire_put_u16(p + 2, d->duration);
}

char dtmf_char(uint8_t event)
{
	return event < sizeof digits - 1 ? digits[event] : '\0';
}

int dtmf_event(char digit, uint8_t *ret_event)
{
	char upper = digit >= 'a' && digit <= 'd' ? (char)(digit - 'a' + 'A') : digit;
	const char *at = memchr(digits, upper, sizeof digits - 1);

	if (at == NULL)
		return ERR_INVAL;
	*ret_event = (uint8_t)(at - digits);
	return 0;
}

static int finish(struct dtmf *d, struct dtmf_digit *ret)
{
	*ret = (struct dtmf_digit){
		.digit = dtmf_char(d->event),
		.ts = d->first_ts,
		.duration = d->ts - d->first_ts + d->duration,
	};
	d->active = false;
	return 1;
}

/* RFC 4733 section 2.5.1.3: the next segment of a long event starts where the last ended.
 */
static bool is_next_segment(const struct dtmf *d, uint32_t ts, uint8_t event)
{
	uint32_t step = ts - d->ts;

	return d->active && d->event == event && step >= SEGMENT_MIN &&
	       step <= UINT16_MAX + SEGMENT_SLACK && step <= d->duration + SEGMENT_SLACK;
}

static void press(struct dtmf *d, uint32_t ts, uint8_t event)
{
	*d = (struct dtmf){
		.active = true,
		.known = true,
		.event = event,
		.ts = ts,
		.first_ts = ts,
		.ignored = d->ignored,
	};
}

int dtmf_take(struct dtmf *d, uint32_t ts, const struct dtmf_payload *p, uint64_t now_ns,
	      struct dtmf_digit ret[DTMF_DIGITS_MAX])
{
	bool same = d->known && ts == d->ts;
	int n = 0;

	if (dtmf_char(p->event) == '\0' || (same && p->event != d->event)) {
		d->ignored++;
		return 0;
	}
	if (same && !d->active)
		return 0; /* the second and third end packet */
	if (d->known && !same && d->ts - ts <= LATE_MAX)
		return 0; /* reordered: that event is over */

	if (is_next_segment(d, ts, p->event)) {
		d->ts = ts;
		d->duration = 0;
	} else if (!same) {
		if (d->active)
			n = finish(d, ret);
		press(d, ts, p->event);
	}
	d->last_ns = now_ns;
	if (p->duration > d->duration)
		d->duration = p->duration;
	return p->end ? n + finish(d, ret + n) : n;
}

uint64_t dtmf_deadline_ns(const struct dtmf *d)
{
	return d->active ? d->last_ns + DTMF_LOST_END_MS * 1000000ull : UINT64_MAX;
}

int dtmf_tick(struct dtmf *d, uint64_t now_ns, struct dtmf_digit *ret)
{
	return now_ns >= dtmf_deadline_ns(d) ? finish(d, ret) : 0;
}
