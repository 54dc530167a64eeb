/* comfort.h - comfort noise as RFC 3389 describes it: a level, and the shape of its spectrum. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define COMFORT_ORDER_MAX  12u /* of more coefficients the first ones are used (section 3.3) */
#define COMFORT_OCTETS_MAX (1u + COMFORT_ORDER_MAX)

struct comfort {
	float k[COMFORT_ORDER_MAX];    /* reflection coefficients */
	float past[COMFORT_ORDER_MAX]; /* errors backwards, of the last sample */
	float peak;                    /* of the excitation */
	uint32_t order, dice;
};

/* -dBov that a payload tells, 0..127; of an empty one 127: none at all. */
uint8_t comfort_level(const uint8_t *payload, size_t n);

/* Noise as a payload describes it, from the next sample on. `c`: all zero before the first one. */
void comfort_take(struct comfort *c, const uint8_t *payload, size_t n);

/* hot */
void comfort_make(struct comfort *c, int16_t *pcm, size_t n);
