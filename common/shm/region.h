/* region.h - a sealed memfd and its mapping. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

#define REGION_BYTES_MAX ((size_t)1 << 32)

struct region {
	void *p;      /* owned mapping; NULL when closed */
	size_t bytes; /* mapped */
	int fd;       /* owned; -1 when closed */
};

/* A new zeroed memfd of `bytes` (1..REGION_BYTES_MAX, rounded up to pages), sealed
 * against resizing for good. ERR_INVAL, or the errno of the kernel's refusal. */
MUST_USE int region_create(const char *name, size_t bytes, struct region *ret);

/* Map a received descriptor whole. It must be sealed against shrinking, else a peer could
 * make us fault (ERR_INVAL), and hold `bytes_min`..REGION_BYTES_MAX bytes (ERR_CORRUPT).
 * Other failures are errnos. Takes ownership of `fd` on success only. */
MUST_USE int region_adopt(int fd, size_t bytes_min, bool writable, struct region *ret);

/* A second descriptor of the same memory on which writable maps fail (O_RDONLY through
 * /proc/self/fd). The caller owns it. Negative on failure. */
int region_reopen_readonly(const struct region *r);

/* Give the mapping up and the descriptor back to the caller. */
void region_unmap(struct region *r);

void region_close(struct region *r); /* harmless when closed or all zero */
