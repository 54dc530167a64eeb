/* test_digest_client.c - mirrors signaling/sip/digest_client.c. What a server would say of
 * the lines is asked of digest.c, which has vectors of its own. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "signaling/sip/digest_client.h"

#define RESPONSE                                                                         \
	"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"                 \
	"To: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"

#define ASK(h, more) h ": Digest realm=\"r\", nonce=\"" more "\r\n"
#define WWW(more)    ASK("WWW-Authenticate", more)
#define PROXY(more)  ASK("Proxy-Authenticate", more)
#define QOP          "\", qop=\"auth\""

static const struct sip_login login = {{"u", 1}, {"secret", 6}, {"", 0}};
static const struct sip_auth_request invite = {{"INVITE", 6}, {"sip:x@y", 7}};

static enum sip_auth_verdict challenge(struct sip_auth *a, const struct sip_login *l,
				       unsigned code, const char *lines)
{
	static struct sip_msg m;
	static char text[4096];
	int n = snprintf(text, sizeof text, "SIP/2.0 %u No\r\n" RESPONSE "%sContent-Length: 0\r\n\r\n",
			 code, lines);

	cr_assert_eq(sip_parse(text, (size_t)n, &m), 0);
	return sip_auth_challenged(a, l, &m, 0x0123456789abcdefu);
}

static struct str lines_of(struct sip_auth *a, const struct sip_login *l)
{
	static char area[4096];
	struct buf b = buf_of(area, sizeof area - 1);

	cr_assert_eq(sip_auth_put(a, l, &invite, &b), 0);
	area[b.n] = '\0';
	return buf_str(&b);
}

/* The line is what this server would accept. */
static void assert_right(struct str line, const char *header, struct sip_credentials *c)
{
	struct str value;
	struct sip_digest d;
	char wanted[SIP_HASH_HEX_BYTES];

	cr_assert(str_has_prefix(line, str_of(header)), "%.*s", (int)line.n, line.p);
	(void)str_cut(line, ' ', &value);
	cr_assert_eq(sip_credentials_parse(str_trim(value), c), 0, "%s", value.p);
	d = (struct sip_digest){
		.hash = c->hash, .sess = c->sess, .qop = c->qop, .username = c->username,
		.realm = c->realm, .password = login.password, .method = invite.method,
		.uri = c->uri, .nonce = c->nonce, .nc_text = c->nc_text, .cnonce = c->cnonce};
	cr_assert_eq(sip_digest_response(&d, wanted), 0);
	cr_assert(str_eq(c->response, str_of(wanted)));
	cr_assert(str_eq(c->username, STR("u")) && str_eq(c->uri, invite.uri));
}

Test(sip_digest_client, nobody_has_asked)
{
	struct sip_auth a = {0};

	sip_auth_begin(&a);
	cr_assert_eq(lines_of(&a, &login).n, 0);
}

/* C064: what is a token stands bare, a number in the place of a realm does not. */
Test(sip_digest_client, the_line_as_printed)
{
	struct sip_auth a = {0};

	cr_assert_eq(challenge(&a, &login, 401,
			       "WWW-Authenticate: Digest realm=\"1234\", nonce=\"77\", "
			       "opaque=\"9\", algorithm=MD5, qop=\"auth\"\r\n"),
		     SIP_AUTH_RETRY);
	cr_assert(str_has_prefix(lines_of(&a, &login),
				 STR("Authorization: Digest username=\"u\", realm=\"1234\", "
				     "nonce=\"77\", uri=\"sip:x@y\", response=\"")));
	cr_assert_not_null(strstr(lines_of(&a, &login).p,
				  "\", algorithm=MD5, cnonce=\"0123456789abcdef\", "
				  "qop=auth, nc=00000002, opaque=\"9\"\r\n"));
}

/* C217 */
Test(sip_digest_client, each_header_has_its_answer)
{
	static const struct {
		unsigned code;
		const char *ask, *header;
	} rows[] = {
		{401, WWW("n" QOP), "Authorization: "},
		{407, PROXY("n" QOP), "Proxy-Authorization: "},
	};

	for (size_t i = 0; i < 2; i++) {
		struct sip_auth a = {0};
		struct sip_credentials c;

		cr_assert_eq(challenge(&a, &login, rows[i].code, rows[i].ask),
			     SIP_AUTH_RETRY);
		assert_right(lines_of(&a, &login), rows[i].header, &c);
		cr_assert_eq(c.nc, 1);
		cr_assert_eq(c.opaque.n, 0);
	}
}

Test(sip_digest_client, every_algorithm)
{
	static const char *const names[] = {"MD5",          "MD5-sess",    "SHA-256",
					    "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"};

	for (size_t i = 0; i < 6; i++) {
		struct sip_auth a = {0};
		struct sip_credentials c;
		char ask[256];

		(void)snprintf(ask, sizeof ask, WWW("n" QOP ", algorithm=%s"), names[i]);
		cr_assert_eq(challenge(&a, &login, 401, ask), SIP_AUTH_RETRY);
		assert_right(lines_of(&a, &login), "Authorization: ", &c);
		cr_assert_eq(c.hash, (enum sip_hash)(i / 2));
		cr_assert_eq(c.sess, i % 2 == 1);
	}
}

/* C223 */
Test(sip_digest_client, without_qop_as_it_used_to_be)
{
	struct sip_auth a = {0};
	struct sip_credentials c;

	cr_assert_eq(challenge(&a, &login, 401, WWW("n\"")), SIP_AUTH_RETRY);
	assert_right(lines_of(&a, &login), "Authorization: ", &c);
	cr_assert_eq(c.qop, SIP_QOP_NONE);
	cr_assert_null(strstr(lines_of(&a, &login).p, "nc="));
	cr_assert_null(strstr(lines_of(&a, &login).p, "algorithm="));
}

/* C219, C224 */
Test(sip_digest_client, what_can_not_be_answered)
{
	static const char *const asks[] = {
		"",
		"WWW-Authenticate: Basic realm=\"r\"\r\n",
		"WWW-Authenticate: Bearer realm=\"r\"\r\n",
		"WWW-Authenticate: Digest realm=\"r\"\r\n",
		WWW("n\", qop=\"auth-int\""),
		WWW("n\", algorithm=SHA-9"),
		PROXY("n\""), /* in a 401 */
	};
	struct sip_login nobody = {{"", 0}, {"", 0}, {"", 0}};
	struct sip_auth a = {0};

	for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++)
		cr_assert_eq(challenge(&a, &login, 401, asks[i]), SIP_AUTH_UNABLE, "%zu", i);
	cr_assert_eq(challenge(&a, &nobody, 401, WWW("n\"")), SIP_AUTH_UNABLE);
	cr_assert_eq(challenge(&a, &login, 403, WWW("n\"")), SIP_AUTH_UNABLE);
	cr_assert_eq(lines_of(&a, &login).n, 0);
}

Test(sip_digest_client, the_strongest_is_chosen)
{
	struct sip_auth a = {0};
	struct sip_credentials c;

	cr_assert_eq(challenge(&a, &login, 401,
			       WWW("a" QOP) WWW("b" QOP ", algorithm=SHA-256")
				       WWW("c" QOP ", algorithm=MD5")
					       WWW("d" QOP ", algorithm=SHA-256")
						       WWW("e" QOP ", algorithm=SHA-3")),
		     SIP_AUTH_RETRY);
	assert_right(lines_of(&a, &login), "Authorization: ", &c);
	cr_assert(str_eq(c.nonce, STR("b")), "the strongest, of equals the first");

	a = (struct sip_auth){0};
	cr_assert_eq(challenge(&a, &login, 401, WWW("a\"") WWW("b" QOP)), SIP_AUTH_RETRY);
	assert_right(lines_of(&a, &login), "Authorization: ", &c);
	cr_assert(str_eq(c.nonce, STR("b")), "with qop rather than without");
}

Test(sip_digest_client, only_the_realm_we_belong_to)
{
	struct sip_login mine = {login.username, login.password, STR("mine")};
	struct sip_auth a = {0};

	cr_assert_eq(challenge(&a, &mine, 401, WWW("n\"")), SIP_AUTH_UNABLE);
	cr_assert_eq(challenge(&a, &mine, 401,
			       WWW("n\"") "WWW-Authenticate: Digest realm=\"mine\", nonce=\"m\"\r\n"),
		     SIP_AUTH_RETRY);
	cr_assert_not_null(strstr(lines_of(&a, &mine).p, "realm=\"mine\""));
	cr_assert_null(strstr(lines_of(&a, &mine).p, "realm=\"r\""));
}

/* C219: asked twice for the same request. */
Test(sip_digest_client, a_second_challenge_is_a_refusal)
{
	struct sip_auth a = {0};

	sip_auth_begin(&a);
	cr_assert_eq(challenge(&a, &login, 401, WWW("1\"")), SIP_AUTH_RETRY);
	cr_assert_eq(challenge(&a, &login, 401, WWW("2\"")), SIP_AUTH_REFUSED);
	sip_auth_begin(&a);
	cr_assert_eq(challenge(&a, &login, 401, WWW("3\"")), SIP_AUTH_RETRY,
		     "another request may be asked again");
}

/* C220 */
Test(sip_digest_client, one_that_was_too_old)
{
	struct sip_auth a = {0};
	struct sip_credentials c;

	cr_assert_eq(challenge(&a, &login, 401, WWW("1" QOP)), SIP_AUTH_RETRY);
	(void)lines_of(&a, &login);
	cr_assert_eq(challenge(&a, &login, 401, WWW("2" QOP ", stale=true")), SIP_AUTH_RETRY);
	assert_right(lines_of(&a, &login), "Authorization: ", &c);
	cr_assert(str_eq(c.nonce, STR("2")));
	cr_assert_eq(c.nc, 1, "of the new nonce");
	cr_assert_eq(challenge(&a, &login, 401, WWW("3" QOP ", stale=true")),
		     SIP_AUTH_REFUSED, "once");
}

/* C221 */
Test(sip_digest_client, a_server_and_then_a_proxy)
{
	struct sip_auth a = {0};
	struct sip_credentials c;
	struct str lines, second;

	cr_assert_eq(challenge(&a, &login, 401, WWW("s" QOP)), SIP_AUTH_RETRY);
	(void)lines_of(&a, &login);
	cr_assert_eq(challenge(&a, &login, 407, PROXY("p" QOP)), SIP_AUTH_RETRY);
	lines = lines_of(&a, &login);
	assert_right(str_cut(lines, '\n', &second), "Authorization: ", &c);
	cr_assert_eq(c.nc, 2);
	assert_right(str_cut(second, '\n', &lines), "Proxy-Authorization: ", &c);
	cr_assert_eq(c.nc, 1);
	cr_assert_eq(lines.n, 0);
	cr_assert_eq(challenge(&a, &login, 407, PROXY("q" QOP)), SIP_AUTH_REFUSED);
}

Test(sip_digest_client, as_many_realms_as_there_are_slots)
{
	struct sip_auth a = {0};
	char ask[256];

	for (unsigned i = 0; i < SIP_AUTH_SLOTS; i++) {
		(void)snprintf(ask, sizeof ask,
			       "Proxy-Authenticate: Digest realm=\"p%u\", nonce=\"n\"\r\n", i);
		cr_assert_eq(challenge(&a, &login, 407, ask), SIP_AUTH_RETRY);
	}
	cr_assert_eq(challenge(&a, &login, 407, PROXY("n\"")), SIP_AUTH_UNABLE);
}

Test(sip_digest_client, later_requests_carry_it_at_once)
{
	struct sip_auth a = {0};
	struct sip_credentials c;

	cr_assert_eq(challenge(&a, &login, 401, WWW("n" QOP)), SIP_AUTH_RETRY);
	for (uint32_t nc = 1; nc <= 20; nc++) {
		assert_right(lines_of(&a, &login), "Authorization: ", &c);
		cr_assert_eq(c.nc, nc);
		sip_auth_begin(&a);
	}
}

Test(sip_digest_client, no_room_for_the_line)
{
	struct sip_auth a = {0};
	char area[100];
	struct buf b = buf_of(area, sizeof area);

	cr_assert_eq(challenge(&a, &login, 401, WWW("n" QOP)), SIP_AUTH_RETRY);
	cr_assert_eq(sip_auth_put(&a, &login, &invite, &b), ERR_NOSPC);
}

Test(sip_digest_client, logins)
{
	struct sip_login l = {STR("u"), STR("any \"\\ octets"), STR("")};
	char longer[SIP_LOGIN_BYTES];

	cr_assert(sip_login_is_sound(&l));
	l.username = STR("u\"x");
	cr_assert_not(sip_login_is_sound(&l));
	l.username = STR("u");
	l.realm = STR("a\\b");
	cr_assert_not(sip_login_is_sound(&l));
	memset(longer, 'u', sizeof longer);
	l.realm = STR("");
	l.password = (struct str){longer, sizeof longer};
	cr_assert_not(sip_login_is_sound(&l));
	l.password.n--;
	cr_assert(sip_login_is_sound(&l));
}

/* ---- records ---- */

static size_t pack(const struct sip_auth *a, char *area, size_t cap)
{
	struct buf b = buf_of(area, cap);

	sip_auth_pack(a, &b);
	cr_assert(buf_ok(&b));
	return b.n;
}

Test(sip_digest_client, goes_on_in_another_process)
{
	static char area[sizeof(struct sip_auth) + 4 * SIP_AUTH_PARTS];
	struct sip_auth a = {0}, again;
	struct sip_credentials c;
	struct str in;

	cr_assert_eq(challenge(&a, &login, 401, WWW("n" QOP ", opaque=\"o\"")), SIP_AUTH_RETRY);
	(void)lines_of(&a, &login);
	in = (struct str){area, pack(&a, area, sizeof area)};
	cr_assert_null(memmem(area, in.n, "secret", 6));
	cr_assert_eq(sip_auth_unpack(&in, &again), 0);
	cr_assert_eq(in.n, 0);
	assert_right(lines_of(&again, &login), "Authorization: ", &c);
	cr_assert_eq(c.nc, 2);
	cr_assert(str_eq(c.opaque, STR("o")));
	in = STR("");
	cr_assert_eq(sip_auth_unpack(&in, &again), 0);
	cr_assert_eq(lines_of(&again, &login).n, 0);
}

Test(sip_digest_client, records_that_are_damaged)
{
	static char area[sizeof(struct sip_auth) + 4 * SIP_AUTH_PARTS];
	struct sip_auth a = {0}, again;
	struct str in;
	size_t n;

	cr_assert_eq(challenge(&a, &login, 401, WWW("n" QOP)), SIP_AUTH_RETRY);
	n = pack(&a, area, sizeof area);
	for (size_t cut = 1; cut < n; cut++) {
		in = (struct str){area, cut};
		if (sip_auth_unpack(&in, &again) == 0)
			cr_assert(in.n == 0, "whole parts only");
	}
	a.slots[0].hash = SIP_HASHES;
	in = (struct str){area, pack(&a, area, sizeof area)};
	cr_assert_eq(sip_auth_unpack(&in, &again), ERR_CORRUPT);
	a.slots[0].hash = SIP_HASH_MD5;
	a.slots[0].realm[0] = '\n';
	in = (struct str){area, pack(&a, area, sizeof area)};
	cr_assert_eq(sip_auth_unpack(&in, &again), ERR_CORRUPT);
	a.slots[0].realm[0] = 'r';
	a.slots[0].nonce[0] = '\0';
	in = (struct str){area, pack(&a, area, sizeof area)};
	cr_assert_eq(sip_auth_unpack(&in, &again), ERR_CORRUPT);
}
