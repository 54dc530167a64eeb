/* slab.h - fixed records in a memfd that outlive the process that writes them.
 *
 * One writer. Each record has two copies with a version and a CRC-32C; slab_commit()
 * writes the older copy and publishes it by its version, so a writer killed at any
 * instant leaves the previous copy valid. Beside the copies each record has a `hot` line
 * of 64-bit words for values that change per packet: written with single atomic stores
 * *before* the value is used, so a successor never reuses one.
 *
 * Layout: header page | cap * { slot header, hot[SLAB_HOT_WORDS], copy A, copy B } */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/shm/region.h"

#define SLAB_HOT_WORDS  16u
#define SLAB_CAP_MAX    65536u /* records */
#define SLAB_RECORD_MAX 98304u /* bytes of one, as its first writer asks for */

struct slab {
	struct region region;  /* owned */
	uint32_t cap;          /* records */
	uint32_t record_bytes; /* largest payload: what was asked for, and a quarter */
	uint32_t stride;       /* bytes from slot to slot */
	uint64_t schema;       /* changes when the record's struct changes */
};

/* Size of the whole memfd; 0 when a limit is exceeded. */
size_t slab_bytes(uint32_t cap, uint32_t record_bytes);

/* A new slab of free slots. A later build writes its longer records into it too: there is
 * room for a quarter more. Not in core dumps. ERR_INVAL for sizes out of 1..SLAB_*_MAX, or
 * an errno. */
MUST_USE int slab_create(const char *name, uint32_t cap, uint32_t record_bytes,
			 uint64_t schema, struct slab *ret);

/* Map a received slab, owning `fd` on success only. A clear that was interrupted is
 * finished. ERR_CORRUPT: not a slab or impossible sizes; ERR_PROTO: another schema;
 * ERR_INVAL: not a sealed memfd. */
MUST_USE int slab_adopt(int fd, uint64_t schema, struct slab *ret);
void slab_close(struct slab *s);

/* Write `n` bytes as the record of `slot`, safe against our own death. ERR_NOSPC: more than
 * record_bytes, which a slab of an older build may be; the last record stays. */
MUST_USE int slab_commit(struct slab *s, uint32_t slot, const void *record, size_t n);
/* Free: both copies become invalid and are wiped, hot words zero. */
void slab_clear(struct slab *s, uint32_t slot);

/* The newest valid copy into `record` (`cap` bytes). 0; ERR_NOENT when the slot is free;
 * ERR_CORRUPT when it was used and no copy is valid; ERR_NOSPC when it is larger than
 * `cap`. For the writer and its successor: a commit running meanwhile is not guarded
 * against. */
MUST_USE int slab_load(const struct slab *s, uint32_t slot, void *record, size_t cap,
		       size_t *ret_n);

/* The hot words of a slot. */
_Atomic uint64_t *slab_hot(const struct slab *s, uint32_t slot);

/* Poison note: what is being worked on right now, so that two deaths on the same pair can
 * quarantine it. call 0 = nothing. */
void slab_touch(struct slab *s, uint64_t call, uint64_t hash);
void slab_touched(const struct slab *s, uint64_t *ret_call, uint64_t *ret_hash);

/* A successor, once: whatever its predecessor was working on has one death more. The
 * last SLAB_POISON_MAX pairs are known. */
#define SLAB_POISON_MAX    16u
#define SLAB_POISON_DEATHS 2u
void slab_count_death(struct slab *s);

/* Must this input be left alone? */
bool slab_is_poison(const struct slab *s, uint64_t call, uint64_t hash);
