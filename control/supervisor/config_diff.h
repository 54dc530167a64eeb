/* config_diff.h - what has changed between two configurations, and when it takes effect. */
#pragma once

#include <stdint.h>

#include "control/supervisor/config.h"

enum config_effect {
	CONFIG_NOW,        /* processes are told; common/actor/live.c says the same */
	CONFIG_NEXT_START, /* when the process that it is for starts the next time */
	CONFIG_RESTART,    /* sockets and sizes: when everything is stopped and started */
	CONFIG_EFFECTS
};

#define CONFIG_CHANGES_MAX 64u

struct config_change {
	const char *key; /* "rtp.workers" */
	enum config_effect effect;
};

const char *config_effect_name(enum config_effect e);

/* Into `ret` of CONFIG_CHANGES_MAX; how many. */
uint32_t config_diff(const struct config *old, const struct config *fresh, struct config_change *ret);

/* What takes effect after a restart only stays as it is in `old`. */
void config_keep_sizes(const struct config *old, struct config *fresh);
