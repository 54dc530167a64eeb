/* dtmf.c - see dtmf.h */
#include "media/rtp/dtmf.h"

#include <string.h>

#include "common/base/wire.h"

#define END_BIT 0x80u
/* A report of an event that is over may come so late; a timestamp further back is a sender
 * that changed its clock. */
#define LATE_MS 500u
/* Segments end where 16 bits of duration do, give or take packets lost or left out. */
#define SEGMENT_MIN      0xf000u
#define SEGMENT_SLACK_MS 200u
/* Behind what a press covers: two packets of it were lost, and an end has a timestamp of its
 * own. A finger needs longer. */
#define RUNNING_SLACK_MS 50u
#define ENDED_SLACK_MS   30u

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

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static int finish(struct dtmf *d, struct dtmf_digit *ret)
{
	*ret = (struct dtmf_digit){
		.digit = dtmf_char(d->event),
		.ts = d->first_ts,
		.duration = d->ts - d->first_ts +
			    most(d->most_duration, d->last_ts - d->ts + d->first_duration),
		.press = d->presses,
	};
	d->active = false;
	return 1;
}

static bool is_late(const struct dtmf *d, const struct dtmf_report *r)
{
	uint32_t back = d->first_ts - r->ts;

	return back != 0 && back <= LATE_MS * r->per_ms;
}

/* RFC 4733 section 2.5.1.3: the next segment of a long event starts where the last ended.
 */
static bool is_next_segment(const struct dtmf *d, const struct dtmf_report *r)
{
	uint32_t step = r->ts - d->ts, slack = SEGMENT_SLACK_MS * r->per_ms;

	return d->active && step >= SEGMENT_MIN && step <= UINT16_MAX + slack &&
	       step <= d->duration + slack;
}

static bool is_covered(const struct dtmf *d, const struct dtmf_report *r, uint32_t slack_ms)
{
	return r->ts - d->first_ts <= d->ts - d->first_ts + d->duration + slack_ms * r->per_ms;
}

/* Of the key that is down: does it go on? A duration that shrinks is a report out of order,
 * or the ends of the press before it were lost. */
static bool goes_on(const struct dtmf *d, const struct dtmf_report *r)
{
	if (r->p.duration < d->most_duration)
		return !r->marker && r->ts - d->first_ts <= d->last_ts - d->first_ts;
	return is_covered(d, r, r->marker ? 0 : RUNNING_SLACK_MS);
}

/* Of the key that was pressed last: is it what is known already? */
static bool is_repeated(const struct dtmf *d, const struct dtmf_report *r)
{
	bool same_length = r->p.duration == d->most_duration;

	if (r->apart)
		return r->ts == d->ts;
	if (!is_covered(d, r, ENDED_SLACK_MS))
		return false;
	if (r->p.end) /* some senders mark their ends */
		return same_length || (!r->marker && (r->ts != d->ts || r->p.duration > d->most_duration));
	return !r->marker && r->p.duration >= d->most_duration;
}

static void press(struct dtmf *d, const struct dtmf_report *r)
{
	*d = (struct dtmf){
		.active = true,
		.known = true,
		.event = r->p.event,
		.ts = r->ts,
		.first_ts = r->ts,
		.last_ts = r->ts,
		.first_duration = r->p.duration,
		.ignored = d->ignored,
		.presses = d->presses + 1,
	};
}

static void next_segment(struct dtmf *d, const struct dtmf_report *r)
{
	d->ts = d->last_ts = r->ts;
	d->duration = d->most_duration = 0;
	d->first_duration = r->p.duration;
}

static void stretch(struct dtmf *d, const struct dtmf_report *r)
{
	uint32_t step = r->ts - d->ts;

	if (step > INT32_MAX)
		return; /* of a segment before this one */
	if (step > d->last_ts - d->ts)
		d->last_ts = r->ts;
	d->duration = most(d->duration, step + r->p.duration);
	d->most_duration = most(d->most_duration, r->p.duration);
}

int dtmf_take(struct dtmf *d, const struct dtmf_report *r, uint64_t now_ns,
	      struct dtmf_digit ret[DTMF_DIGITS_MAX])
{
	bool same = d->known && r->p.event == d->event;
	int n = 0;

	if (dtmf_char(r->p.event) == '\0') {
		d->ignored++;
		return 0;
	}
	if (d->known && is_late(d, r))
		return 0;
	if (same && !d->active && is_repeated(d, r)) {
		stretch(d, r);
		return 0;
	}
	if (same && is_next_segment(d, r)) {
		next_segment(d, r);
	} else if (!same || !d->active || !goes_on(d, r)) {
		if (d->active)
			n = finish(d, ret);
		press(d, r);
	}
	d->last_ns = now_ns;
	stretch(d, r);
	return r->p.end ? n + finish(d, ret + n) : n;
}

uint64_t dtmf_deadline_ns(const struct dtmf *d)
{
	return d->active ? d->last_ns + DTMF_LOST_END_MS * 1000000ull : UINT64_MAX;
}

int dtmf_tick(struct dtmf *d, uint64_t now_ns, struct dtmf_digit *ret)
{
	return now_ns >= dtmf_deadline_ns(d) ? finish(d, ret) : 0;
}
