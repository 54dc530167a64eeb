/* leg_parts.h - what files of this folder share. Of no interest to others. */
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

/* An INVITE of ours that begins anew: no dialog of the last one is one of it. */
void leg_forget_dialogs(struct leg_record *r);
/* What the 3xx said is what ends the leg: for LEG_EV_NO_FOLLOW. */
void leg_redirect_said(struct leg *l);

/* o= of every description of ours. */
struct sdp_origin leg_origin(const struct leg_record *r);

/* Facts in force, and the number the next ones get; leg_change_count(): they are, and get it. */
void leg_set_generation(struct leg_record *r, uint32_t generation);
uint32_t leg_next_generation(const struct leg_record *r);
void leg_change_count(struct leg_record *r);

/* RFC 3261 13.2.1: the offer is left to us. */
static inline bool leg_wants_offer(const struct sip_msg *m)
{
	return m->body.n == 0;
}

/* ---- leg_more.c ---- */

/* Parts behind those that every leg may have. */
bool leg_has_more(const struct leg_record *r);
void leg_put_more(struct buf *b, const struct leg_record *r,
		  const struct sip_client_record *client);
MUST_USE int leg_take_more(struct str *in, struct leg_record *ret,
			   struct sip_client_record *ret_client, bool *ret_has_client);

#define LEG_CLIENT_PARTS 4u
/* NULL: empty parts. */
void leg_put_client(struct buf *b, const struct sip_client_record *c);
MUST_USE int leg_take_client(struct str *in, struct sip_client_record *ret, bool *ret_has);

void leg_put_nothing(struct buf *b, unsigned parts);
/* A part of variable length; what is longer than `cap` is not taken. */
MUST_USE int leg_take_bytes(struct str *in, void *to, size_t cap, uint32_t *ret_n);
/* Also at the end. */
bool leg_next_is_empty(const struct str *in);
MUST_USE int leg_skip(struct str *in, unsigned parts);

/* Of a description of ours, printed as version 0, and the version it gets: that of the last one
 * when it is the same, else more than any had (RFC 3264 8). */
uint64_t leg_text_hash(struct str text);
uint64_t leg_next_version(const struct leg_record *r, uint64_t hash);
