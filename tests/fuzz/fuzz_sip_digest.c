/* fuzz_sip_digest.c - a challenge or credentials: every part lies inside and could stand
 * between quotes on one line; a challenge is answered with credentials we read ourselves. */
#include "common/base/must.h"
#include "signaling/sip/digest_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct str part, struct str whole)
{
	must(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
	for (size_t i = 0; i < part.n; i++)
		must((unsigned char)part.p[i] >= ' ' && part.p[i] != 0x7f);
}

static void check_challenge(struct str value)
{
	struct sip_challenge c;

	if (sip_challenge_parse(value, &c) != 0)
		return;
	inside(c.realm, value);
	inside(c.nonce, value);
	inside(c.opaque, value);
	must(c.nonce.n > 0 && c.hash < SIP_HASHES && (!c.sess || c.qop_auth));
}

static void check_credentials(struct str value)
{
	struct sip_credentials c;

	if (sip_credentials_parse(value, &c) != 0)
		return;
	inside(c.username, value);
	inside(c.realm, value);
	inside(c.nonce, value);
	inside(c.uri, value);
	inside(c.response, value);
	inside(c.cnonce, value);
	must(c.hash < SIP_HASHES && (c.qop == SIP_QOP_NONE || (c.nc > 0 && c.cnonce.n > 0)));
}

/* The value as that of a 401. */
static void answer(struct str value)
{
	static const struct sip_login login = {{"u", 1}, {"p", 1}, {"", 0}};
	static char area[70000], lines[16384];
	static struct sip_msg m;
	struct sip_auth a = {0};
	struct sip_credentials c;
	struct buf b = buf_of(area, sizeof area), out = buf_of(lines, sizeof lines);
	struct str rest;

	buf_z(&b, "SIP/2.0 401 No\r\nWWW-Authenticate: ");
	buf_str_put(&b, value);
	buf_z(&b, "\r\n\r\n");
	if (!buf_ok(&b) || sip_parse(b.p, b.n, &m) != 0 ||
	    sip_auth_challenged(&a, &login, &m, 1) != SIP_AUTH_RETRY)
		return;
	must(sip_auth_put(&a, &login,
			  &(struct sip_auth_request){STR("REGISTER"), STR("sip:x")}, &out) == 0);
	rest = buf_str(&out);
	while (rest.n > 0) { /* of each realm one */
		struct str line = str_cut(rest, '\n', &rest);

		must(str_has_prefix(line, STR("Authorization: ")));
		(void)str_cut(line, ' ', &line);
		must(sip_credentials_parse(str_trim(line), &c) == 0);
		must(str_eq(c.username, login.username));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str value = {(const char *)data, size};

	if (size == 0 || size > 60000)
		return 0;
	check_challenge(value);
	check_credentials(value);
	answer(value);
	return 0;
}
