/* digest_server.c - see digest_server.h */
#include "signaling/sip/digest_server.h"

#define TIME_DIGITS 16u
#define RAND_DIGITS 16u
#define SIGN_DIGITS 32u /* half of the HMAC: 128 bits (RFC 2104 section 5) */
#define BODY_DIGITS (TIME_DIGITS + RAND_DIGITS)

_Static_assert(BODY_DIGITS + SIGN_DIGITS + 1 == SIP_GUARD_NONCE_BYTES, "as printed");

/* A row that was being written when its process died is free. */
static int find_rows(struct sip_guard *g, uint64_t now_s)
{
	const struct sip_guard_place *p = g->place;

	if (p->next >= g->cap || p->floor_s > now_s)
		return ERR_CORRUPT;
	for (uint32_t i = 0; i < g->cap; i++) {
		const struct sip_guard_row *r = &g->rows[i];

		if (r->hash == 0)
			continue;
		if (r->made_s > now_s || (!g->shared && map_put(&g->by_nonce, r->hash, i, NULL, NULL) != 0))
			return ERR_CORRUPT;
	}
	return 0;
}

int sip_guard_init(struct sip_guard *g, const struct sip_guard_config *cfg)
{
	int err;

	memset(g, 0, sizeof *g);
	if (cfg->cap == 0 || cfg->rows == NULL || cfg->place == NULL)
		return ERR_INVAL;
	memcpy(g->key, cfg->key, sizeof g->key);
	g->hash_key = cfg->hash_key;
	g->rows = cfg->rows;
	g->cap = cfg->cap;
	g->lifetime_s = cfg->lifetime_s;
	g->place = cfg->place;
	g->shared = cfg->shared;
	err = map_init(&g->by_nonce, cfg->cap);
	if (err == 0)
		err = find_rows(g, cfg->now_s);
	if (err != 0)
		sip_guard_fini(g);
	return err;
}

void sip_guard_fini(struct sip_guard *g)
{
	map_fini(&g->by_nonce);
	sip_hash_wipe(g->key, sizeof g->key);
}

/* ---- nonces ---- */

static int sign(const struct sip_guard *g, struct str body, struct buf *b)
{
	struct str key = {(const char *)g->key, sizeof g->key};
	uint8_t mac[SIP_HMAC_BYTES];
	int err = sip_hash_hmac(key, body, mac);

	for (unsigned i = 0; err == 0 && i < SIGN_DIGITS / 2; i++)
		buf_hex(b, mac[i], 2);
	return err;
}

static int make_nonce(const struct sip_guard *g, const struct sip_guard_ask *ask,
		      char out[SIP_GUARD_NONCE_BYTES])
{
	struct buf b = buf_of(out, SIP_GUARD_NONCE_BYTES - 1);
	int err;

	buf_hex(&b, ask->now_s, TIME_DIGITS);
	buf_hex(&b, ask->chance, RAND_DIGITS);
	err = sign(g, buf_str(&b), &b);
	out[b.n] = '\0';
	return err;
}

/* Digits we printed ourselves: it is signed. */
static uint64_t time_of(struct str nonce)
{
	uint64_t t = 0;

	for (unsigned i = 0; i < TIME_DIGITS; i++) {
		char c = nonce.p[i];

		t = t << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return t;
}

static bool is_ours(const struct sip_guard *g, struct str nonce)
{
	char area[SIGN_DIGITS];
	struct buf b = buf_of(area, sizeof area);

	return nonce.n == BODY_DIGITS + SIGN_DIGITS &&
	       sign(g, (struct str){nonce.p, BODY_DIGITS}, &b) == 0 &&
	       sip_hash_eq(buf_str(&b), (struct str){nonce.p + BODY_DIGITS, SIGN_DIGITS});
}

int sip_guard_challenge(const struct sip_guard *g, const struct sip_guard_ask *ask,
			struct buf *b)
{
	char nonce[SIP_GUARD_NONCE_BYTES];
	int err = make_nonce(g, ask, nonce);

	for (unsigned h = SIP_HASHES; err == 0 && h-- > 0;) {
		if (ask->hashes != 0 && (ask->hashes & SIP_GUARD_HASH(h)) == 0)
			continue;
		buf_z(b, "WWW-Authenticate: Digest realm=\"");
		buf_str_put(b, ask->realm);
		buf_z(b, "\", nonce=\"");
		buf_z(b, nonce);
		buf_z(b, "\", algorithm=");
		sip_digest_put_algorithm(b, (enum sip_hash)h, false);
		buf_z(b, ", qop=\"auth\"");
		buf_z(b, ask->stale ? ", stale=true\r\n" : "\r\n");
	}
	return err == 0 && !buf_ok(b) ? ERR_NOSPC : err;
}

/* ---- counts ---- */

/* A row with a hash is whole, whenever the process dies. */
static void set_hash(struct sip_guard_row *r, uint64_t hash)
{
	__atomic_store_n(&r->hash, hash, __ATOMIC_RELEASE);
}

/* The oldest row goes, and what it alone knew: nonces of its time are not taken any more. */
static void make_room(struct sip_guard *g)
{
	struct sip_guard_row *r = &g->rows[g->place->next];

	if (r->hash == 0)
		return;
	if (!g->shared)
		(void)map_del(&g->by_nonce, r->hash, NULL, NULL);
	if (r->made_s > g->place->floor_s)
		g->place->floor_s = r->made_s;
	set_hash(r, 0);
}

static bool find_row(const struct sip_guard *g, uint64_t hash, uint64_t *ret_at)
{
	if (!g->shared)
		return map_get(&g->by_nonce, hash, NULL, NULL, ret_at);
	for (uint32_t i = 0; i < g->cap; i++) {
		if (g->rows[i].hash != hash)
			continue;
		*ret_at = i;
		return true;
	}
	return false;
}

/* Mark `nc`; false when it was used before, or is too far behind to tell. */
static bool mark(struct sip_guard_row *r, uint32_t nc)
{
	uint32_t behind;

	if (nc > r->highest) {
		uint32_t step = nc - r->highest;

		r->seen = step < SIP_GUARD_NC_WINDOW ? r->seen << step : 0;
		r->highest = nc;
	}
	behind = r->highest - nc;
	if (behind >= SIP_GUARD_NC_WINDOW || (r->seen >> behind & 1) != 0)
		return false;
	r->seen |= 1ull << behind;
	return true;
}

static bool is_first_use(struct sip_guard *g, struct str nonce, uint32_t nc)
{
	uint64_t hash = map_hash(&g->hash_key, nonce.p, nonce.n) | 1u, at; /* not that of a free row */
	uint64_t made_s = time_of(nonce);
	bool good;

	if (find_row(g, hash, &at))
		return mark(&g->rows[at], nc);
	if (made_s <= g->place->floor_s)
		return false;
	make_room(g);
	at = g->place->next;
	if (made_s <= g->place->floor_s || (!g->shared && map_put(&g->by_nonce, hash, at, NULL, NULL) != 0))
		return false;
	g->rows[at] = (struct sip_guard_row){.made_s = made_s};
	good = mark(&g->rows[at], nc);
	set_hash(&g->rows[at], hash);
	g->place->next = ((uint32_t)at + 1) % g->cap;
	return good;
}

/* ---- requests ---- */

int sip_guard_find(const struct sip_msg *m, struct str realm, struct sip_credentials *ret)
{
	int err = ERR_NOENT;

	for (uint16_t i = m->first[SIP_AUTHORIZATION]; i != SIP_NONE; i = m->fields[i].next) {
		int one = sip_credentials_parse(m->fields[i].value, ret);

		if (one == 0 && str_eq(ret->realm, realm))
			return 0;
		if (one != 0)
			err = one;
	}
	return err;
}

static bool is_right(const struct sip_credentials *c, const struct sip_msg *m,
		     struct str password)
{
	char wanted[SIP_HASH_HEX_BYTES];
	bool known = password.p != NULL;
	struct sip_digest d = {
		.hash = c->hash,
		.sess = c->sess,
		.qop = c->qop,
		.username = c->username,
		.realm = c->realm,
		.password = known ? password : STR("nobody has this one"),
		.method = m->method_name,
		.uri = c->uri,
		.nonce = c->nonce,
		.nc_text = c->nc_text,
		.cnonce = c->cnonce,
	};
	bool good = sip_digest_response(&d, wanted) == 0 &&
		    sip_hash_eq(str_of(wanted), c->response);

	return good && known;
}

enum sip_guard_verdict sip_guard_check(struct sip_guard *g, const struct sip_credentials *c,
				       const struct sip_msg *m, struct str password,
				       uint64_t now_s)
{
	bool ours = is_ours(g, c->nonce), right = is_right(c, m, password);
	uint64_t made_s;

	/* without a count nothing tells a replay, and we always offer it */
	if (!right || !str_eq(c->uri, m->uri) || c->qop != SIP_QOP_AUTH)
		return SIP_GUARD_BAD;
	if (!ours)
		return SIP_GUARD_STALE; /* of a predecessor with another key, perhaps */
	made_s = time_of(c->nonce);
	if (made_s > now_s || now_s - made_s > g->lifetime_s)
		return SIP_GUARD_STALE;
	return is_first_use(g, c->nonce, c->nc) ? SIP_GUARD_GOOD : SIP_GUARD_STALE;
}
