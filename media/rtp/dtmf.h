/* dtmf.h - telephone events (RFC 4733).
 *
 * By the RFC an event is one timestamp: every packet of it carries the timestamp of its start
 * and a growing duration. It is over with the end bit, or when another event begins, or when
 * nothing more comes for DTMF_LOST_END_MS. One key press is one digit, however many packets,
 * ends or segments tell of it.
 *
 * Senders differ: timestamps grow with every packet or stand still over two presses, ends are
 * repeated with a timestamp of their own. So the same key within the time that its running or
 * just ended press covers is no new press; another key, a marker behind an end, or a smaller
 * duration behind an end is one. Reports have to come in the order of their sequence numbers,
 * each once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define DTMF_PAYLOAD_BYTES 4u
#define DTMF_DIGITS_MAX    2u /* that one report can complete */
#define DTMF_LOST_END_MS   200u
#define DTMF_VOLUME_MAX    63u

struct dtmf_payload {
	uint8_t event; /* 0..15 = 0-9 * # A-D */
	bool end;
	uint8_t volume;    /* dBm0 without sign, 0..63 */
	uint16_t duration; /* timestamp units since the start of the segment */
};

/* ERR_SYNTAX: shorter than four octets. More are ignored. */
MUST_USE int dtmf_parse(const uint8_t *p, size_t n, struct dtmf_payload *ret);

/* hot */
void dtmf_write(uint8_t p[DTMF_PAYLOAD_BYTES], const struct dtmf_payload *d);

char dtmf_char(uint8_t event);                           /* '\0' when it is no digit */
MUST_USE int dtmf_event(char digit, uint8_t *ret_event); /* ERR_INVAL; a-d as A-D */

/* A key that was pressed and released. */
struct dtmf_digit {
	char digit;
	uint32_t ts;       /* of its start */
	uint32_t duration; /* timestamp units */
	uint32_t press;    /* dtmf.presses while it was down */
};

/* What a packet says of one event. */
struct dtmf_report {
	uint32_t ts;     /* of the packet, or where the event before it in there ended */
	uint32_t per_ms; /* timestamp units */
	struct dtmf_payload p;
	bool marker;
	bool apart;      /* it is behind another one in its packet (RFC 4733 section 2.5.1.5) */
};

/* All zero is the start, and the state after the stream restarted (SEQ_RESTART). Part of a
 * record: fields are only appended. */
struct dtmf {
	bool active; /* a key is down */
	bool known;  /* ts is valid */
	uint8_t event;
	uint32_t ts;       /* of the current segment */
	uint32_t duration; /* of the current segment: how far behind ts any report of it reached */
	uint32_t first_ts; /* of the first segment of a long event */
	uint64_t last_ns;
	uint64_t ignored;  /* events that are no digits */
	uint32_t last_ts;  /* the latest of the current segment: ts, but from a sender whose timestamps grow */
	uint32_t first_duration, most_duration; /* as reported in the current segment */
	uint32_t presses;  /* that began, modulo 2**32 */
};

/* The number of digits that are complete now in `ret`: a new event also ends the one before
 * it. */
int dtmf_take(struct dtmf *d, const struct dtmf_report *r, uint64_t now_ns,
	      struct dtmf_digit ret[DTMF_DIGITS_MAX]);

/* Whether a key that nobody released is over: 0 or 1 digits. */
int dtmf_tick(struct dtmf *d, uint64_t now_ns, struct dtmf_digit *ret);

uint64_t dtmf_deadline_ns(const struct dtmf *d); /* UINT64_MAX = none */
