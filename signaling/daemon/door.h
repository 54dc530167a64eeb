/* door.h - who has to say who he is before a request outside a dialog is served, and whether
 * he did (RFC 3261 22, RFC 8760). Pure.
 *
 * What it keeps of nonces is in a book that outlives the process: a challenge of a predecessor
 * can be answered, and what answered it once can not be used again. The table of users is the
 * caller's, to be kept out of core files. */
#pragma once

#include "common/base/net.h"
#include "signaling/daemon/gate.h"
#include "signaling/sip/digest_server.h"

#define DOOR_USERS_MAX   256u
#define DOOR_NETS_MAX    64u
#define DOOR_NAME_BYTES  64u
#define DOOR_REALM_BYTES 64u
#define DOOR_ROWS        8192u /* nonces whose counts are known */
#define DOOR_NONCE_S     300u  /* one can be used for so long */
#define DOOR_FAILURES_PER_S 5u /* of a network, before it has to wait */

struct door_user {
	char name[DOOR_NAME_BYTES];
	char password[SIP_LOGIN_BYTES]; /* "": nobody has it */
};

/* Plain octets; zeroed: nothing was used yet. */
struct door_book {
	uint64_t magic;
	uint8_t key[SIP_GUARD_KEY_BYTES];
	struct map_key hash_key;
	struct sip_guard_place place;
	struct sip_guard_row rows[DOOR_ROWS];
};
#define DOOR_MAGIC 0x646f6f72626f6f6bull

struct door_settings {
	struct str realm; /* sip_digest_is_plain() */
	uint32_t hashes;  /* SIP_GUARD_HASH() of each that is offered and taken; 0: all */
	const struct door_user *users; /* borrowed while it is open */
	uint32_t user_count;           /* 0: nobody is asked */
	struct net nets[DOOR_NETS_MAX]; /* whose requests are not asked */
	uint32_t net_count;
};

struct door_counters {
	uint64_t asked, failed, limited;
};

struct door {
	bool ready; /* it has a book */
	bool shared; /* which is that of other workers, too: said before door_open(); see struct sip_guard_config */
	bool shut;  /* nobody comes in */
	struct door_settings set;
	char realm[DOOR_REALM_BYTES];
	struct sip_guard guard;
	struct gate failures;
	const char *user; /* of the last request: his name, "" = nobody was asked */
	struct door_counters count;
	char lines[2048];
};

/* With the book of a predecessor, or a zeroed one, which gets `key`. ERR_NOMEM; ERR_CORRUPT:
 * it is none, and is to be zeroed. */
MUST_USE int door_open(struct door *d, struct door_book *book,
		       const uint8_t key[SIP_GUARD_KEY_BYTES], const struct map_key *hash_key,
		       uint64_t now_ms);
void door_close(struct door *d);

/* ERR_INVAL: a realm that can not be said; nothing has changed then. */
MUST_USE int door_set(struct door *d, const struct door_settings *set);

static inline bool door_asks(const struct door *d)
{
	return d->set.user_count > 0;
}

/* May this request come in? 0, and d->user says who it is; else the code of the answer: 401 or,
 * of a network that guesses, 503, with `*ret_lines`, borrowed until the next call. What is wrong
 * with credentials is told to nobody. `chance`: 64 bits, other ones each time. */
struct door_request {
	const struct sip_msg *msg;
	const struct addr *source;
	uint64_t now_ms, chance;
};
unsigned door_knock(struct door *d, const struct door_request *r, struct str *ret_lines);

/* "192.0.2.0/24", "2001:db8::/32", an address alone. ERR_SYNTAX. */
