/* digest_client.h - the credentials machine of whoever sends requests: what 401 and 407
 * asked for, and the lines that answer them (RFC 3261 22.2, 22.3; RFC 8760).
 *
 * How a sender uses it:
 *
 *   sip_auth_begin(&auth);                  before the first form of each request
 *   sip_auth_put(&auth, &login, &request, &headers);  lines for it; none at first
 *   ... 401 or 407 arrives:
 *   if (sip_auth_challenged(&auth, &login, msg, chance) == SIP_AUTH_RETRY)
 *           the same request again: same Call-ID, From tag and headers, CSeq + 1, another
 *           branch, and what sip_auth_put() appends now
 *   else    the code of the response is the outcome
 *
 * What was asked stays: later requests (refreshes, in-dialog ones) carry credentials at
 * once, nc counting on for each nonce. Only a challenge to the same request again ends it,
 * but for one `stale`. Several proxies and the server may each ask, under a realm of its
 * own. The state is plain octets without pointers or secrets, so it may be kept in records:
 * sip_auth_pack(). */
#pragma once

#include "signaling/sip/digest.h"

#define SIP_AUTH_SLOTS 3u /* realms that may ask along one path */

/* Whom we are known as. Borrowed. No quotes, backslashes or control octets in name and
 * realm: sip_login_is_sound(). */
struct sip_login {
	struct str username; /* n == 0: there is nothing to answer a challenge with */
	struct str password;
	struct str realm; /* the only one that may ask; n == 0: any */
};

/* One realm's last challenge. */
struct sip_auth_slot {
	uint8_t used;
	uint8_t proxy; /* it came with 407 */
	uint8_t hash;  /* enum sip_hash */
	uint8_t sess;
	uint8_t qop; /* enum sip_qop */
	uint8_t names_algorithm;
	uint8_t asked; /* for the request under way: challenges that were answered */
	uint8_t stale; /* one of them for a nonce that was too old */
	uint32_t nc;   /* requests sent with this nonce */
	char cnonce[20];
	char realm[SIP_REALM_BYTES];
	char nonce[SIP_NONCE_BYTES];
	char opaque[SIP_OPAQUE_BYTES];
};

/* Zeroed = nobody has asked. */
struct sip_auth {
	struct sip_auth_slot slots[SIP_AUTH_SLOTS];
};

enum sip_auth_verdict {
	SIP_AUTH_RETRY,   /* send it again with what sip_auth_put() says now */
	SIP_AUTH_REFUSED, /* our credentials were looked at and did not do */
	SIP_AUTH_UNABLE,  /* nothing to answer with: no login, or no challenge we can answer */
};

struct sip_auth_request {
	struct str method; /* "INVITE" */
	struct str uri;    /* the Request-URI as sent */
};

bool sip_login_is_sound(const struct sip_login *l);

/* A new request starts: it may be challenged once more by each realm. */
void sip_auth_begin(struct sip_auth *a);

/* A final 401 or 407. Of several challenges of one realm the strongest is answered, of
 * equal ones the first. `chance`: 64 bits from the kernel, for the cnonce. */
enum sip_auth_verdict sip_auth_challenged(struct sip_auth *a, const struct sip_login *l,
					  const struct sip_msg *response, uint64_t chance);

/* Append complete Authorization and Proxy-Authorization lines, one for each realm that has
 * asked; nc counts up. ERR_NOSPC, ERR_UNSUPPORTED: see sip_digest_response(). */
MUST_USE int sip_auth_put(struct sip_auth *a, const struct sip_login *l,
			  const struct sip_auth_request *r, struct buf *b);

/* As parts of a record (common/base/record.h): five for each slot. */
#define SIP_AUTH_PARTS (5u * SIP_AUTH_SLOTS)
void sip_auth_pack(const struct sip_auth *a, struct buf *b);
/* And back; hostile octets. ERR_CORRUPT. A record that ends before: nobody has asked. */
MUST_USE int sip_auth_unpack(struct str *in, struct sip_auth *ret);
