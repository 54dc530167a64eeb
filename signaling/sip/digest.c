/* digest.c - see digest.h */
#include "signaling/sip/digest.h"

#define NC_DIGITS  8u
#define PARAMS_MAX 32u /* of one value; nobody sends half as many */

static const struct str algorithms[SIP_HASHES] = {
	[SIP_HASH_MD5] = {"MD5", 3},
	[SIP_HASH_SHA256] = {"SHA-256", 7},
	[SIP_HASH_SHA512_256] = {"SHA-512-256", 11},
};

/* Every parameter either side of digest knows. */
enum param {
	P_REALM,
	P_NONCE,
	P_OPAQUE,
	P_ALGORITHM,
	P_QOP,
	P_STALE,
	P_USERNAME,
	P_URI,
	P_RESPONSE,
	P_CNONCE,
	P_NC,
	P_USERHASH,
	PARAMS
};

static const char *const names[PARAMS] = {
	"realm",    "nonce", "opaque",   "algorithm", "qop", "stale",
	"username", "uri",   "response", "cnonce",    "nc",  "userhash",
};

struct params {
	struct str v[PARAMS];
	bool has[PARAMS];
};

/* Nothing that could end a line, or the quotes it is put into again. */
static bool is_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

bool sip_digest_is_plain(struct str s)
{
	return is_text(s) &&
	       (s.n == 0 || (memchr(s.p, '"', s.n) == NULL && memchr(s.p, '\\', s.n) == NULL));
}

/* What is unquoted is read up to the comma: some send base64 that way. */
static struct str take_value(struct scan *s)
{
	static scan_set ends = {[','] = 1, ['"'] = 1};
	struct str v;

	if (scan_peek(s) == '"')
		return scan_quoted(s);
	v = str_trim(scan_until(s, ends));
	if (s->err == 0 && (v.n == 0 || memchr(v.p, '\\', v.n) != NULL))
		s->err = ERR_SYNTAX; /* it would escape the quotes we put it into */
	return v;
}

static void take_param(struct scan *s, struct params *ret)
{
	struct str name = scan_token(s), value;

	sip_lws(s);
	scan_char(s, '=');
	sip_lws(s);
	value = take_value(s);
	sip_lws(s);
	for (unsigned i = 0; s->err == 0 && i < PARAMS; i++) {
		if (!str_ieq(name, str_of(names[i])))
			continue;
		if (ret->has[i] || !is_text(value))
			s->err = ERR_SYNTAX; /* which of two? */
		ret->has[i] = true;
		ret->v[i] = value;
	}
}

/* "Digest" and its list; empty elements as in RFC 7230 section 7. */
static int take_params(struct str value, struct params *ret)
{
	struct scan s = scan_of(value);
	struct str scheme;

	memset(ret, 0, sizeof *ret);
	sip_lws(&s);
	scheme = scan_token(&s);
	if (s.err != 0)
		return ERR_SYNTAX;
	if (!str_ieq(scheme, STR("Digest")))
		return ERR_UNSUPPORTED;
	sip_lws(&s);
	for (unsigned n = 0; scan_peek(&s) >= 0; n++) {
		if (n == PARAMS_MAX)
			return ERR_SYNTAX;
		if (scan_peek(&s) != ',')
			take_param(&s, ret);
		if (scan_peek(&s) >= 0)
			scan_char(&s, ',');
		sip_lws(&s);
	}
	return s.err != 0 ? ERR_SYNTAX : 0;
}

static int take_algorithm(const struct params *p, enum sip_hash *ret_hash, bool *ret_sess)
{
	struct str text = p->v[P_ALGORITHM], sess = STR("-sess");

	*ret_hash = SIP_HASH_MD5;
	*ret_sess = false;
	if (!p->has[P_ALGORITHM])
		return 0;
	if (text.n > sess.n &&
	    str_ieq((struct str){text.p + text.n - sess.n, sess.n}, sess)) {
		*ret_sess = true;
		text.n -= sess.n;
	}
	for (unsigned i = 0; i < SIP_HASHES; i++)
		if (str_ieq(text, algorithms[i])) {
			*ret_hash = (enum sip_hash)i;
			return 0;
		}
	return ERR_UNSUPPORTED;
}

static bool offers_auth(struct str list)
{
	while (list.n > 0)
		if (str_ieq(sip_list_next(&list), STR("auth")))
			return true;
	return false;
}

int sip_challenge_parse(struct str value, struct sip_challenge *ret)
{
	struct params p;
	int err = take_params(value, &p);

	if (err != 0)
		return err;
	*ret = (struct sip_challenge){
		.realm = p.v[P_REALM],
		.nonce = p.v[P_NONCE],
		.opaque = p.v[P_OPAQUE],
		.names_algorithm = p.has[P_ALGORITHM],
		.qop_auth = p.has[P_QOP] && offers_auth(p.v[P_QOP]),
		.stale = str_ieq(p.v[P_STALE], STR("true")),
	};
	err = take_algorithm(&p, &ret->hash, &ret->sess);
	if (err != 0)
		return err;
	if (!p.has[P_REALM] || ret->nonce.n == 0)
		return ERR_SYNTAX;
	/* auth-int alone; and a session needs the cnonce that only qop brings */
	if ((p.has[P_QOP] || ret->sess) && !ret->qop_auth)
		return ERR_UNSUPPORTED;
	return ret->realm.n >= SIP_REALM_BYTES || ret->nonce.n >= SIP_NONCE_BYTES ||
			       ret->opaque.n >= SIP_OPAQUE_BYTES
		       ? ERR_NOSPC
		       : 0;
}

/* Eight hexadecimal digits (RFC 7616 3.4). */
static int take_nc(struct str text, uint32_t *ret)
{
	uint32_t n = 0;

	if (text.n != NC_DIGITS)
		return ERR_SYNTAX;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c >= '0' && c <= '9')
			n = n << 4 | (uint32_t)(c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			n = n << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return ERR_SYNTAX;
	}
	*ret = n;
	return n > 0 ? 0 : ERR_SYNTAX;
}

static int take_qop(const struct params *p, struct sip_credentials *ret)
{
	if (!p->has[P_QOP])
		return ret->sess ? ERR_SYNTAX : 0;
	if (!str_ieq(p->v[P_QOP], STR("auth")))
		return ERR_UNSUPPORTED;
	ret->qop = SIP_QOP_AUTH;
	ret->nc_text = p->v[P_NC];
	return ret->cnonce.n == 0 ? ERR_SYNTAX : take_nc(ret->nc_text, &ret->nc);
}

int sip_credentials_parse(struct str value, struct sip_credentials *ret)
{
	static const enum param needed[] = {P_USERNAME, P_REALM, P_NONCE, P_URI, P_RESPONSE};
	struct params p;
	int err = take_params(value, &p);

	for (size_t i = 0; err == 0 && i < sizeof needed / sizeof needed[0]; i++)
		if (!p.has[needed[i]])
			err = ERR_SYNTAX;
	if (err == 0 && str_ieq(p.v[P_USERHASH], STR("true")))
		err = ERR_UNSUPPORTED; /* we never offer it */
	if (err != 0)
		return err;
	*ret = (struct sip_credentials){
		.username = p.v[P_USERNAME],
		.realm = p.v[P_REALM],
		.nonce = p.v[P_NONCE],
		.uri = p.v[P_URI],
		.response = p.v[P_RESPONSE],
		.cnonce = p.v[P_CNONCE],
		.opaque = p.v[P_OPAQUE],
	};
	err = take_algorithm(&p, &ret->hash, &ret->sess);
	if (err == 0)
		err = take_qop(&p, ret);
	if (err != 0)
		return err;
	return ret->realm.n >= SIP_REALM_BYTES || ret->nonce.n >= SIP_NONCE_BYTES ||
			       ret->username.n >= SIP_LOGIN_BYTES
		       ? ERR_NOSPC
		       : 0;
}

/* The hash of the parts with colons between them. */
static int hash_parts(enum sip_hash h, const struct str *parts, size_t n,
		      char out[SIP_HASH_HEX_BYTES])
{
	char area[SIP_DIGEST_TEXT];
	struct buf b = buf_of(area, sizeof area);
	int err;

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_char(&b, ':');
		buf_str_put(&b, parts[i]);
	}
	err = buf_ok(&b) ? sip_hash_hex(h, buf_str(&b), out) : ERR_NOSPC;
	sip_hash_wipe(area, b.n); /* a password was in it */
	return err;
}

int sip_digest_response(const struct sip_digest *d, char out[SIP_HASH_HEX_BYTES])
{
	char a1[SIP_HASH_HEX_BYTES], a2[SIP_HASH_HEX_BYTES];
	int err = hash_parts(d->hash, (struct str[]){d->username, d->realm, d->password}, 3,
			     a1);

	if (err == 0 && d->sess)
		err = hash_parts(d->hash, (struct str[]){str_of(a1), d->nonce, d->cnonce},
				 3, a1);
	if (err == 0)
		err = hash_parts(d->hash, (struct str[]){d->method, d->uri}, 2, a2);
	if (err == 0 && d->qop == SIP_QOP_NONE)
		err = hash_parts(d->hash,
				 (struct str[]){str_of(a1), d->nonce, str_of(a2)}, 3, out);
	else if (err == 0)
		err = hash_parts(d->hash,
				 (struct str[]){str_of(a1), d->nonce, d->nc_text,
						d->cnonce, STR("auth"), str_of(a2)},
				 6, out);
	sip_hash_wipe(a1, sizeof a1);
	return err;
}

void sip_digest_put_algorithm(struct buf *b, enum sip_hash h, bool sess)
{
	buf_str_put(b, algorithms[h]);
	if (sess)
		buf_z(b, "-sess");
}
