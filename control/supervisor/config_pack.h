/* config_pack.h - the part of the configuration one process needs, as bytes for its custody socket. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "control/supervisor/config.h"

enum role {
	ROLE_SIGNALING,
	ROLE_MEDIA,
	ROLE_CONTROL,
	ROLES
};

#define CONFIG_PACKED_MAX (40u * 1024u)

/* `out` of CONFIG_PACKED_MAX bytes. ERR_NOSPC. */
MUST_USE int config_pack(const struct config *c, enum role role, uint32_t index, uint8_t *out, size_t *ret_n);

/* The number of a role in messages and custody ids. */
uint32_t config_role_number(enum role role);
const char *config_role_name(enum role role);
