/* fuzz_cli_wav.c - any octets as a WAV file: no more samples than octets, and every one of them there. */
#include "common/base/must.h"
#include "control/cli/wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wav w;
	int64_t sum = 0;

	if (wav_parse(data, size, &w) != 0) {
		must(w.why != NULL && w.pcm == NULL);
		return 0;
	}
	must(w.samples > 0 && w.samples * 2 <= size && (w.rate == 8000 || w.rate == 16000));
	for (size_t i = 0; i < w.samples; i++)
		sum += w.pcm[i];
	must(sum <= 32767 * (int64_t)w.samples);
	wav_free(&w);
	return 0;
}
