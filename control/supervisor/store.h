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

/* What somebody else was told of a store: everything before `told`, and not yet that what is in `gone` is gone. */
struct store_gone {
	uint32_t owner;
	enum custody_kind kind;
	uint64_t id;
};

struct store_reader {
	uint32_t told;
	struct store_gone *gone; /* owned */
	uint32_t gone_count, gone_cap;
};

#define STORE_READERS_MAX 48u

struct store {
	struct store_reader *readers[STORE_READERS_MAX]; /* borrowed */
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

/* Somebody is to hear of everything that is there, and of every change from now on. ERR_NOSPC. */
MUST_USE int store_watch(struct store *s, struct store_reader *r);
void store_unwatch(struct store *s, struct store_reader *r);

/* One message of what it was not told yet: CUSTODY_DROP or CUSTODY_GIVE, id = owner, as many as are alike in a row. `tells`: which items
 * it hears of at all. ERR_NOENT: there is nothing; else as fdpass_send(), which does not wait. */
MUST_USE int store_tell(const struct store *s, struct store_reader *r, bool (*tells)(const void *ctx, const struct store_item *it), const void *ctx,
			int sock);

void store_forget(struct store *s, uint32_t owner); /* everything of it */

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
