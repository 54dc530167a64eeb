/* door.c - see door.h */
#include "signaling/daemon/door.h"

#include "signaling/sip/reply.h"

static uint64_t seconds(uint64_t now_ms)
{
	return now_ms / 1000u + 1; /* 0 is what nothing was made at */
}

int door_open(struct door *d, struct door_book *book, const uint8_t key[SIP_GUARD_KEY_BYTES],
	      const struct map_key *hash_key, uint64_t now_ms)
{
	struct sip_guard_config cfg = {
		.rows = book->rows,
		.place = &book->place,
		.cap = DOOR_ROWS,
		.lifetime_s = DOOR_NONCE_S,
		.now_s = seconds(now_ms),
		.shared = d->shared,
	};
	int err;

	if (book->magic == 0) {
		memcpy(book->key, key, sizeof book->key);
		book->hash_key = *hash_key;
		book->magic = DOOR_MAGIC;
	}
	if (book->magic != DOOR_MAGIC)
		return ERR_CORRUPT;
	cfg.key = book->key;
	cfg.hash_key = book->hash_key;
	err = sip_guard_init(&d->guard, &cfg);
	if (err != 0)
		return err;
	gate_init(&d->failures, DOOR_FAILURES_PER_S, hash_key);
	d->user = "";
	d->ready = true;
	return 0;
}

void door_close(struct door *d)
{
	if (d->ready)
		sip_guard_fini(&d->guard);
	d->ready = false;
	d->set.user_count = 0;
}

int door_set(struct door *d, const struct door_settings *set)
{
	char realm[DOOR_REALM_BYTES];

	if (!d->ready || !sip_digest_is_plain(set->realm) ||
	    str_copy(realm, sizeof realm, set->realm) != 0 ||
	    set->user_count > DOOR_USERS_MAX || set->net_count > DOOR_NETS_MAX)
		return ERR_INVAL;
	memcpy(d->realm, realm, sizeof realm);
	d->set = *set;
	d->set.realm = str_of(d->realm);
	return 0;
}

static bool is_trusted(const struct door *d, const struct addr *source)
{
	for (uint32_t i = 0; i < d->set.net_count; i++)
		if (net_has(&d->set.nets[i], source))
			return true;
	return false;
}

/* Every row is looked at, so that the time tells nothing. */
static const struct door_user *find(const struct door *d, struct str name)
{
	const struct door_user *found = NULL;

	for (uint32_t i = 0; i < d->set.user_count; i++)
		if (str_eq(str_of(d->set.users[i].name), name) &&
		    d->set.users[i].password[0] != '\0')
			found = &d->set.users[i];
	return found;
}

static enum sip_guard_verdict judge(struct door *d, const struct sip_credentials *c,
				    const struct door_request *r)
{
	const struct door_user *u = find(d, c->username);
	bool offered = d->set.hashes == 0 || (d->set.hashes & SIP_GUARD_HASH(c->hash)) != 0;
	struct str password = u != NULL && offered ? str_of(u->password) : (struct str){NULL, 0};
	enum sip_guard_verdict v = sip_guard_check(&d->guard, c, r->msg, password, seconds(r->now_ms));

	if (v == SIP_GUARD_GOOD && u != NULL)
		d->user = u->name;
	return v;
}

static unsigned ask(struct door *d, bool stale, const struct door_request *r,
		    struct str *ret_lines)
{
	struct buf b = buf_of(d->lines, sizeof d->lines);
	struct sip_guard_ask a = {.realm = d->set.realm,
				  .stale = stale,
				  .now_s = seconds(r->now_ms),
				  .chance = r->chance,
				  .hashes = d->set.hashes};

	d->count.asked++;
	if (sip_guard_challenge(&d->guard, &a, &b) != 0)
		return 500;
	*ret_lines = buf_str(&b);
	return 401;
}

static unsigned put_off(struct door *d, const struct door_request *r, struct str *ret_lines)
{
	struct buf b = buf_of(d->lines, sizeof d->lines);

	d->count.limited++;
	sip_put_retry_after(&b, r->chance);
	*ret_lines = buf_str(&b);
	return 503;
}

unsigned door_knock(struct door *d, const struct door_request *r, struct str *ret_lines)
{
	enum sip_guard_verdict v = SIP_GUARD_NONE;
	struct sip_credentials c;
	int err;

	*ret_lines = (struct str){"", 0};
	d->user = "";
	if (d->shut)
		return put_off(d, r, ret_lines);
	if (!door_asks(d) || is_trusted(d, r->source))
		return 0;
	err = sip_guard_find(r->msg, d->set.realm, &c);
	if (err == 0 && !gate_has_room(&d->failures, r->source, r->now_ms))
		return put_off(d, r, ret_lines);
	if (err == 0)
		v = judge(d, &c, r);
	if (v == SIP_GUARD_GOOD)
		return 0;
	if (v == SIP_GUARD_BAD) {
		d->count.failed++;
		(void)gate_admits(&d->failures, r->source, r->now_ms);
	}
	return ask(d, v == SIP_GUARD_STALE, r, ret_lines);
}
