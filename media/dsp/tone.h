/* tone.h - call progress tones. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define TONE_PITCHES_MAX 4u

struct tone {
	uint32_t pitch_hz[TONE_PITCHES_MAX]; /* at once */
	uint32_t pitches;
	uint32_t on_ms, off_ms; /* off 0: without a pause */
};

/* "dial", "busy", "ringback" (ITU-T E.180), or pitches and a cadence: "425", "440+480 2000/4000" (ms on / ms off). 1 to 4 pitches of 20 to
 * 3400 Hz, times of 10 to 60000 ms. ERR_SYNTAX, ERR_RANGE. */
MUST_USE int tone_parse(struct str text, struct tone *ret);

/* `n` samples from sample `at` on. As loud as -13 dBFS whatever it is made of. */
void tone_make(const struct tone *t, uint32_t rate_hz, uint64_t at, int16_t *pcm, uint32_t n);
/* Samples of one round: tone and pause. */
uint64_t tone_round(const struct tone *t, uint32_t rate_hz);
