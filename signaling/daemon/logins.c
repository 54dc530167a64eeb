/* logins.c - see logins.h */
#include "signaling/daemon/logins.h"

#include "signaling/daemon/secret.h"
#include "signaling/daemon/signaling.h"

static const struct sip_login nobody = {.username = {"", 0}, .password = {"", 0}, .realm = {"", 0}};

int logins_open(struct signaling *s, uint32_t legs)
{
	struct logins *t = &s->logins;

	t->rows = secret_take((legs + 1) * sizeof *t->rows);
	if (t->rows == NULL)
		return ERR_NOMEM;
	t->count = legs + 1;
	return 0;
}

void logins_close(struct signaling *s)
{
	secret_give(s->logins.rows, s->logins.count * sizeof *s->logins.rows);
	s->logins = (struct logins){.count = 0};
}

struct sip_login logins_in(const struct login_row *r)
{
	return (struct sip_login){.username = str_of(r->username),
				  .password = str_of(r->password),
				  .realm = str_of(r->realm)};
}

bool logins_can_use(const struct sip_login *login)
{
	return login->username.n > 0 && login->username.n < SIP_LOGIN_BYTES &&
	       login->password.n > 0 && login->password.n < SIP_LOGIN_BYTES &&
	       login->realm.n < SIP_REALM_BYTES && sip_login_is_sound(login);
}

void logins_put(struct login_row *r, const struct sip_login *l)
{
	(void)!str_copy(r->username, sizeof r->username, l->username);
	(void)!str_copy(r->password, sizeof r->password, l->password);
	(void)!str_copy(r->realm, sizeof r->realm, l->realm);
}

/* ---- the trunk ---- */

void logins_set_trunk(struct signaling *s, const struct addr *hop, const struct sip_login *login)
{
	struct logins *t = &s->logins;

	if (t->rows == NULL)
		return;
	sip_hash_wipe(&t->rows[0], sizeof t->rows[0]);
	t->trunk = (struct addr){.family = ADDR_NONE};
	if (login == NULL || !logins_can_use(login))
		return;
	logins_put(&t->rows[0], login);
	t->trunk = *hop;
}

/* ---- legs ---- */

static struct login_row *row_of(const struct signaling *s, const struct leg *l)
{
	uint32_t at = 1 + pool_slot(pool_handle(&s->legs, l));

	return at < s->logins.count ? &s->logins.rows[at] : NULL;
}

void logins_keep(struct signaling *s, const struct leg *l, const struct sip_login *login)
{
	struct login_row *r = row_of(s, l);

	if (r == NULL || !logins_can_use(login))
		return;
	logins_put(r, login);
	r->handle = pool_handle(&s->legs, l);
}

void logins_forget(struct signaling *s, const struct leg *l)
{
	struct login_row *r = row_of(s, l);

	if (r != NULL && r->handle != 0)
		sip_hash_wipe(r, sizeof *r);
}

static struct sip_login own_of(const struct signaling *s, const struct leg *l)
{
	const struct login_row *r = row_of(s, l);

	return r != NULL && r->handle == pool_handle(&s->legs, l) ? logins_in(r) : nobody;
}

/* ---- registrations ---- */

static bool serves(const struct registration *g, const struct addr *hop)
{
	return addr_eq(&g->r.set.registrar, hop) && g->r.set.username[0] != '\0' &&
	       g->password[0] != '\0';
}

static struct sip_login account_of(const struct signaling *s, const struct addr *hop, struct str us)
{
	const struct registration *g, *found = NULL;
	uint32_t at = 0;

	if (!s->registrations.open)
		return nobody;
	while ((g = pool_each(&s->registrations.pool, &at)) != NULL) {
		bool mine = str_eq(str_of(g->r.set.aor), us);

		if (serves(g, hop) && (found == NULL || mine))
			found = g;
		if (found == g && mine)
			break;
	}
	if (found == NULL)
		return nobody;
	return (struct sip_login){.username = str_of(found->r.set.username),
				  .password = str_of(found->password),
				  .realm = str_of(found->r.set.realm)};
}

struct sip_login logins_at(const struct signaling *s, const struct addr *hop, struct str us)
{
	if (s->logins.trunk.family != ADDR_NONE && addr_eq(&s->logins.trunk, hop))
		return logins_in(&s->logins.rows[0]);
	return account_of(s, hop, us);
}

/* Of a caller only when it hears what is said to it, and no Record-Route leads elsewhere. */
static bool is_where_it_came_from(const struct leg *l)
{
	struct addr hop = sip_dialog_hop(&l->r.dialog, &l->r.source);

	return addr_eq(&hop, &l->r.source);
}

struct sip_login logins_of(const struct signaling *s, const struct leg *l)
{
	if (!leg_is_ours(l) && !is_where_it_came_from(l))
		return nobody;
	if (leg_is_ours(l) && l->r.account.own_login)
		return own_of(s, l);
	return logins_at(s, &l->r.source, str_of(leg_is_ours(l) ? l->r.from_uri : l->r.to_uri));
}
