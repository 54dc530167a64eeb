/* quality.h - how good a session sounds, each way: E-model of ITU-T G.107 with its default values, for codecs of more than 4 kHz of sound
 * that of G.107.1. Each model has a scale of its own: 4.4 of PCMU is as good as a telephone gets, 4.5 of L16 at 16 kHz as good as speech. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "media/rtp/xr.h"

#define QUALITY_PERIOD_MS 5000u
#define QUALITY_FRESH_MS  15000u /* a report of the peer that is older says nothing of now */

/* What one way went through in a period. */
struct quality_way {
	uint32_t packets;   /* that should have come; 0: nothing is known */
	uint32_t lost;      /* never came */
	uint32_t late;      /* came when their place was given up */
	uint32_t bursts;    /* gaps that lost and late ones made; 0: not known */
	uint32_t jitter_us; /* RFC 3550 */
	uint32_t delay_ms;  /* from mouth to ear, as far as it can be known */
	uint32_t mos_x100;  /* 100..450; 0: not known */
};

/* All periods of one way. Survives; fields are only appended. */
struct quality_total {
	uint64_t sum_x100;
	uint32_t periods;
	uint32_t least_x100;
};

/* Survives. */
struct quality_totals {
	struct quality_total heard, said;
};

/* What the counters said when the period began. */
struct quality_base {
	uint64_t received, lost, late;
};

struct quality {
	uint64_t next_ns; /* end of the period; 0: none has begun */
	struct quality_base base;
	uint32_t bursts;           /* of this period */
	uint32_t unsaved;          /* periods since the totals were to be saved */
	struct xr_bursts runs;     /* of the stream that is heard, since it began */
	struct quality_way heard;  /* of the last period: by us */
	struct quality_way said;   /* by the peer, as its RTCP tells */
};

/* Mean opinion score of `w`, times 100; 0 when nothing is known of it. `codec`: enum codec_id. */
uint32_t quality_mos(const struct quality_way *w, uint8_t codec);
/* The rating behind it, on the scale of 0 to 100 that it is read from. */
double quality_rating(const struct quality_way *w, uint8_t codec);

void quality_add(struct quality_total *t, const struct quality_way *w);
uint32_t quality_mean(const struct quality_total *t); /* times 100; 0: no period yet */

struct session;
struct session_events;

/* hot. Once a tick: SESSION_QUALITY when a period ends of which something is known. */
void quality_tick(struct session *s, uint64_t now_ns, struct session_events *ev);

/* What a report tells the peer of what is heard (RFC 3611 section 4.7). False: nothing is known yet. */
bool quality_voip(const struct session *s, struct xr_voip *ret);
