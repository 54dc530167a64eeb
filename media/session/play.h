/* play.h - a file or a tone under what is said. */
#pragma once

#include "media/session/session.h"

/* hot. Mix up to `n` samples of it into `pcm`; how many. `spoken`: the backend says something in this tick, and it gets out of the way. */
uint32_t play_mix(struct session *s, int16_t *pcm, uint32_t n, bool spoken);
