/* describe_parts.h - what describe.c and typed.c share. Of no interest to others. */
#pragma once

#include "signaling/sdp/describe.h"
#include "signaling/sdp/sdp_parts.h"

/* The parts as one text in the arena. ERR_SYNTAX: it would not be one line; ERR_NOSPC. */
MUST_USE int sdp_keep(struct sdp_description *d, const struct str *parts, size_t n,
		      struct str *ret);

/* Behind the lines of its type. False: no such section, or no room. */
bool sdp_place(struct sdp_description *d, uint32_t section, char type, struct str value);

/* There is room for one more. */
void sdp_insert(struct sdp_description *d, uint32_t at, char type, struct str value);
