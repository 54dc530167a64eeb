/* must.h - internal invariants. A failure is our bug, never a peer's doing.
 *
 * must() is never compiled out. The process logs the place and aborts; the
 * supervisor starts it again and its state comes back from its slab. */
#pragma once

#include <stdnoreturn.h>

noreturn void must_fail(const char *expr, const char *file, int line);

#define must(cond) ((cond) ? (void)0 : must_fail(#cond, __FILE__, __LINE__))
