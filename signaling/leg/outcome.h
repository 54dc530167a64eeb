/* outcome.h - how an attempt to reach somebody ended, in one word. Pure. */
#pragma once

#include <stdint.h>

#include "signaling/sip/msg.h"

enum leg_outcome { /* the numbers of Outcome in proto/tipring/v1/common.proto */
	LEG_OUT_NONE,
	LEG_OUT_ANSWERED,
	LEG_OUT_BUSY,
	LEG_OUT_NO_ANSWER,
	LEG_OUT_REJECTED,
	LEG_OUT_NOT_FOUND,
	LEG_OUT_UNREACHABLE,
	LEG_OUT_FORBIDDEN,
	LEG_OUT_CANCELLED,
	LEG_OUT_AUTH_FAILED,
	LEG_OUT_MEDIA_REFUSED,
	LEG_OUT_TIMEOUT,
	LEG_OUT_TRUNK_DOWN,
	LEG_OUT_ERROR,
	LEG_OUTCOMES
};

/* Of a refusal, 300 to 699. */
enum leg_outcome outcome_of(uint32_t code);

/* The cause (1 to 127) of the first Reason value with protocol Q.850 (RFC 3326); 0: none. */
uint32_t outcome_q850(const struct sip_msg *m);
