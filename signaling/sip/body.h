/* body.h - what of a given type stands in a body: all of it, or a part of multipart/mixed
 * (RFC 2046 5.1, RFC 5621). */
#pragma once

#include <stdbool.h>

#include "common/base/str.h"

/* Is a Content-Type or Accept value this type, parameters aside? */
bool sip_type_is(struct str value, struct str type);

/* The content of type `wanted`, of several the first; n == 0: none. A part that nobody
 * here can read is passed over whatever its handling parameter demands, see
 * docs/decisions/0010-parts-nobody-reads.md. Borrowed from `body`. */
struct str sip_body_part(struct str content_type, struct str body, struct str wanted);
