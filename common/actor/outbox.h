/* outbox.h - what a turn says on its buses, sent when the turn is over.
 *
 * One message after the other would wake the library's thread for each; a burst wakes it once. Order is kept over all buses. Killed before
 * the turn is over, a process has said none of it, as when the library had not sent it yet. */
#pragma once

#include "common/bus/bus.h"

#define OUTBOX_LETTERS_MAX 512u

struct outbox_letter {
	struct bus *bus; /* borrowed */
	uint32_t to_bytes, bytes;
};

struct outbox {
	char *area; /* owned: names and messages, one behind the other */
	size_t used;
	struct outbox_letter letters[OUTBOX_LETTERS_MAX];
	uint32_t count;
	bool full;  /* a queue was, in this turn */
	bool eager; /* ... or in the one before: messages are sent at once, so that callers hear of it */
};

MUST_USE int outbox_init(struct outbox *o); /* ERR_NOMEM */
void outbox_fini(struct outbox *o);

/* Keeps a copy for the end of the turn; what there is no room for makes the earlier ones leave. ERR_AGAIN, ERR_NOENT as bus_send(), while
 * a queue is full; ERR_RANGE. */
MUST_USE int outbox_put(struct outbox *o, struct bus *b, struct str to, const void *p, size_t n);

/* Now, behind what was put; the errors of bus_send(). */
MUST_USE int outbox_send(struct outbox *o, struct bus *b, struct str to, const void *p, size_t n);

void outbox_end_turn(struct outbox *o);
