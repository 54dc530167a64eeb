/* backend.h - processes that take calls: who they are, what they take, whether they live. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define BACKENDS_MAX 256u
#define BACKEND_NAME_BYTES 64u
#define BACKEND_APP_BYTES 64u
#define BACKEND_LOST_MS 3000u /* three pings missed */

struct backend {
	char name[BACKEND_NAME_BYTES]; /* "" = free */
	char app[BACKEND_APP_BYTES];   /* "" = registered for nothing */
	uint32_t capacity;
	uint32_t used;
	uint64_t heard_ms;
};

struct backends {
	struct backend v[BACKENDS_MAX];
};

/* [a-z0-9-]{1,63} */
bool backend_app_is_valid(struct str app);

/* Its row, made when it is new. ERR_RANGE: name empty or too long; ERR_NOSPC. */
MUST_USE int backend_hello(struct backends *t, struct str name, uint64_t now_ms, struct backend **ret);
struct backend *backend_find(struct backends *t, struct str name);
void backend_remove(struct backends *t, struct backend *b);

/* The least loaded one of `app` that has room, its name not being `not_this` (an offer it let pass). NULL: none. */
struct backend *backend_choose(struct backends *t, struct str app, struct str not_this);

/* Is anybody registered for it, whatever the load? */
bool backend_serves(const struct backends *t, struct str app);

/* The next one not heard for BACKEND_LOST_MS; NULL = none. */
struct backend *backend_silent(struct backends *t, uint64_t now_ms);
