/* dedup.h - commands that were answered before: the same id within DEDUP_MS gets the same answer and no second effect. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/str.h"

#define DEDUP_MS 120000u
#define DEDUP_ROWS 32768u /* 270 commands a second; beyond that the oldest is forgotten first */
#define DEDUP_REASON_BYTES 64u

struct dedup_row {
	uint64_t key; /* 0 = free */
	uint64_t at_ms;
	uint64_t fence;
	uint64_t call_id; /* of a Dial */
	uint64_t room_id; /* of a Bridge */
	uint32_t code;
	char reason[DEDUP_REASON_BYTES];
};

struct dedup {
	struct dedup_row v[DEDUP_ROWS]; /* ring */
	struct map by_key;              /* owned: key -> place in the ring */
	uint32_t next;
	struct map_key hash;
};

MUST_USE int dedup_init(struct dedup *d, const struct map_key *hash);
void dedup_fini(struct dedup *d);
/* A process that is started anew under the name of another one (another `instance`) may count its commands from 1 again. */
uint64_t dedup_key(const struct dedup *d, struct str backend, uint64_t instance, struct str command_id);
const struct dedup_row *dedup_find(const struct dedup *d, uint64_t key, uint64_t now_ms);
void dedup_put(struct dedup *d, const struct dedup_row *row);
