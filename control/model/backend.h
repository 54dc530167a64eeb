/* backend.h - processes that take calls: who they are, what they take, whether they live. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define BACKENDS_MAX 256u /* rows: one for each app a backend serves */
#define BACKEND_NAME_BYTES 64u
#define BACKEND_APP_BYTES 64u
#define BACKEND_LOST_MS 3000u /* three pings missed */

struct backend {
	char name[BACKEND_NAME_BYTES]; /* "" = free */
	char app[BACKEND_APP_BYTES];   /* "" = registered for nothing */
	uint32_t capacity;
	uint32_t used;
	bool messages; /* it takes those outside calls */
	uint64_t instance; /* of its process; 0 = it did not say */
	bool here; /* it spoke to us; false: owner of a call that was found again, expected back */
	uint8_t missed; /* messages in a row that could not be sent */
	uint64_t heard_ms;
};

struct backends {
	struct backend v[BACKENDS_MAX];
};

/* [a-z0-9-]{1,63} */
bool backend_app_is_valid(struct str app);

/* A name is 1 to 63 printable characters of ASCII without space: it is shown in messages and logs. */
bool backend_name_is_valid(struct str name);

uint64_t backend_instance(const struct backends *t, struct str name); /* of its process; 0 = it did not say, or nobody is known */

/* Does another process say hello under this name? Then the one we know is dead. */
bool backend_is_replaced(const struct backends *t, struct str name, uint64_t instance);

/* The one that says hello: its row, made when it is new. ERR_RANGE: not a name; ERR_NOSPC. */
MUST_USE int backend_hello(struct backends *t, struct str name, uint64_t instance, uint64_t now_ms, struct backend **ret);

/* Its row for `app`. ERR_NOENT: it has not said hello; ERR_NOSPC. */
MUST_USE int backend_serve(struct backends *t, struct str name, struct str app, struct backend **ret);

/* The owner of a call, known from a time before ours. */
struct backend_owner {
	struct str name, app;
	uint64_t instance; /* of its process; 0 = it did not say */
};

/* Its row: as good as lost when it has not come back by `until_ms`. ERR_STALE: another process has its name, so it is dead. */
MUST_USE int backend_expect(struct backends *t, const struct backend_owner *o, uint64_t until_ms, struct backend **ret);

struct backend *backend_find(struct backends *t, struct str name);                    /* any row; NULL: unknown */
struct backend *backend_find_app(struct backends *t, struct str name, struct str app); /* NULL: does not serve it */
bool backend_is_here(struct backends *t, struct str name);
void backend_heard(struct backends *t, struct str name, uint64_t now_ms);
void backend_remove(struct backends *t, struct str name); /* all rows */

/* The least loaded one of `app` that has room, its name not being `not_this` (an offer it let pass). NULL: none. */
struct backend *backend_choose(struct backends *t, struct str app, struct str not_this);

/* The one that takes messages of `app` outside calls and has the fewest calls, its name not being `not_this`. NULL: none. */
struct backend *backend_for_messages(struct backends *t, struct str app, struct str not_this);

/* Is anybody registered for it, whatever the load? */
bool backend_serves(const struct backends *t, struct str app);

/* The next row not heard for BACKEND_LOST_MS; NULL = none. */
struct backend *backend_silent(struct backends *t, uint64_t now_ms);
