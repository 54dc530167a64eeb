/* record.h - state that outlives a build: a row of parts that later builds may lengthen.
 *
 * A part is a struct without pointers, written as its size and its octets. A reader takes
 * the prefix it knows and finds the rest of its own struct zero: so fields are only ever
 * appended, and all octets zero is what a field means that its writer did not have. A part
 * inside another would move what follows it; whatever may grow is a part of its own, and
 * parts are only ever appended too. Byte order and alignment are the host's. */
#pragma once

#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* Append one part of `n` octets; may be empty. A part that does not fit fills `b`. */
void record_put(struct buf *b, const void *p, size_t n);

/* The next part of `*in` into `part`: what fits of it, zeroes behind. `least` is its size
 * in the first build that wrote it; 0 when that build did not: a record that ends before
 * it is all zero then. ERR_CORRUPT: shorter than `least`, or cut off. */
MUST_USE int record_take(struct str *in, void *part, size_t cap, size_t least);

/* The next part as it stands: text, a list, something with a rule of its own. Empty when
 * the record ends before it. Borrowed. ERR_CORRUPT: cut off, or more than `most`. */
MUST_USE int record_take_str(struct str *in, size_t most, struct str *ret);
