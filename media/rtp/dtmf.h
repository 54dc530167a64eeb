/* dtmf.h - telephone events (RFC 4733).
 *
 * An event is one timestamp: every packet of it carries the timestamp of its start and a
 * growing duration. It is over with the end bit, or when another event begins, or when
 * nothing more comes for DTMF_LOST_END_MS. The marker bit means nothing here. One key
 * press is one digit, however many packets, ends or segments tell of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define DTMF_PAYLOAD_BYTES 4u
#define DTMF_DIGITS_MAX    2u /* that one packet can complete */
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
};

/* All zero is the start, and the state after the stream restarted (SEQ_RESTART). */
struct dtmf {
	bool active; /* a key is down */
	bool known;  /* ts is valid */
	uint8_t event;
	uint32_t ts;       /* of the current segment */
	uint32_t duration; /* of the current segment */
	uint32_t first_ts; /* of the first segment of a long event */
	uint64_t last_ns;
	uint64_t ignored; /* events that are no digits or contradict their timestamp */
};

/* One packet. The number of digits that are complete now in `ret`: a new event also ends
 * the one before it. */
int dtmf_take(struct dtmf *d, uint32_t ts, const struct dtmf_payload *p, uint64_t now_ns,
	      struct dtmf_digit ret[DTMF_DIGITS_MAX]);

/* Whether a key that nobody released is over: 0 or 1 digits. */
int dtmf_tick(struct dtmf *d, uint64_t now_ns, struct dtmf_digit *ret);

uint64_t dtmf_deadline_ns(const struct dtmf *d); /* UINT64_MAX = none */
