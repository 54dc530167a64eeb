/* leg_parts.h - what leg.c and dial.c share. Of no interest to others. */
#pragma once

#include "signaling/leg/leg.h"

/* For people to read; cut. */
void leg_keep(char *to, size_t cap, struct str from);

/* One more header line of the record; false: no room. */
bool leg_keep_header(struct leg_record *r, struct str name, struct str value);
/* The X- headers of a message, as many as there is room for. */
void leg_keep_headers(struct leg_record *r, const struct sip_msg *m);

/* Where audio goes and how it is coded: what media is told. */
bool leg_choice_eq(const struct sdp_choice *a, const struct sdp_choice *b);

/* o= of every description of ours. */
struct sdp_origin leg_origin(const struct leg_record *r);

/* Of a description of ours, printed as version 0, and the version it gets: that of the last one
 * when it is the same, else more than any had (RFC 3264 8). */
uint64_t leg_text_hash(struct str text);
uint64_t leg_next_version(const struct leg_record *r, uint64_t hash);
