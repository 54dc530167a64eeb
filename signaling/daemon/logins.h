/* logins.h - whom a peer knows us as, when it asks. */
#pragma once

#include "signaling/sip/digest_client.h"

struct leg;
struct signaling;

/* The account of a registration where this leg's INVITE goes: the one whose address of record
 * is our From, else the first. No username: there is none. Borrowed until registrations
 * change; the password is nowhere else. */
struct sip_login logins_of(const struct signaling *s, const struct leg *l);
