/* picture.h - a call as one looks at it: an SVG with the spectrogram of both directions on one time line, what was lost and filled, and how
 * late each frame was. Pure but for the file it prints to. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PICTURE_KINDS 5u /* as enum tape_frame_kind */

struct picture_frame {
	uint32_t at, samples; /* samples from the left edge */
	uint32_t kind;        /* < PICTURE_KINDS */
	uint32_t late_us;
};

struct picture_side {
	const char *title, *late; /* printed as they are; of the spectrogram and of what is below it */
	const int16_t *pcm;       /* borrowed: picture.samples of them */
	const struct picture_frame *frames; /* borrowed */
	size_t frame_n;
};

struct picture {
	const char *title;
	uint32_t rate_hz;
	size_t samples;            /* of the whole width, > 0 */
	uint64_t start_ms;         /* of the call, at the left edge */
	struct picture_side sides[2];
};

/* 0, or ERR_NOMEM. Errors of `to` are for ferror(). */
int picture_draw(const struct picture *p, FILE *to);
