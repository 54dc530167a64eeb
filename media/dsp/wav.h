/* wav.h - the header of a recording: a WAV file of 16-bit PCM that says itself where it stands.
 *
 *   0  "RIFF", size, "WAVE"           12 octets
 *  12  "fmt ", 16, WAVE_FORMAT_PCM    24
 *  36  "tprg", 76, struct wav_note    84   players pass over a chunk they do not know
 * 120  "data", size                    8
 * 128  samples, little endian, channels interleaved
 *
 * It is one write within one page and one sector: whole at every moment. How many samples there are is what the length of the file
 * says; the sizes in the header never say more than that. */
#pragma once

#include <stdint.h>

#include "common/base/err.h"

#define WAV_HEADER_BYTES 128u
#define WAV_DATA_MAX (UINT32_MAX - WAV_HEADER_BYTES) /* octets of samples: the sizes have 32 bits */

enum wav_phase {
	WAV_OPENING, /* has no audio yet */
	WAV_RUNNING,
	WAV_RESTING,
	WAV_OVER,
	WAV_PHASES
};

/* The samples from frame `base_frame` on are those of positions from `base_pos` on (a frame: a sample of each channel). */
struct wav_note {
	uint32_t rate_hz;  /* 8000, 16000, 24000, 48000 */
	uint32_t channels; /* 1, 2 */
	uint32_t phase;    /* enum wav_phase */
	uint64_t job_id, call_id;
	uint64_t base_pos, base_frame;
	uint64_t end_pos;  /* where it pauses or ends; UINT64_MAX: it goes on */
	uint64_t start_unix_ns; /* of the first frame */
	uint64_t lost;     /* positions that were not read in time: silence stands for them */
};

static inline uint32_t wav_frame_bytes(const struct wav_note *n)
{
	return n->channels * (uint32_t)sizeof(int16_t);
}

/* `data_bytes` <= WAV_DATA_MAX: of the samples that are in the file. */
void wav_header_write(uint8_t out[WAV_HEADER_BYTES], const struct wav_note *n, uint64_t data_bytes);

/* ERR_SYNTAX: it is none of ours, or damaged. Its sizes are not looked at. */
MUST_USE int wav_header_read(const uint8_t in[WAV_HEADER_BYTES], struct wav_note *ret);
