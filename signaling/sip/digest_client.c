/* digest_client.c - see digest_client.h */
#include "signaling/sip/digest_client.h"

#include "common/base/record.h"

#define SLOT_HEAD  offsetof(struct sip_auth_slot, cnonce)
#define SLOT_LEAST 12u /* in the first build that wrote it */

_Static_assert(SLOT_HEAD == SLOT_LEAST, "the head may grow: then this becomes >=");

bool sip_login_is_sound(const struct sip_login *l)
{
	return sip_digest_is_plain(l->username) && sip_digest_is_plain(l->realm) &&
	       l->username.n < SIP_LOGIN_BYTES && l->password.n < SIP_LOGIN_BYTES &&
	       l->realm.n < SIP_REALM_BYTES;
}

void sip_auth_begin(struct sip_auth *a)
{
	for (unsigned i = 0; i < SIP_AUTH_SLOTS; i++)
		a->slots[i].asked = a->slots[i].stale = 0;
}

/* ---- what is asked ---- */

/* The challenges of one response, the strongest of each realm. */
struct asked {
	struct sip_challenge v[SIP_AUTH_SLOTS];
	uint32_t n;
};

static void consider(struct asked *all, const struct sip_challenge *c)
{
	for (uint32_t i = 0; i < all->n; i++) {
		if (!str_eq(all->v[i].realm, c->realm))
			continue;
		/* RFC 8760 2.4 lets local policy choose: never the weaker one */
		if (c->hash > all->v[i].hash ||
		    (c->hash == all->v[i].hash && c->qop_auth && !all->v[i].qop_auth))
			all->v[i] = *c;
		return;
	}
	if (all->n < SIP_AUTH_SLOTS)
		all->v[all->n++] = *c;
}

/* One challenge a line: commas are inside of it (RFC 3261 7.3.1). */
static void read_challenges(const struct sip_msg *m, enum sip_header id,
			    const struct sip_login *l, struct asked *ret)
{
	struct sip_challenge c;

	ret->n = 0;
	for (uint16_t i = m->first[id]; i != SIP_NONE; i = m->fields[i].next)
		if (sip_challenge_parse(m->fields[i].value, &c) == 0 &&
		    (l->realm.n == 0 || str_eq(l->realm, c.realm)))
			consider(ret, &c);
}

static struct sip_auth_slot *slot_of(struct sip_auth *a, bool proxy, struct str realm)
{
	struct sip_auth_slot *vacant = NULL;

	for (unsigned i = SIP_AUTH_SLOTS; i-- > 0;) {
		struct sip_auth_slot *s = &a->slots[i];

		if (!s->used)
			vacant = s;
		else if (s->proxy == proxy && str_eq(str_of(s->realm), realm))
			return s;
	}
	return vacant;
}

static enum sip_auth_verdict take(struct sip_auth *a, bool proxy,
				  const struct sip_challenge *c, uint64_t chance)
{
	struct sip_auth_slot *s = slot_of(a, proxy, c->realm);
	uint8_t asked, stale;
	struct buf b;

	if (s == NULL)
		return SIP_AUTH_UNABLE;
	asked = s->used ? s->asked : 0;
	stale = s->used ? s->stale : 0;
	if (asked > 0 && (!c->stale || stale))
		return SIP_AUTH_REFUSED;
	*s = (struct sip_auth_slot){
		.used = 1,
		.proxy = proxy,
		.hash = (uint8_t)c->hash,
		.sess = c->sess,
		.qop = c->qop_auth ? SIP_QOP_AUTH : SIP_QOP_NONE,
		.names_algorithm = c->names_algorithm,
		.asked = (uint8_t)(asked + 1),
		.stale = asked > 0,
	};
	b = buf_of(s->cnonce, sizeof s->cnonce - 1);
	buf_hex(&b, chance, 16);
	if (str_copy(s->realm, sizeof s->realm, c->realm) != 0 ||
	    str_copy(s->nonce, sizeof s->nonce, c->nonce) != 0 ||
	    str_copy(s->opaque, sizeof s->opaque, c->opaque) != 0) {
		s->used = 0;
		return SIP_AUTH_UNABLE;
	}
	return SIP_AUTH_RETRY;
}

enum sip_auth_verdict sip_auth_challenged(struct sip_auth *a, const struct sip_login *l,
					  const struct sip_msg *response, uint64_t chance)
{
	bool proxy = response->status == 407;
	enum sip_auth_verdict all = SIP_AUTH_UNABLE;
	struct asked asked;

	if (l->username.n == 0 || (response->status != 401 && !proxy))
		return SIP_AUTH_UNABLE;
	read_challenges(response, proxy ? SIP_PROXY_AUTHENTICATE : SIP_WWW_AUTHENTICATE, l,
			&asked);
	for (uint32_t i = 0; i < asked.n; i++) {
		enum sip_auth_verdict one = take(a, proxy, &asked.v[i], chance + i);

		if (one == SIP_AUTH_REFUSED)
			return one;
		if (one == SIP_AUTH_RETRY)
			all = one;
	}
	return all;
}

/* ---- what is answered ---- */

static void put_quoted(struct buf *b, const char *name, struct str value)
{
	buf_z(b, name);
	buf_z(b, "=\"");
	buf_str_put(b, value);
	buf_char(b, '"');
}

/* What the RFC wants as a token is one, all else is quoted, be it a number (RFC 7616 3.4). */
static int put_line(const struct sip_auth_slot *s, const struct sip_login *l,
		    const struct sip_auth_request *r, struct buf *b)
{
	char nc_area[9], response[SIP_HASH_HEX_BYTES];
	struct buf nc = buf_of(nc_area, sizeof nc_area);
	struct sip_digest d = {
		.hash = (enum sip_hash)s->hash,
		.sess = s->sess,
		.qop = (enum sip_qop)s->qop,
		.username = l->username,
		.realm = str_of(s->realm),
		.password = l->password,
		.method = r->method,
		.uri = r->uri,
		.nonce = str_of(s->nonce),
		.cnonce = str_of(s->cnonce),
	};
	int err;

	buf_hex(&nc, s->nc, 8);
	d.nc_text = buf_str(&nc);
	err = sip_digest_response(&d, response);
	if (err != 0)
		return err;
	buf_z(b, s->proxy ? "Proxy-Authorization: Digest " : "Authorization: Digest ");
	put_quoted(b, "username", l->username);
	put_quoted(b, ", realm", d.realm);
	put_quoted(b, ", nonce", d.nonce);
	put_quoted(b, ", uri", r->uri);
	put_quoted(b, ", response", str_of(response));
	if (s->names_algorithm) {
		buf_z(b, ", algorithm=");
		sip_digest_put_algorithm(b, d.hash, d.sess);
	}
	if (d.qop == SIP_QOP_AUTH) {
		put_quoted(b, ", cnonce", d.cnonce);
		buf_z(b, ", qop=auth, nc=");
		buf_str_put(b, d.nc_text);
	}
	if (s->opaque[0] != '\0')
		put_quoted(b, ", opaque", str_of(s->opaque));
	buf_z(b, "\r\n");
	return buf_ok(b) ? 0 : ERR_NOSPC;
}

int sip_auth_put(struct sip_auth *a, const struct sip_login *l,
		 const struct sip_auth_request *r, struct buf *b)
{
	if (l->username.n == 0)
		return 0; /* it was taken from us meanwhile */
	for (unsigned i = 0; i < SIP_AUTH_SLOTS; i++) {
		struct sip_auth_slot *s = &a->slots[i];
		int err;

		if (!s->used)
			continue;
		s->nc++;
		err = put_line(s, l, r, b);
		if (err != 0)
			return err;
	}
	return 0;
}

/* ---- records ---- */

void sip_auth_pack(const struct sip_auth *a, struct buf *b)
{
	for (unsigned i = 0; i < SIP_AUTH_SLOTS; i++) {
		const struct sip_auth_slot *s = &a->slots[i];

		record_put(b, s, SLOT_HEAD);
		record_put(b, s->cnonce, strnlen(s->cnonce, sizeof s->cnonce));
		record_put(b, s->realm, strnlen(s->realm, sizeof s->realm));
		record_put(b, s->nonce, strnlen(s->nonce, sizeof s->nonce));
		record_put(b, s->opaque, strnlen(s->opaque, sizeof s->opaque));
	}
}

/* It goes between quotes again. */
static int take_text(struct str *in, char *to, size_t cap)
{
	struct str s;
	int err = record_take_str(in, cap - 1, &s);

	if (err != 0)
		return err;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return ERR_CORRUPT;
	return str_copy(to, cap, s) == 0 ? 0 : ERR_CORRUPT;
}

static int take_slot(struct str *in, struct sip_auth_slot *s)
{
	int err = in->n == 0 ? 0 : record_take(in, s, SLOT_HEAD, SLOT_LEAST);

	if (err == 0)
		err = take_text(in, s->cnonce, sizeof s->cnonce);
	if (err == 0)
		err = take_text(in, s->realm, sizeof s->realm);
	if (err == 0)
		err = take_text(in, s->nonce, sizeof s->nonce);
	if (err == 0)
		err = take_text(in, s->opaque, sizeof s->opaque);
	if (err != 0)
		return err;
	return s->hash < SIP_HASHES && s->qop <= SIP_QOP_AUTH &&
			       (!s->used || s->nonce[0] != '\0')
		       ? 0
		       : ERR_CORRUPT;
}

int sip_auth_unpack(struct str *in, struct sip_auth *ret)
{
	memset(ret, 0, sizeof *ret);
	for (unsigned i = 0; i < SIP_AUTH_SLOTS; i++) {
		int err = take_slot(in, &ret->slots[i]);

		if (err != 0)
			return err;
	}
	return 0;
}
