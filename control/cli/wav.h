/* wav.h - a WAV file that can be said: mono, 16 bit, 8 or 16 kHz. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define WAV_BYTES_MAX (64u * 1024u * 1024u)

struct wav {
	uint32_t rate;   /* Hz */
	int16_t *pcm;    /* owned */
	size_t samples;
	const char *why; /* constant: what is wrong with it */
};

/* 0; -1: `ret->why` says what is wrong, and nothing is to be freed. */
int wav_read(const char *path, struct wav *ret);
/* The same of the octets of a file, which are borrowed meanwhile. */
int wav_parse(const uint8_t *p, size_t n, struct wav *ret);
void wav_free(struct wav *w);
