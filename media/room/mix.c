/* mix.c - see mix.h */
#include "media/room/mix.h"

#define REST (INT16_MAX - MIX_KNEE)

/* hot */
void mix_add(int32_t *sum, const int16_t *pcm, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum[i] += pcm[i];
}

/* hot. Few samples of few ticks get here. */
static int32_t bend(int32_t level)
{
	int64_t excess = (int64_t)level - MIX_KNEE;

	return (int32_t)(MIX_KNEE + excess * REST / (excess + REST));
}

/* hot */
void mix_bend(int16_t *pcm, const int32_t *sum, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = (int16_t)(sum[i] > MIX_KNEE ? bend(sum[i]) : sum[i] < -MIX_KNEE ? -bend(-sum[i]) : sum[i]);
}
