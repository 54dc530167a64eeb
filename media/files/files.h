/* files.h - the process that may wait for a disk: recordings of calls, and what is played to them. What its files share.
 *
 * It reads tapes as an observer, in its own time: media does not know of it. Everything it would have to remember is in the header of the file
 * (media/dsp/wav.h) and in two descriptors that the supervisor keeps (docs/decisions/0033). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/actor/actor.h"
#include "common/actor/worker.h"
#include "common/base/pool.h"
#include "media/files/playing.h"
#include "media/files/recording.h"

enum files_stat {
#define STAT(kind, name, help) STAT_##name,
#include "media/files/stats.def"
#undef STAT
	FILES_STATS
};

struct files {
	struct actor *actor;
	struct worker *worker;
	int directory;         /* owned: of the recordings; -1 = can not be opened */
	int sounds;            /* owned: likewise, of what is played */
	struct pool recordings; /* of struct recording */
	struct pool plays;      /* of struct play */
	uint64_t next_ms;      /* when tapes are read next */
	bool draining;
};

static inline void count(struct files *f, enum files_stat row, uint64_t n)
{
	stat_add(&f->actor->stats, row, n);
}
