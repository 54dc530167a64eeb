/* test_digest.c - mirrors signaling/sip/digest.c */
#include <criterion/criterion.h>

#include "signaling/sip/digest.h"

/* ---- challenges ---- */

#define BASE "Digest realm=\"r\", nonce=\"n\""

/* clang-format off */
static const struct {
	const char *in;
	int ret;
	const char *realm, *nonce;
	enum sip_hash hash;
	bool sess, auth, stale;
} challenges[] = {
	{"Digest realm=\"r\", nonce=\"n\", algorithm=MD5", 0, "r", "n", SIP_HASH_MD5, 0, 0, 0}, /* C063 */
	{BASE, 0, "r", "n", SIP_HASH_MD5, 0, 0, 0},
	{BASE ",qop=\"auth\"", 0, "r", "n", SIP_HASH_MD5, 0, 1, 0},
	{BASE ", qop=auth", 0, "r", "n", SIP_HASH_MD5, 0, 1, 0},
	{BASE ", qop=\"auth-int, auth\"", 0, "r", "n", SIP_HASH_MD5, 0, 1, 0},
	{BASE ", algorithm=\"sha-256\", qop=\"auth\"", 0, "r", "n", SIP_HASH_SHA256, 0, 1, 0},
	{BASE ", algorithm=SHA-512-256, qop=\"auth\"", 0, "r", "n", SIP_HASH_SHA512_256, 0, 1, 0},
	{BASE ", algorithm=MD5-sess, qop=\"auth\"", 0, "r", "n", SIP_HASH_MD5, 1, 1, 0},
	{BASE ", algorithm=SHA-512-256-SESS, qop=\"auth\"", 0, "r", "n", SIP_HASH_SHA512_256, 1, 1, 0},
	{BASE ", stale=TRUE", 0, "r", "n", SIP_HASH_MD5, 0, 0, 1},
	{BASE ", stale=\"true\"", 0, "r", "n", SIP_HASH_MD5, 0, 0, 1},
	{BASE ", stale=false", 0, "r", "n", SIP_HASH_MD5, 0, 0, 0},
	{"digest\r\n realm = \"a \\\"b\\\", c\" ,\r\n\tnonce= \"=,x\" ,", 0, "a \\\"b\\\", c", "=,x", SIP_HASH_MD5, 0, 0, 0},
	{"Digest realm=\"\", nonce=n+/=", 0, "", "n+/=", SIP_HASH_MD5, 0, 0, 0},
	{"Digest ,, realm=\"r\",,nonce=\"n\"", 0, "r", "n", SIP_HASH_MD5, 0, 0, 0},
	{BASE ", x=\"y,z\", domain=\"sip:a sip:b\", charset=UTF-8", 0, "r", "n", SIP_HASH_MD5, 0, 0, 0},

	{"Bearer realm=\"r\"", ERR_UNSUPPORTED, 0, 0, 0, 0, 0, 0},               /* C224 */
	{"Basic realm=\"r\"", ERR_UNSUPPORTED, 0, 0, 0, 0, 0, 0},                /* C219 */
	{"Digest realm=\"r\"", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},                    /* C224: no nonce */
	{"Digest realm=\"r\", nonce=\"\"", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"Digest nonce=\"n\"", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{BASE ", algorithm=SHA-1024", ERR_UNSUPPORTED, 0, 0, 0, 0, 0, 0},        /* C224 */
	{BASE ", algorithm=AKAv1-MD5, qop=auth", ERR_UNSUPPORTED, 0, 0, 0, 0, 0, 0},
	{BASE ", algorithm=-sess, qop=auth", ERR_UNSUPPORTED, 0, 0, 0, 0, 0, 0},
	{BASE ", qop=\"auth-int\"", ERR_UNSUPPORTED, 0, 0, 0, 0, 0, 0},          /* C224 */
	{BASE ", algorithm=MD5-sess", ERR_UNSUPPORTED, 0, 0, 0, 0, 0, 0},        /* no cnonce without qop */
	{BASE ", nonce=\"m\"", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{BASE " x=y", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{BASE ", x", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{BASE ", x=", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{BASE ", x=\"y", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"Digest realm=\"r\", nonce=n\\", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},          /* would escape our quotes */
	{BASE ", x=y\"z\"", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{BASE ", opaque=\"a\r\n b\"", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},             /* would end our line */
	{"Digest realm=\"r\x01\", nonce=\"n\"", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"Digest", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{"\"Digest\" realm=\"r\"", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
	{BASE ",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,", ERR_SYNTAX, 0, 0, 0, 0, 0, 0},
};
/* clang-format on */

Test(sip_digest, challenges_of_the_table)
{
	for (size_t i = 0; i < sizeof challenges / sizeof challenges[0]; i++) {
		struct sip_challenge c;
		int err = sip_challenge_parse(str_of(challenges[i].in), &c);

		cr_assert_eq(err, challenges[i].ret, "%s: %d", challenges[i].in, err);
		if (err != 0)
			continue;
		cr_assert(str_eq(c.realm, str_of(challenges[i].realm)), "%s", challenges[i].in);
		cr_assert(str_eq(c.nonce, str_of(challenges[i].nonce)), "%s", challenges[i].in);
		cr_assert_eq(c.hash, challenges[i].hash, "%s", challenges[i].in);
		cr_assert_eq(c.sess, challenges[i].sess, "%s", challenges[i].in);
		cr_assert_eq(c.qop_auth, challenges[i].auth, "%s", challenges[i].in);
		cr_assert_eq(c.stale, challenges[i].stale, "%s", challenges[i].in);
	}
}

static int with_nonce_of(size_t n)
{
	static char area[2048];
	struct buf b = buf_of(area, sizeof area);
	struct sip_challenge c;

	buf_z(&b, "Digest realm=\"r\", nonce=\"");
	for (size_t i = 0; i < n; i++)
		buf_char(&b, 'n');
	buf_z(&b, "\"");
	return sip_challenge_parse(buf_str(&b), &c);
}

Test(sip_digest, what_is_longer_than_we_keep)
{
	cr_assert_eq(with_nonce_of(SIP_NONCE_BYTES - 1), 0);
	cr_assert_eq(with_nonce_of(SIP_NONCE_BYTES), ERR_NOSPC);
}

/* ---- credentials ---- */

#define CRED "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"0f\""

/* clang-format off */
static const struct {
	const char *in;
	int ret;
	uint32_t nc;
	enum sip_qop qop;
} credentials[] = {
	{CRED, 0, 0, SIP_QOP_NONE},                                             /* C223 */
	{CRED ", qop=auth, nc=0000001A, cnonce=\"c\"", 0, 26, SIP_QOP_AUTH},
	{CRED ", qop=\"auth\", nc=\"ffffffff\", cnonce=\"c\", opaque=\"o\"", 0, 0xffffffff, SIP_QOP_AUTH},
	{CRED ", algorithm=SHA-256-sess, qop=auth, nc=00000001, cnonce=\"c\"", 0, 1, SIP_QOP_AUTH},
	{CRED ", qop=auth, nc=1, cnonce=\"c\"", ERR_SYNTAX, 0, 0},
	{CRED ", qop=auth, nc=0000000g, cnonce=\"c\"", ERR_SYNTAX, 0, 0},
	{CRED ", qop=auth, nc=00000000, cnonce=\"c\"", ERR_SYNTAX, 0, 0},
	{CRED ", qop=auth, cnonce=\"c\"", ERR_SYNTAX, 0, 0},
	{CRED ", qop=auth, nc=00000001", ERR_SYNTAX, 0, 0},
	{CRED ", qop=auth-int, nc=00000001, cnonce=\"c\"", ERR_UNSUPPORTED, 0, 0},
	{CRED ", algorithm=MD5-sess", ERR_SYNTAX, 0, 0},
	{CRED ", algorithm=MD4", ERR_UNSUPPORTED, 0, 0},
	{CRED ", userhash=true", ERR_UNSUPPORTED, 0, 0},
	{"Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:x\"", ERR_SYNTAX, 0, 0},
	{"Basic dXNlcjpwYXNz", ERR_UNSUPPORTED, 0, 0},
	{"Digest", ERR_SYNTAX, 0, 0},
};
/* clang-format on */

Test(sip_digest, credentials_of_the_table)
{
	for (size_t i = 0; i < sizeof credentials / sizeof credentials[0]; i++) {
		struct sip_credentials c;
		int err = sip_credentials_parse(str_of(credentials[i].in), &c);

		cr_assert_eq(err, credentials[i].ret, "%s: %d", credentials[i].in, err);
		if (err != 0)
			continue;
		cr_assert(str_eq(c.username, STR("u")) && str_eq(c.uri, STR("sip:x")) &&
			  str_eq(c.response, STR("0f")));
		cr_assert_eq(c.nc, credentials[i].nc, "%s", credentials[i].in);
		cr_assert_eq(c.qop, credentials[i].qop, "%s", credentials[i].in);
	}
}

/* ---- the number ---- */

/* C222: RFC 7616 3.9.1. C223: RFC 2617 3.5, with and without qop. What no RFC prints, here
 * and of sessions, was computed with Python's hashlib. */
static const struct {
	struct sip_digest d;
	const char *response;
} vectors[] = {
#define STRS(lit) {lit, sizeof(lit) - 1}
#define RFC7616(h)                                                                       \
	{.hash = h,                                                                      \
	 .qop = SIP_QOP_AUTH,                                                            \
	 .username = STRS("Mufasa"),                                                     \
	 .realm = STRS("http-auth@example.org"),                                         \
	 .password = STRS("Circle of Life"),                                             \
	 .method = STRS("GET"),                                                          \
	 .uri = STRS("/dir/index.html"),                                                 \
	 .nonce = STRS("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),                  \
	 .nc_text = STRS("00000001"),                                                    \
	 .cnonce = STRS("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")}
#define RFC2617(q)                                                                       \
	{.hash = SIP_HASH_MD5,                                                           \
	 .qop = q,                                                                       \
	 .username = STRS("Mufasa"),                                                     \
	 .realm = STRS("testrealm@host.com"),                                            \
	 .password = STRS("Circle Of Life"),                                             \
	 .method = STRS("GET"),                                                          \
	 .uri = STRS("/dir/index.html"),                                                 \
	 .nonce = STRS("dcd98b7102dd2f0e8b11d0f600bfb0c093"),                            \
	 .nc_text = STRS("00000001"),                                                    \
	 .cnonce = STRS("0a4f113b")}
	{RFC7616(SIP_HASH_MD5), "8ca523f5e9506fed4657c9700eebdbec"},
	{RFC7616(SIP_HASH_SHA256),
	 "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
	{RFC7616(SIP_HASH_SHA512_256), "430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0"},
	{RFC2617(SIP_QOP_AUTH), "6629fae49393a05397450978507c4ef1"},
	{RFC2617(SIP_QOP_NONE), "670fd8c2df070c60b045671b8b24ff02"},
};

Test(sip_digest, vectors)
{
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		char out[SIP_HASH_HEX_BYTES];

		cr_assert_eq(sip_digest_response(&vectors[i].d, out), 0);
		cr_assert_str_eq(out, vectors[i].response, "%zu: %s", i, out);
	}
}

/* RFC 7616 3.4.2: the session's A1 */
Test(sip_digest, sessions)
{
	static const char *const wanted[SIP_HASHES] = {
		"e783283f46242139c486a698fec7211d",
		"2fd51b3a77ad75bad6afad6003e818d767133c46d9e2749e7f5232ae1ea3efd7",
		"3f2a34f923c38b0fb26dce2fdfc2ce326c23cecf86fbb1444f3e51fbbc2cb92e",
	};

	for (unsigned h = 0; h < SIP_HASHES; h++) {
		struct sip_digest d = vectors[0].d;
		char out[SIP_HASH_HEX_BYTES];

		d.hash = (enum sip_hash)h;
		d.sess = true;
		cr_assert_eq(sip_digest_response(&d, out), 0);
		cr_assert_str_eq(out, wanted[h]);
	}
}

Test(sip_digest, more_than_is_hashed_at_once)
{
	static char uri[SIP_DIGEST_TEXT];
	struct sip_digest d = vectors[0].d;
	char out[SIP_HASH_HEX_BYTES];

	memset(uri, 'u', sizeof uri);
	d.uri = (struct str){uri, sizeof uri - sizeof "GET:" + 1};
	cr_assert_eq(sip_digest_response(&d, out), 0);
	d.uri.n++;
	cr_assert_eq(sip_digest_response(&d, out), ERR_NOSPC);
}

Test(sip_digest, plain_text)
{
	cr_assert(sip_digest_is_plain(STR("")));
	cr_assert(sip_digest_is_plain(STR("J\xc3\xa4s\xc3\xb8n Doe@1")));
	cr_assert_not(sip_digest_is_plain(STR("a\"b")));
	cr_assert_not(sip_digest_is_plain(STR("a\\b")));
	cr_assert_not(sip_digest_is_plain(STR("a\r\nb")));
	cr_assert_not(sip_digest_is_plain(STR("a\x7f")));
}
