/* hash.c - see hash.h */
#include "signaling/sip/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const EVP_MD *function_of(enum sip_hash h)
{
	/* before the first use, or the library reads its configuration file; then a no-op */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	switch (h) {
	case SIP_HASH_MD5:
		return EVP_md5();
	case SIP_HASH_SHA256:
		return EVP_sha256();
	case SIP_HASH_SHA512_256:
		return EVP_sha512_256();
	case SIP_HASHES:
		break;
	}
	return NULL;
}

int sip_hash_hex(enum sip_hash h, struct str text, char out[SIP_HASH_HEX_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	const EVP_MD *function = function_of(h);
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n;

	out[0] = '\0';
	if (function == NULL || EVP_Digest(text.p, text.n, sum, &n, function, NULL) != 1)
		return ERR_UNSUPPORTED;
	for (unsigned i = 0; i < n; i++) {
		out[2 * i] = digits[sum[i] >> 4];
		out[2 * i + 1] = digits[sum[i] & 15];
	}
	out[2 * n] = '\0';
	OPENSSL_cleanse(sum, sizeof sum);
	return 0;
}

int sip_hash_hmac(struct str key, struct str text, uint8_t out[SIP_HMAC_BYTES])
{
	unsigned n = SIP_HMAC_BYTES;

	return HMAC(function_of(SIP_HASH_SHA256), key.p, (int)key.n,
		    (const unsigned char *)text.p, text.n, out, &n) != NULL
		       ? 0
		       : ERR_UNSUPPORTED;
}

size_t sip_hash_digits(enum sip_hash h)
{
	static const uint8_t digits[SIP_HASHES] = {32, 64, 64};

	return h < SIP_HASHES ? digits[h] : 0;
}

bool sip_hash_eq(struct str a, struct str b)
{
	return a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}

void sip_hash_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}
