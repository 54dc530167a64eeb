/* from_auth.c - see from_auth.h */
#include "signaling/daemon/from_auth.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "signaling/daemon/secret.h"

#define DEFAULT_HASHES (SIP_GUARD_HASH(SIP_HASH_SHA256) | SIP_GUARD_HASH(SIP_HASH_MD5))
#define USERS_BYTES (DOOR_USERS_MAX * sizeof(struct door_user))

_Static_assert(sizeof(struct door_book) <= CUSTODY_DOOR_BYTES, "the supervisor makes one for several workers");

/* ---- the book ---- */

static int make_book(struct signaling *s)
{
	int err = region_create("door", sizeof(struct door_book), &s->door_book);

	return err == 0 ? custody_keep(s->actor->custody, CUSTODY_DOOR_BOOK, 0, s->door_book.fd)
			: err;
}

static int find_book(struct signaling *s)
{
	struct custody_item item;
	int fd, err;

	if (custody_item(s->actor->custody, CUSTODY_DOOR_BOOK, 0, &item) != 0)
		return make_book(s);
	fd = dup(item.fd);
	err = fd >= 0 ? region_adopt(fd, sizeof(struct door_book), true, &s->door_book) : -errno;
	if (err != 0 && fd >= 0)
		close(fd);
	return err;
}

/* Of all workers that share the book one at a time: F_WRLCK, then F_UNLCK. Who dies meanwhile lets it go. */
static void hold_book(const struct signaling *s, short how)
{
	struct flock lock = {.l_type = how, .l_whence = SEEK_SET};

	while (s->door.shared && fcntl(s->door_book.fd, F_SETLKW, &lock) != 0 && errno == EINTR)
		continue;
}

/* What a predecessor left and can not be used is begun anew: its challenges are stale. */
static int open_book(struct signaling *s)
{
	uint64_t key[SIP_GUARD_KEY_BYTES / sizeof(uint64_t)];
	struct door_book *book;
	int err = find_book(s);

	for (size_t i = 0; i < sizeof key / sizeof key[0]; i++)
		key[i] = clock_entropy();
	if (err != 0)
		return err;
	book = s->door_book.p;
	hold_book(s, F_WRLCK);
	err = door_open(&s->door, book, (const uint8_t *)key, &s->hash, s->actor->now_ms);
	if (err == ERR_CORRUPT) {
		log_error("sip.auth", "reason=\"the table of challenges is damaged and begun anew\"");
		memset(book, 0, sizeof *book);
		err = door_open(&s->door, book, (const uint8_t *)key, &s->hash, s->actor->now_ms);
	}
	hold_book(s, F_UNLCK);
	sip_hash_wipe(key, sizeof key);
	return err;
}

/* ---- settings ---- */

static void take_user(struct door_user *u, const Tipring__V1__AuthUser *m)
{
	struct str password = str_of(getenv(m->password_env));

	memset(u, 0, sizeof *u);
	if (str_copy(u->name, sizeof u->name, str_of(m->username)) != 0 || password.n == 0 ||
	    str_copy(u->password, sizeof u->password, password) != 0) {
		u->password[0] = '\0';
		log_error("sip.auth_password",
			  "username=%s variable=%s hint=\"empty, not there, or longer than 127 "
			  "octets: nobody is let in by this name\"",
			  u->name, m->password_env);
	}
}

static uint32_t hash_named(const char *name)
{
	for (unsigned h = 0; h < SIP_HASHES; h++) {
		char area[32];
		struct buf b = buf_of(area, sizeof area);

		sip_digest_put_algorithm(&b, (enum sip_hash)h, false);
		if (str_eq(buf_str(&b), str_of(name)))
			return SIP_GUARD_HASH(h);
	}
	return 0;
}

static int take(struct signaling *s, const Tipring__V1__AuthConfig *m)
{
	struct door_settings set = {.realm = str_of(m->realm), .users = s->door_users};

	if (m->n_users > DOOR_USERS_MAX || m->n_trusted > DOOR_NETS_MAX)
		return ERR_RANGE;
	for (size_t i = 0; i < m->n_users; i++)
		take_user(&s->door_users[i], m->users[i]);
	set.user_count = (uint32_t)m->n_users;
	for (size_t i = 0; i < m->n_algorithms; i++)
		set.hashes |= hash_named(m->algorithms[i]);
	if (m->n_algorithms == 0)
		set.hashes = DEFAULT_HASHES;
	if (set.hashes == 0)
		return ERR_UNSUPPORTED;
	for (size_t i = 0; i < m->n_trusted; i++)
		if (net_parse(str_of(m->trusted[i]), &set.nets[set.net_count++]) != 0)
			return ERR_SYNTAX;
	return door_set(&s->door, &set);
}

void from_auth_config(struct signaling *s, const Tipring__V1__SignalingConfig *c)
{
	int err = 0;

	s->door.set.user_count = 0;
	s->door.shut = false;
	if (c->auth == NULL || c->auth->n_users == 0)
		return;
	if (s->door_users == NULL)
		s->door_users = secret_take(USERS_BYTES);
	if (s->door_users == NULL)
		err = ERR_NOMEM;
	if (err == 0 && !s->door.ready) {
		s->door.shared = c->workers > 1;
		err = open_book(s);
	}
	if (err == 0)
		err = take(s, c->auth);
	if (err == 0)
		return;
	log_error("sip.auth", "reason=%s hint=\"nobody is let in\"", err_name(err));
	s->door.shut = true;
}

void from_auth_close(struct signaling *s)
{
	door_close(&s->door);
	region_close(&s->door_book);
	secret_give(s->door_users, USERS_BYTES);
	s->door_users = NULL;
}

void from_auth_trunk(struct signaling *s, const Tipring__V1__TrunkLogin *m)
{
	struct sip_login login;
	struct addr hop;

	logins_set_trunk(s, NULL, NULL);
	if (m == NULL || m->next_hop == NULL || m->next_hop->port > UINT16_MAX ||
	    addr_parse_ip(str_of(m->next_hop->ip), &hop) != 0)
		return;
	hop.port = (uint16_t)m->next_hop->port;
	login = (struct sip_login){.username = str_of(m->username),
				   .password = str_of(getenv(m->password_env)),
				   .realm = str_of(m->realm)};
	if (!logins_can_use(&login))
		log_error("outbound.password",
			  "variable=%s hint=\"empty, not there, or longer than 127 octets: a "
			  "challenge of next_hop can not be answered\"",
			  m->password_env);
	logins_set_trunk(s, &hop, &login);
}

/* ---- requests ---- */

unsigned from_auth_admits(void *porter, const struct sip_msg *m, const struct sip_packet *in,
			  uint64_t now_ms, struct str *ret_lines)
{
	struct signaling *s = porter;
	uint64_t failed = s->door.count.failed;
	const struct door_request r = {.msg = m,
				       .source = &in->source,
				       .now_ms = now_ms,
				       .chance = rand_u64(&s->stack.rand)};
	unsigned code;

	hold_book(s, F_WRLCK);
	code = door_knock(&s->door, &r, ret_lines);
	hold_book(s, F_UNLCK);
	if (s->door.count.failed != failed && log_limit(&s->log_failed, 10))
		log_warn("sip.auth_failed", "source=%s", addr_text(&in->source).z);
	return code;
}

void from_auth_count(struct signaling *s)
{
	count(s, STAT_sip_auth_asked, s->door.count.asked);
	count(s, STAT_sip_auth_failed, s->door.count.failed);
	count(s, STAT_sip_auth_limited, s->door.count.limited);
	s->door.count = (struct door_counters){.asked = 0};
}
