/* g711.h - mu-law and A-law (ITU-T G.711).
 *
 * Bit-exact with the ITU's own reference (G.191, module G711): 16-bit samples carry the
 * 14 and 13-bit values left-justified, and a negative value that lies exactly on a
 * decision value is coded with the smaller magnitude. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define G711_ULAW_SILENCE 0xffu
#define G711_ALAW_SILENCE 0xd5u /* decodes to 8: A-law has no zero */

/* hot. `n` octets to `n` samples. */
void g711_ulaw_decode(const uint8_t *in, size_t n, int16_t *out);
void g711_alaw_decode(const uint8_t *in, size_t n, int16_t *out);

/* hot. `n` samples to `n` octets. */
void g711_ulaw_encode(const int16_t *in, size_t n, uint8_t *out);
void g711_alaw_encode(const int16_t *in, size_t n, uint8_t *out);
