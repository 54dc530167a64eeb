/* lanes.h - two voices on one time line, as samples come: each frame has its place, what nobody said is silence.
 *
 * A window of samples of each lane. Frames are put where they belong, in any order and with holes; what both lanes are known up to is taken out,
 * interleaved or mixed. A lane that falls behind the other one is waited for, but not for ever. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define LANES 2u

struct lanes {
	int16_t *v[LANES];      /* borrowed: `window` samples each, silence where nothing was put */
	uint32_t window;
	uint64_t pos;           /* next to be taken */
	uint64_t known[LANES];  /* the lane has said everything before this position */
};

/* `memory`: LANES * window samples. */
void lanes_init(struct lanes *l, int16_t *memory, uint32_t window, uint64_t pos);

/* It would need samples to be taken first. */
bool lanes_is_full(const struct lanes *l, uint64_t pos, uint32_t n);

/* What lies before `l->pos` or beyond the window is left out. */
void lanes_put(struct lanes *l, uint32_t lane, uint64_t pos, const int16_t *pcm, uint32_t n);

/* How many samples can be taken when no lane may be more than `patience` behind the other. <= window. */
uint32_t lanes_ready(const struct lanes *l, uint32_t patience);

/* Take `n` <= window: 2 * n samples interleaved into `out`, or n of both mixed (they saturate). */
void lanes_take(struct lanes *l, int16_t *out, uint32_t n, bool mono);
