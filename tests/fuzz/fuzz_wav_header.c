/* fuzz_wav_header.c - any octets as the header of a recording: refused, or the same when it is written again. */
#include <stdlib.h>
#include <string.h>

#include "media/dsp/wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t in[WAV_HEADER_BYTES] = {0}, out[WAV_HEADER_BYTES];
	uint8_t again[WAV_HEADER_BYTES];
	struct wav_note note;

	memcpy(in, data, size < sizeof in ? size : sizeof in);
	if (wav_header_read(in, &note) != 0)
		return 0;
	wav_header_write(out, &note, 0);
	if (wav_header_read(out, &note) != 0)
		abort();
	wav_header_write(again, &note, 0);
	if (memcmp(out, again, sizeof out) != 0)
		abort();
	return 0;
}
