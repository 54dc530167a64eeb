/* level.h - loudness and fades of 16-bit blocks. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LEVEL_SAMPLES_MAX 65536u /* in one block measured */
#define LEVEL_SILENCE     127u   /* -dBov of digital silence */

/* Root mean square, 0..32768. n <= LEVEL_SAMPLES_MAX. */
uint32_t level_rms(const int16_t *pcm, size_t n);

/* -dBov, 0..127, rounded to the nearest: what RFC 3389 and RFC 6464 carry. 0 is a
 * full-scale square wave, 3 a full-scale sine. n <= LEVEL_SAMPLES_MAX. */
uint8_t level_dbov(const int16_t *pcm, size_t n);

/* Linear ramps over the whole block: silence to full, full to silence. 5 ms do not click.
 */
void level_fade_in(int16_t *pcm, size_t n);
void level_fade_out(int16_t *pcm, size_t n);
