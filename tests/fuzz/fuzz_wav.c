/* fuzz_wav.c - any octets as a WAV file: no more samples than octets can be, and every one of them there. */
#include "common/base/must.h"
#include "sdk/c/wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t rates[] = {0, 8000, 16000, 24000, 48000};
	uint32_t rate = rates[size % 5];
	struct wav w;
	int64_t sum = 0;

	if (wav_parse(data, size, rate, &w) != 0) {
		must(w.why[0] != '\0' && w.pcm == NULL);
		return 0;
	}
	must((w.samples > 0) == (w.pcm != NULL) && w.samples <= size * 12 && (rate == 0 || w.rate == rate));
	for (size_t i = 0; i < w.samples; i++)
		sum += w.pcm[i];
	must(sum <= 32767 * (int64_t)w.samples);
	wav_free(&w);
	return 0;
}
