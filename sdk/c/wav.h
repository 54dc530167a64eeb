/* wav.h - WAV files as they come, made into what a tape takes: mono, 16 bit, at its rate. Private to the SDKs and the tools on them.
 *
 * PCM of 8, 16, 24 and 32 bit, floats of 32 and 64 (RFC 2361 formats 1 and 3), A-law and mu-law (6 and 7), each also as WAVE_FORMAT_EXTENSIBLE; 1 to 8
 * channels, mixed down; 4 to 192 kHz. A length of data that was never filled in, 0 or far too large, is that of the rest of the file. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define WAV_BYTES_MAX (64u * 1024u * 1024u)
#define WAV_SAMPLES_MAX (64u * 1024u * 1024u)
#define WAV_WHY_BYTES 96u

struct wav {
	uint32_t rate;   /* Hz */
	int16_t *pcm;    /* owned; NULL: no sound at all */
	size_t samples;
	char why[WAV_WHY_BYTES]; /* what is wrong with it */
};

/* At `rate_hz`; 0: at its own when a tape can have that, else at 16000. 0; -1: `ret->why` says what is wrong, and nothing is to be freed. */
int wav_read(const char *path, uint32_t rate_hz, struct wav *ret);
/* The same of the octets of a file, which are borrowed meanwhile. */
int wav_parse(const uint8_t *p, size_t n, uint32_t rate_hz, struct wav *ret);
void wav_free(struct wav *w);
