/* mix.h - the sum of 16-bit voices that never wraps and never clips hard.
 *
 * Up to MIX_KNEE a sum is what it is: one voice, and two at the levels people speak at, pass unchanged. Above it the excess is
 * bent (excess * rest / (excess + rest), whose slope is 1 where it begins), so that a crowd gets louder and never reaches full scale. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MIX_KNEE 24576 /* three quarters of full scale, -2.5 dBFS */

/* hot. sum[i] += pcm[i]. No overflow below 65,536 voices. */
void mix_add(int32_t *sum, const int16_t *pcm, size_t n);

/* hot. The sums as samples, odd-symmetric and monotonous. */
void mix_bend(int16_t *pcm, const int32_t *sum, size_t n);
