/* logins.h - whom a peer knows us as, when it asks. Passwords are here, and in no record: of a
 * leg that was dialled with credentials of its own a successor knows only that it had some. */
#pragma once

#include "common/base/addr.h"
#include "signaling/sip/digest_client.h"

struct leg;
struct signaling;

struct login_row {
	uint64_t handle; /* of its leg */
	char username[SIP_LOGIN_BYTES], password[SIP_LOGIN_BYTES], realm[SIP_REALM_BYTES];
};

/* Row 0 is the trunk's, the others are of legs by their slots. Zeroed: there are none. */
struct logins {
	struct login_row *rows; /* secret_take() */
	uint32_t count;
	struct addr trunk; /* family NONE: there is none */
};

/* For so many legs. ERR_NOMEM. */
MUST_USE int logins_open(struct signaling *s, uint32_t legs);
void logins_close(struct signaling *s);

/* Neither too long, nor without name or password, nor such that it can not be said. */
bool logins_can_use(const struct sip_login *login);

/* What calls that go to `hop` are made with, from now on; NULL: nothing. Copied. */
void logins_set_trunk(struct signaling *s, const struct addr *hop, const struct sip_login *login);

/* Copied, whole. */
void logins_put(struct login_row *r, const struct sip_login *login);
struct sip_login logins_in(const struct login_row *r); /* borrowed */

/* A login that can be used is the leg's until it is freed. Copied. */
void logins_keep(struct signaling *s, const struct leg *l, const struct sip_login *login);
void logins_forget(struct signaling *s, const struct leg *l);

/* Its own login; without one the trunk's, where it goes to the trunk; else the account of a
 * registration where this leg's INVITE goes: the one whose address of record is our From, else
 * the first. No username: there is none. Borrowed until the configuration or registrations
 * change; the password is nowhere else. */
struct sip_login logins_of(const struct signaling *s, const struct leg *l);

/* The same for a request to `hop` that belongs to no leg: as the trunk, else as the account there
 * whose address of record is `us`, else the first. */
struct sip_login logins_at(const struct signaling *s, const struct addr *hop, struct str us);
