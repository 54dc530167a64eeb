/* fuzz_shm_tape.c - the backend's half of a tape full of anything: media stays in bounds and gets through. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/shm/tape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct tape_config cfg = {.rate_hz = 8000, .frame_ms = 20, .tx_slots = 8};
	struct tape t;
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];

	if (tape_create(&cfg, &t) != 0)
		return 0;
	/* everything but the sizes, which media keeps privately */
	memcpy(t.backend.p, data, size < t.backend.bytes ? size : t.backend.bytes);
	for (int i = 0; i < 64; i++) {
		if (tape_tx_pending(&t) > t.tx_slots)
			abort();
		if (tape_tx_peek(&t, &f, pcm) != 0)
			continue;
		if (f.samples > t.frame_samples)
			abort();
		tape_tx_pop(&t);
		(void)tape_reader_sleeps(&t);
		(void)tape_writer_waits(&t);
	}
	tape_close(&t);
	return 0;
}
