/* past.h - calls that ended lately, for whoever looks: the last PAST_CALLS of them, for PAST_MS. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/model/backend.h"
#include "control/model/route.h"

#define PAST_CALLS 512u
#define PAST_MS 600000u
#define PAST_TEXT_BYTES 128u

struct past_call {
	uint64_t id; /* 0 = none */
	uint64_t at_ms; /* when it ended, on the clock of `now_ms` */
	char app[ROUTE_APP_BYTES], backend[BACKEND_NAME_BYTES];
	char from[PAST_TEXT_BYTES], to[PAST_TEXT_BYTES], sip_call_id[PAST_TEXT_BYTES]; /* longer ones are cut */
	char reason[64];
	uint32_t who, code;
	bool outbound;
	uint32_t outcome; /* of an outbound call: Outcome of the messages */
	uint64_t started_unix_ns, answered_unix_ns, ended_unix_ns, duration_ms;
	uint64_t packets, lost; /* RTP of the caller */
	uint64_t concealed;     /* frames invented for what was lost */
	uint64_t packets_sent;  /* RTP of ours */
	uint32_t jitter_us;
	uint32_t mos_x100, remote_mos_x100; /* 0: not known */
	uint32_t mos_least_x100, remote_mos_least_x100;
};

struct past {
	struct past_call v[PAST_CALLS]; /* a ring */
	uint32_t next;
};

/* One more: its row, empty but for the time, to be filled in. The oldest makes room. */
struct past_call *past_add(struct past *p, uint64_t id, uint64_t now_ms);

/* From the last one back: start with *at = p->next. NULL: there are no more that are young enough. A place means the same
 * call when others have ended meanwhile. */
const struct past_call *past_each(const struct past *p, uint32_t *at, uint64_t now_ms);

void past_text(char out[PAST_TEXT_BYTES], struct str text); /* copied, cut */
