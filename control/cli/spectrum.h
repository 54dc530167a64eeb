/* spectrum.h - a spectrogram as a picture: samples to grey levels, grey levels to a PNG. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SPECTRUM_WIDTH  1000u /* columns: of as much time each */
#define SPECTRUM_HEIGHT 128u  /* rows; the first one is half the rate */

struct spectrum {
	uint8_t level[SPECTRUM_HEIGHT][SPECTRUM_WIDTH]; /* 0: -80 dB of full scale, 255: -10 dB */
};

/* Of `n` samples; `rate_hz` from 8000 to 48000. Windows of 32 ms, at 24 kHz of 43. */
void spectrum_of(const int16_t *pcm, size_t n, uint32_t rate_hz, struct spectrum *ret);

/* A PNG (ISO 15948) of 256 colours, dark blue over green to yellow, not compressed. */
#define SPECTRUM_PNG_MAX (SPECTRUM_HEIGHT * (SPECTRUM_WIDTH + 1u) + 4096u)
size_t spectrum_png(const struct spectrum *s, uint8_t ret[SPECTRUM_PNG_MAX]);
