/* statpage.h - self-describing counters and gauges of one process in shared memory.
 *
 * The owner increments plain 64-bit words with relaxed stores; any process that maps the
 * page reads names and values without knowing the owner's code. Names come from an
 * X-macro table (stats.def) of the owner:
 *
 *   STAT(counter, sip_requests, "requests received")
 *   STAT(gauge, legs, "legs that exist now") */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/shm/lifeline.h"
#include "common/shm/region.h"

#define STATPAGE_CAP    256u
#define STAT_NAME_BYTES 56u  /* with its NUL */
#define STAT_HELP_BYTES 128u /* with its NUL */

enum stat_kind {
	STAT_COUNTER,
	STAT_GAUGE,
	STAT_KINDS,
};

struct stat_row {
	const char *name; /* 1..55 of [a-z0-9_], without the product prefix */
	const char *help; /* <= 127 bytes */
	enum stat_kind kind;
};

struct statpage {
	struct region region;     /* owned */
	_Atomic uint64_t *values; /* borrowed from region; index = row of the table */
	uint32_t count;           /* rows this process described */
	_Atomic uint64_t *heartbeat_ms; /* borrowed: CLOCK_MONOTONIC, last turn's end */
	_Atomic uint64_t *slowest_turn_us; /* borrowed */
	lifeline_word *lifeline;        /* borrowed: the owner holds it; 0 in pages of older ones */
	_Atomic uint64_t *config_differs;  /* borrowed: 1 = it runs settings that tipring.yaml does not have any more */
};

/* Empty: no rows yet. */
MUST_USE int statpage_create(const char *name, struct statpage *ret);

/* Map a received page, owning `fd` on success only. ERR_CORRUPT: not a page; ERR_INVAL:
 * not a sealed memfd. A new owner (writable) then calls statpage_describe(). */
MUST_USE int statpage_adopt(int fd, bool writable, struct statpage *ret);

/* Publish the owner's table. Values of rows that had the same name are kept, so counters
 * survive a restart, whatever the order of the new table. ERR_NOSPC over STATPAGE_CAP
 * rows, ERR_INVAL for a bad or repeated name, help or kind. */
MUST_USE int statpage_describe(struct statpage *s, const struct stat_row *rows,
			       uint32_t count);
void statpage_close(struct statpage *s);

static inline void stat_add(struct statpage *s, uint32_t row, uint64_t n)
{
	uint64_t v = atomic_load_explicit(&s->values[row], memory_order_relaxed);

	atomic_store_explicit(&s->values[row], v + n, memory_order_relaxed);
}

static inline void stat_set(struct statpage *s, uint32_t row, uint64_t v)
{
	atomic_store_explicit(&s->values[row], v, memory_order_relaxed);
}

/* End of an actor turn: heartbeat and slowest turn. */
void statpage_turn(struct statpage *s, uint64_t turn_start_ns, uint64_t now_ns);

/* A row as a reader sees it. */
struct stat_value {
	char name[STAT_NAME_BYTES];
	char help[STAT_HELP_BYTES];
	enum stat_kind kind;
	uint64_t value;
};

/* Row `i` of whoever owns the page now. Whatever the page holds, the texts are bounded,
 * NUL-terminated and printable; bad bytes become '_'. ERR_NOENT past the end. */
MUST_USE int statpage_read(const struct statpage *s, uint32_t i, struct stat_value *ret);
