/* wav.c - what pcm.py needs of sdk/c/wav.h, with names that are exported. */
#include <string.h>

#include "sdk/c/tipring.h"
#include "sdk/c/wav.h"

/* Samples at `*rate` (0: the file's own, which it becomes), or -1 and why. The samples are to be given to tipring_wav_free(). */
TIPRING_API int64_t tipring_wav_read(const uint8_t *p, size_t n, uint32_t *rate, int16_t **ret_pcm, char why[WAV_WHY_BYTES]);
TIPRING_API void tipring_wav_free(int16_t *pcm);

int64_t tipring_wav_read(const uint8_t *p, size_t n, uint32_t *rate, int16_t **ret_pcm, char why[WAV_WHY_BYTES])
{
	struct wav w;

	if (wav_parse(p, n, *rate, &w) != 0) {
		memcpy(why, w.why, sizeof w.why);
		return -1;
	}
	*rate = w.rate;
	*ret_pcm = w.pcm;
	return (int64_t)w.samples;
}

void tipring_wav_free(int16_t *pcm)
{
	struct wav w = {.pcm = pcm};

	wav_free(&w);
}
