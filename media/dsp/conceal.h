/* conceal.h - stand-in audio for lost packets by waveform substitution, at 8 kHz.
 *
 * Keeps the last 50 ms of audio. A lost block repeats the last pitch period. It joins
 * what was heard before without a step, each repetition runs into the next by
 * overlap-add, and the whole fades linearly to silence over CONCEAL_FADE_MS. The first
 * good block after a loss is blended in. Received blocks are not delayed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONCEAL_RATE_HZ   8000u
#define CONCEAL_HISTORY   400u /* samples: 50 ms */
#define CONCEAL_PITCH_MIN 40u  /* 200 Hz; a higher voice repeats several periods */
#define CONCEAL_PITCH_MAX 160u /* 50 Hz */
#define CONCEAL_FADE_MS   60u
#define CONCEAL_OVERLAP   20u /* 2.5 ms */

struct conceal {
	int16_t history[CONCEAL_HISTORY];
	int16_t period[CONCEAL_PITCH_MAX];
	uint32_t pitch; /* samples; 0 = not concealing */
	uint32_t at;    /* in the period */
	uint32_t made;  /* samples invented in a row, until all is faded */
	int32_t step;   /* between what was heard and the period's beginning */
	bool heard;     /* there is history */
};

void conceal_init(struct conceal *c);

/* hot. A received block; its beginning is blended in place when it follows a loss. */
void conceal_good(struct conceal *c, int16_t *pcm, size_t n);

/* Invent `n` samples. Before the first good block: silence. */
void conceal_lost(struct conceal *c, int16_t *pcm, size_t n);
