/* config_codecs.h - codecs as tipring.yaml names them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_CODECS_MAX 8u

/* The best one first; count 0: PCMU and PCMA. */
struct config_codecs {
	uint32_t count;
	uint8_t v[CONFIG_CODECS_MAX]; /* Codec of the messages */
};

/* All that there are, for a complaint. */
#define CONFIG_CODEC_NAMES "PCMU, PCMA, G722, opus, L16, L16/16000, L16/48000"

/* One more. False: there is none of this name, or it is there already. */
bool config_codecs_add(struct config_codecs *c, const char *name);
