/* hash.h - the hash functions digest authentication is made of (RFC 8760 section 2), over
 * libcrypto, which only hash.c knows.
 *
 * They reach neither files nor the environment: no configuration of the library is read.
 * The library allocates a context for each call; nothing calls this for every message. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

enum sip_hash { /* numbers stand in records; the greater is the stronger */
	SIP_HASH_MD5,
	SIP_HASH_SHA256,
	SIP_HASH_SHA512_256,
	SIP_HASHES
};

#define SIP_HASH_HEX_BYTES 65u /* the longest, and its end */
#define SIP_HMAC_BYTES     32u

/* Lower-case hexadecimal digits, NUL-terminated. ERR_UNSUPPORTED: the library of this
 * machine refuses the function (MD5, perhaps). */
MUST_USE int sip_hash_hex(enum sip_hash h, struct str text, char out[SIP_HASH_HEX_BYTES]);

/* HMAC with SHA-256 (RFC 2104). ERR_UNSUPPORTED. */
MUST_USE int sip_hash_hmac(struct str key, struct str text, uint8_t out[SIP_HMAC_BYTES]);

/* Digits of one hash, without SP or quotes; 0 for a number that is none. */
size_t sip_hash_digits(enum sip_hash h);

/* Equal? In a time that depends on the lengths alone. */
bool sip_hash_eq(struct str a, struct str b);

/* Overwrite what was secret, whether or not it is read again. */
void sip_hash_wipe(void *p, size_t n);
