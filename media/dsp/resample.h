/* resample.h - mono 16-bit sample rate conversion, streaming, at constant delay.
 *
 * Between 8 and 16 kHz, the usual pair, it is an own half-band filter without any
 * allocation: flat to 0.1 dB up to 3.4 kHz, images and aliases of that band 56 dB down.
 * The other pairs use speexdsp, which only resample.c knows and which allocates.
 *
 * Every block of n samples gives exactly n * to / from whenever that is a whole number.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define RESAMPLE_TAPS 24u

/* What the next outputs still need. */
struct resample_half {
	int16_t past[RESAMPLE_TAPS - 1];     /* 8 to 16: inputs; 16 to 8: even ones */
	int16_t past_odd[RESAMPLE_TAPS / 2]; /* 16 to 8 only */
	int16_t left; /* an even one whose partner did not come yet */
	bool has_left;
};

struct resample {
	void *state; /* owned: of speexdsp; NULL until a pair needs it */
	uint32_t from_hz;
	uint32_t to_hz;
	struct resample_half half;
};

/* Any pair of 8000, 16000, 24000, 48000, equal ones too; from 11025, 22050, 32000, 44100 as well. ERR_INVAL; ERR_NOMEM for pairs
 * other than 8000 and 16000. */
MUST_USE int resample_init(struct resample *r, uint32_t from_hz, uint32_t to_hz);
void resample_fini(struct resample *r);

/* Start a new call, possibly at other rates; errors as resample_init(), `r` keeps its
 * rates then. Allocates only when speexdsp is needed for the first time or with a longer
 * filter than before: the struct must not be copied between its init and fini then. */
MUST_USE int resample_reset(struct resample *r, uint32_t from_hz, uint32_t to_hz);

/* hot. The number of samples written; input that would give more than `cap` is dropped.
 */
size_t resample_run(struct resample *r, const int16_t *in, size_t n, int16_t *out,
		    size_t cap);

/* How much later a sample leaves than it came. 8 to 16 kHz and back together are 23
 * samples of 8 kHz exactly. */
uint32_t resample_delay_us(const struct resample *r);
