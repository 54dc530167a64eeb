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
	ROLE_FILES,
	ROLES
};

#define CONFIG_PACKED_MAX (46u * 1024u)

struct config_for {
	enum role role;
	uint32_t index;
	bool waits_for_restart; /* the file has sockets or sizes for this role that take effect after a full restart */
	const char *socket;     /* borrowed: of its supervisor, by its name in the run directory */
};

/* How many workers of a role a host has at most: the pool and the listeners are divided among so many. */
uint32_t config_workers(const struct config *c, enum role role);

/* `out` of CONFIG_PACKED_MAX bytes. ERR_NOSPC. */
MUST_USE int config_pack(const struct config *c, const struct config_for *who, uint8_t *out, size_t *ret_n);

/* What a process that was packed for says about its size. ERR_SYNTAX. */
MUST_USE int config_packed_max_calls(const uint8_t *p, size_t n, uint32_t *ret);

/* The number of a role in messages and custody ids. */
uint32_t config_role_number(enum role role);
MUST_USE int config_role_of_number(uint32_t number, enum role *ret); /* ERR_NOENT */
const char *config_role_name(enum role role);
