/* fuzz_tone.c - any text as a tone: refused, or it can be made. */
#include <stdlib.h>

#include "media/dsp/tone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int16_t pcm[160];
	struct tone t;

	if (tone_parse((struct str){(const char *)data, size}, &t) != 0)
		return 0;
	if (t.pitches == 0 || t.pitches > TONE_PITCHES_MAX || tone_round(&t, 8000) == 0)
		abort();
	tone_make(&t, 8000, size, pcm, 160);
	return 0;
}
