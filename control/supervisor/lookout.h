/* lookout.h - a thread that waits for the end of one worker's lifeline (common/shm/lifeline.h) and rings.
 *
 * poll(2) can not wait for a word. The thread has a mapping of its own, shares nothing else and ends when the word changes hands. */
#pragma once

#include "common/base/err.h"
#include "common/shm/statpage.h"

/* Where all of them ring: an eventfd, or a negative errno. */
int lookout_bell(void);

/* `page`: of a worker that runs. 0 in *ret_holder: it holds no lifeline, nobody waits. A negative errno. */
MUST_USE int lookout_start(const struct statpage *page, int bell, uint32_t *ret_holder);

void lookout_heard(int bell);
