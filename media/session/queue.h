/* queue.h - samples that wait, in parts that know what they are and when they came. Private to this folder. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define QUEUE_MS 800u
#define QUEUE_SAMPLES_MAX (QUEUE_MS * 48u)
#define QUEUE_PARTS_MAX 128u

struct queue_part {
	uint64_t arrival_ns;
	uint32_t samples;
	uint32_t gone; /* of it, before the first that waits */
	uint8_t kind;  /* enum tape_frame_kind */
};

struct queue {
	uint32_t n;     /* samples */
	uint32_t parts;
	struct queue_part part[QUEUE_PARTS_MAX];
	int16_t pcm[QUEUE_SAMPLES_MAX];
};

/* hot. As many as find room; the rest is dropped: samples put. When there are too many parts, the last one swallows them. */
uint32_t queue_put(struct queue *q, const int16_t *pcm, uint32_t n, uint8_t kind, uint64_t arrival_ns);

/* hot. The first n <= q->n samples are gone. */
void queue_drop(struct queue *q, uint32_t n);
