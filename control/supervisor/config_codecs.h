/* config_codecs.h - codecs as tipring.yaml names them. */
#pragma once

#include <stdint.h>

#define CONFIG_CODECS_MAX 8u

/* The best one first; count 0: PCMU and PCMA. */
struct config_codecs {
	uint32_t count;
	uint8_t v[CONFIG_CODECS_MAX]; /* Codec of the messages */
};

/* All that there are, for a complaint. */
#define CONFIG_CODEC_NAMES "PCMU, PCMA, G722, opus, L16, L16/16000, L16/48000"

/* In this order. NULL, or the first name that is none, or that is there twice. */
const char *config_codecs_read(struct config_codecs *c, char **names, unsigned count);
