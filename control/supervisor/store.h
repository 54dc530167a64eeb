/* store.h - every descriptor the supervisor keeps, by owner, kind and id. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/actor/custody.h"
#include "common/base/err.h"

struct store_item {
	uint32_t owner; /* worker: role << 8 | index */
	enum custody_kind kind;
	uint32_t index;
	uint64_t id;
	int fd; /* owned */
};

struct store {
	struct store_item *v; /* owned */
	uint32_t count;
	uint32_t cap;
};

void store_init(struct store *s);
void store_fini(struct store *s);

/* At most CUSTODY_ITEMS_MAX. Takes ownership of `item->fd`, replacing an item of the same owner, kind, index and id.
 * ERR_NOSPC, ERR_NOMEM: the descriptor stays the caller's. */
MUST_USE int store_put(struct store *s, const struct store_item *item);

void store_drop(struct store *s, uint32_t owner, enum custody_kind kind, uint64_t id);

/* The first item of this owner and kind; NULL when there is none. */
const struct store_item *store_find(const struct store *s, uint32_t owner, enum custody_kind kind);

/* The next item of this owner and kind at or after *at, which moves behind it; start at 0. NULL at the end. */
const struct store_item *store_each(const struct store *s, uint32_t owner, enum custody_kind kind, uint32_t *at);

bool store_has(const struct store *s, const struct store_item *like); /* same owner, kind, index and id */

/* To a process that starts: it is about to read, so a full socket is waited for, a second at most. 0 or the error of fdpass_send(). */
struct store_message {
	const void *p;
	size_t n;
	const int *fds; /* borrowed */
	size_t fd_count;
};
MUST_USE int store_send(int sock, const struct store_message *m);

/* Send everything of `owner` over `sock`, as few messages as kinds and indices allow; each kind in the order it was put. 0 or the error of fdpass_send(). */
MUST_USE int store_give(const struct store *s, uint32_t owner, int sock);
