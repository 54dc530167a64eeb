/* locate.h - what stands where in a YAML text. The only way to libyaml; errors need it, libcyaml does the reading. */
#pragma once

#include <stddef.h>

#include "common/base/err.h"

struct place {
	unsigned line;   /* from 1 */
	unsigned column; /* from 1 */
};

enum locate_kind {
	LOCATE_KEY,    /* of a mapping; the path is with it */
	LOCATE_SCALAR,
	LOCATE_LIST,   /* its entries follow */
	LOCATE_MAPPING /* its keys follow */
};

struct locate_node {
	enum locate_kind kind;
	const char *path;  /* "rtp.port_min", "routes[2].app"; "" = the whole */
	const char *value; /* of a key or a scalar */
	struct place at;
};

/* 0 = go on; anything else ends the walk. */
typedef int (*locate_fn)(void *ctx, const struct locate_node *n);

struct locate_problem {
	char text[128];
	struct place at;
};

/* Every node in order. 0, what `visit` answered, ERR_SYNTAX with the problem, or ERR_RANGE (nested too deeply). */
MUST_USE int locate_walk(const char *text, size_t bytes, locate_fn visit, void *ctx, struct locate_problem *ret);

/* The place of the scalar at `path`. ERR_NOENT. */
MUST_USE int locate_key(const char *text, size_t bytes, const char *path, struct place *ret);
