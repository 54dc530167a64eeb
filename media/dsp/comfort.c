/* comfort.c - see comfort.h */
#include "media/dsp/comfort.h"

#include <math.h>

#include "media/dsp/level.h"

#define LEVEL_MASK 0x7fu /* section 3.1 */
#define STEEPEST 0.98f   /* what rings longer is no noise */

uint8_t comfort_level(const uint8_t *payload, size_t n)
{
	return n > 0 ? payload[0] & LEVEL_MASK : LEVEL_SILENCE;
}

/* Section 3.2; 255 is reserved: no shape. */
static float coefficient(uint8_t index)
{
	float k = index == 255 ? 0 : 258.0f * ((float)index - 127) / 32768;

	return k > STEEPEST ? STEEPEST : k < -STEEPEST ? -STEEPEST : k;
}

/* The filter makes noise louder; the excitation is quieter by as much, and uniform: its peak is sqrt(3) of its level. */
void comfort_take(struct comfort *c, const uint8_t *payload, size_t n)
{
	uint8_t level = comfort_level(payload, n);
	float power = 3;

	c->order = 0;
	for (size_t i = 1; i < n && c->order < COMFORT_ORDER_MAX; i++) {
		float k = coefficient(payload[i]);

		power *= 1 - k * k;
		c->k[c->order++] = k;
	}
	c->peak = level == LEVEL_SILENCE ? 0 : 32768 * powf(10, -(float)level / 20) * sqrtf(power);
}

/* hot. -1 to 1 */
static float roll(struct comfort *c)
{
	c->dice = c->dice * 1664525u + 1013904223u;
	return (float)(c->dice >> 8) / (float)(1u << 23) - 1;
}

/* hot. The lattice of the coefficients, from the last one to the first. */
static float filter(struct comfort *c, float v)
{
	for (uint32_t i = c->order; i-- > 0;) {
		v -= c->k[i] * c->past[i];
		if (i + 1 < c->order)
			c->past[i + 1] = c->past[i] + c->k[i] * v;
	}
	c->past[0] = v;
	return v;
}

/* hot */
void comfort_make(struct comfort *c, int16_t *pcm, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float v = filter(c, c->peak * roll(c));

		pcm[i] = (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
	}
}
