/* digest_server.h - is this who it says? Challenges of ours and the answers to them, as a
 * server (RFC 7616 section 5, RFC 8760).
 *
 * A nonce holds its time and 64 random bits, signed: whoever has the key knows one again
 * without having kept it. What is kept is which of its counts were used, in a table with a
 * cap: a request that comes again is stale. When the table is full the oldest row goes, and
 * with it every nonce of that age: those clients are asked once more.
 *
 * What the answer does not tell: whether the user exists. A name that is not known is
 * verified all the same, against a password nobody has. */
#pragma once

#include "common/base/map.h"
#include "signaling/sip/digest.h"

#define SIP_GUARD_KEY_BYTES   32u
#define SIP_GUARD_NONCE_BYTES 65u /* printed, and its end */
#define SIP_GUARD_NC_WINDOW   64u /* counts that may overtake each other */

struct sip_guard_row {
	uint64_t hash;    /* of the nonce */
	uint64_t made_s;  /* its time */
	uint32_t highest; /* nc seen */
	uint64_t seen;    /* bit i: highest - i was used */
};

/* What is known beside the rows. It may outlive the process with them: a successor that is
 * given both knows what was used. Zeroed: nothing yet. */
struct sip_guard_place {
	uint64_t floor_s; /* nonces made then or before are stale */
	uint32_t next; /* row that is written */
	uint32_t pad;
};

struct sip_guard {
	uint8_t key[SIP_GUARD_KEY_BYTES];
	struct map_key hash_key;
	struct map by_nonce;        /* hash -> index of rows; empty when they are shared */
	struct sip_guard_row *rows; /* a ring, borrowed; hash 0: free */
	struct sip_guard_place *place; /* borrowed */
	uint32_t cap;
	uint32_t lifetime_s;
	bool shared;
};

enum sip_guard_verdict {
	SIP_GUARD_GOOD,
	SIP_GUARD_NONE,  /* no credentials for this realm: 401 */
	SIP_GUARD_STALE, /* right, but with a nonce too old or a count used before: 401 stale */
	SIP_GUARD_BAD    /* wrong, whatever of it was: 401 as for NONE */
};

/* `rows` and `place`: `cap` of them, zeroed or a predecessor's, kept by the caller; then `key`
 * and `hash_key` are its, too, else from the kernel. Workers that share `key` know each
 * other's nonces, not the counts used with them. ERR_NOMEM, ERR_INVAL; ERR_CORRUPT: no rows
 * that a guard left. */
struct sip_guard_config {
	const uint8_t *key; /* SIP_GUARD_KEY_BYTES */
	struct map_key hash_key;
	struct sip_guard_row *rows;
	struct sip_guard_place *place;
	uint32_t cap;
	uint32_t lifetime_s;
	uint64_t now_s; /* nothing in the rows is later */
	bool shared; /* other processes write to rows and place, too: whoever calls holds them off meanwhile, and rows are
		      * looked through */
};
MUST_USE int sip_guard_init(struct sip_guard *g, const struct sip_guard_config *cfg);
void sip_guard_fini(struct sip_guard *g);

/* Append a WWW-Authenticate line for each algorithm asked for, the strongest first; one nonce
 * serves them all. `chance`: 64 bits from the kernel. ERR_NOSPC, ERR_UNSUPPORTED. */
struct sip_guard_ask {
	struct str realm; /* sip_digest_is_plain() */
	bool stale;
	uint64_t now_s, chance;
	uint32_t hashes; /* SIP_GUARD_HASH() of each; 0: all there are */
};
#define SIP_GUARD_HASH(hash) (1u << (hash))
MUST_USE int sip_guard_challenge(const struct sip_guard *g, const struct sip_guard_ask *ask,
				 struct buf *b);

/* Find the credentials of `realm` in a request: ERR_NOENT when there are none; else the
 * fault of the last one that can not be used. */
MUST_USE int sip_guard_find(const struct sip_msg *m, struct str realm,
			    struct sip_credentials *ret);

/* `password`: of the user that `c->username` names; p NULL: there is no such user. The
 * uri of the credentials must be the Request-URI. */
enum sip_guard_verdict sip_guard_check(struct sip_guard *g, const struct sip_credentials *c,
				       const struct sip_msg *m, struct str password,
				       uint64_t now_s);
