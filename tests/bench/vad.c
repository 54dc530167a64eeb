/* vad.c - the speech detector on PCM of 8 kHz from standard input: a line for each edge, "started POS" or "ended POS", and where it was told.
 *
 *     bench_vad START_MS END_MS < PCM */
#include <stdio.h>
#include <stdlib.h>

#include "media/dsp/vad.h"

#define BLOCK 80u

int main(int argc, char **argv)
{
	struct vad_terms terms = {.start_ms = 60, .end_ms = 500};
	int16_t pcm[BLOCK];
	uint64_t pos = 0, where;
	struct vad v;

	if (argc == 3) {
		terms.start_ms = (uint32_t)strtoul(argv[1], NULL, 10);
		terms.end_ms = (uint32_t)strtoul(argv[2], NULL, 10);
	}
	vad_begin(&v, VAD_NOISE_UNKNOWN, false, 0);
	for (; fread(pcm, sizeof pcm[0], BLOCK, stdin) == BLOCK; pos += BLOCK) {
		enum vad_edge edge = vad_take(&v, &terms, &(struct vad_block){.pcm = pcm, .n = BLOCK, .pos = pos}, &where);

		if (edge != VAD_NOTHING)
			printf("%s %lu %lu\n", edge == VAD_STARTED ? "started" : "ended", (unsigned long)where, (unsigned long)(pos + BLOCK));
	}
	return 0;
}
