/* digest.h - digest authentication as text: challenges, credentials, and the number that
 * goes into them (RFC 7616, RFC 8760; RFC 2617 for peers without qop).
 *
 * Quoted values are used as they stand between their quotes, escapes not resolved: that is
 * what is hashed, and what is sent back. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "signaling/sip/hash.h"
#include "signaling/sip/msg.h"

#define SIP_REALM_BYTES  128u /* of what is kept and answered; longer ones are not */
#define SIP_NONCE_BYTES  512u
#define SIP_OPAQUE_BYTES 256u
#define SIP_LOGIN_BYTES  128u  /* of a user name or a password */
#define SIP_DIGEST_TEXT  2048u /* of what is hashed at once */

struct sip_challenge {
	struct str realm, nonce, opaque;
	enum sip_hash hash;
	bool sess;
	bool names_algorithm; /* else MD5, and our answer does not name it either */
	bool qop_auth;        /* false: the form of RFC 2617 without qop */
	bool stale;
};

/* One WWW-Authenticate or Proxy-Authenticate value. ERR_SYNTAX; ERR_UNSUPPORTED: another
 * scheme, an algorithm we have not, or auth-int alone; ERR_NOSPC: longer than we keep. */
MUST_USE int sip_challenge_parse(struct str value, struct sip_challenge *ret);

enum sip_qop { SIP_QOP_NONE, SIP_QOP_AUTH };

struct sip_credentials {
	struct str username, realm, nonce, uri, response;
	struct str cnonce, opaque; /* n == 0: none */
	struct str nc_text;        /* its eight digits */
	uint32_t nc;
	enum sip_hash hash;
	bool sess;
	enum sip_qop qop;
};

/* One Authorization or Proxy-Authorization value. Errors as sip_challenge_parse(). */
MUST_USE int sip_credentials_parse(struct str value, struct sip_credentials *ret);

/* What the response is computed from. */
struct sip_digest {
	enum sip_hash hash;
	bool sess;
	enum sip_qop qop;
	struct str username, realm, password;
	struct str method, uri;
	struct str nonce, nc_text, cnonce;
};

/* RFC 7616 3.4.1. ERR_NOSPC: more than SIP_DIGEST_TEXT to be hashed; ERR_UNSUPPORTED: see
 * sip_hash_hex(). */
MUST_USE int sip_digest_response(const struct sip_digest *d, char out[SIP_HASH_HEX_BYTES]);

/* "MD5", "SHA-256-sess" ... */
void sip_digest_put_algorithm(struct buf *b, enum sip_hash h, bool sess);

/* May it stand between quotes as it is, and mean itself? */
bool sip_digest_is_plain(struct str s);
