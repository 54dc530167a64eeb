/* doorbell.h - media wakes a reader of tapes with a message on the connection it attached over (layout.h). Nothing that the
 * reader made is written to: a descriptor of its own could be made to wait. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

/* Never waits. ERR_AGAIN: the reader's queue is full of rings; ERR_IO: it is gone. */
MUST_USE int doorbell_ring(int sock);

/* Take one ring; another one shows at once. ERR_AGAIN: none waits, ERR_IO: the connection is over, ERR_SYNTAX: something else came. */
MUST_USE int doorbell_hush(int sock);

bool doorbell_is_ring(const void *p, size_t n);
