/* lines.h - header lines that control wants on a response or on the end of a leg, kept until
 * they are sent. Pure. */
#pragma once

#include "signaling/leg/leg.h"

struct leg_line {
	struct str name, value;
};

#define LEG_LINES_MAX 16u

/* They take the place of the last ones; with n == 0 those that were kept stay. NULL, or what is wrong with them, for a person: then there are none. */
const char *leg_lines_take(struct leg_record *r, enum leg_lines_of of,
			   const struct leg_line *lines, uint32_t n);

/* Complete lines, each with CRLF; empty: none for this purpose. Borrowed. */
struct str leg_lines(const struct leg_record *r, enum leg_lines_of of);

/* They were sent, or nobody wants them any more. */
void leg_lines_drop(struct leg_record *r, enum leg_lines_of of);

/* Of a record: false, there were some that can not stand in a message, and are none now. */
bool leg_lines_mend(struct leg_record *r);

/* The X- headers of the BYE that ends it stay behind those of the INVITE. */
void leg_keep_bye(struct leg *l, const struct sip_msg *bye);
/* Headers from here on are of the BYE. */
uint32_t leg_bye_headers_at(const struct leg_record *r);
