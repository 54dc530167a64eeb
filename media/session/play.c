/* play.c - see play.h */
#include "media/session/play.h"

#define DUCK_TICKS 15u /* 300 ms: it stays out of the way in the pauses between words */

/* hot. From the last factor to this one within the tick: nothing clicks. */
static void mix(int16_t *pcm, const int16_t *under, uint32_t n, const uint32_t factor[2])
{
	int32_t from = (int32_t)factor[0], step = (int32_t)factor[1] - from;

	for (uint32_t i = 0; i < n; i++) {
		int32_t now = from + (int32_t)((int64_t)step * i / n);
		int32_t sum = pcm[i] + (int32_t)((int64_t)under[i] * now / (int32_t)PLAYRING_UNITY);

		pcm[i] = (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
	}
}

/* hot */
uint32_t play_mix(struct session *s, int16_t *pcm, uint32_t n, bool spoken)
{
	int16_t under[SESSION_TICK_MS * TAPE_SAMPLES_PER_MS_MAX];
	uint32_t factor[2] = {PLAYRING_UNITY - s->ducked, PLAYRING_UNITY}, got = playring_take(s->play, under, n);

	s->duck_ticks = spoken ? DUCK_TICKS : s->duck_ticks - (s->duck_ticks > 0);
	if (s->duck_ticks > 0)
		factor[1] = playring_duck(s->play);
	if (got > 0)
		mix(pcm, under, got, factor);
	s->ducked = PLAYRING_UNITY - factor[1];
	return got;
}
