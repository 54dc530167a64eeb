/* codec_acts.h - what the files of codecs give to the table. Private to this folder. */
#pragma once

#include "media/dsp/codec.h"

extern const struct codec_acts codec_pcmu, codec_pcma, codec_g722, codec_opus, codec_l16;

static inline size_t codec_no_state(void)
{
	return 0;
}
