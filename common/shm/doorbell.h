/* doorbell.h - an eventfd that wakes a reader of tapes. */
#pragma once

#include "common/base/err.h"

MUST_USE int doorbell_open(int *ret_fd); /* non-blocking, close on exec */

/* A received descriptor: ERR_INVAL unless it is an eventfd (ringing anything else could
 * block), which is made non-blocking. `fd` stays the caller's. */
MUST_USE int doorbell_check(int fd);

void doorbell_ring(int fd); /* never fails visibly: a full counter is ringing already */
void doorbell_hush(int fd); /* drain after waking up */
