/* lifeline.h - a word in shared memory that tells of the death of the thread that holds it, before the process's memory is taken apart.
 *
 * The kernel marks it (FUTEX_OWNER_DIED, set_robust_list(2)) when the thread has run its last instruction and its last system call has returned, whatever ended it. Memory and
 * descriptors of the process go later, with a large one by milliseconds, and only then do its pidfd and its sockets tell. The mark is all there is: who lets go in good
 * order leaves none. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

typedef _Atomic uint32_t lifeline_word; /* 0 = nobody holds it */

/* From the thread whose death matters; one word a process, 4-aligned. It takes the place of the C library's list: that thread can not use robust
 * mutexes. A negative errno: the word is 0. */
MUST_USE int lifeline_hold(lifeline_word *word);

/* The same thread, before it ends in good order or unmaps the word. Nothing held is fine. */
void lifeline_let_go(void);

/* What a held word shows, which names the holder; 0 = nobody, or one that is dead. A mapping to read will do, also in another pid namespace. */
uint32_t lifeline_holder(const lifeline_word *word);

/* `holder`, who held it last, is dead. */
bool lifeline_is_broken(const lifeline_word *word, uint32_t holder);

/* Return when the word is not `holder`'s any more, or after `ms`. */
void lifeline_wait(const lifeline_word *word, uint32_t holder, uint32_t ms);
