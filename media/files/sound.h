/* sound.h - files that are played, as mono samples: the only one here that knows libsndfile. */
#pragma once

#include <stdint.h>

#include "common/base/err.h"

struct sound;

/* A file of this directory; its name is good (common/base/filename.h). ERR_UNSUPPORTED: libsndfile does not read it, or it has more than 8 channels or an odd
 * rate; ERR_NOMEM; else an errno. */
MUST_USE int sound_open(int directory, const char *name, struct sound **ret);
void sound_close(struct sound *s); /* NULL: nothing */
uint32_t sound_rate_hz(const struct sound *s);
/* Up to `n` samples, all channels mixed; 0: its end. */
uint32_t sound_read(struct sound *s, int16_t *pcm, uint32_t n);
/* To this sample from its beginning; what can not seek is read up to there. */
void sound_seek(struct sound *s, uint64_t sample);
