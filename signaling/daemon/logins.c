/* logins.c - see logins.h */
#include "signaling/daemon/logins.h"

#include "signaling/daemon/signaling.h"

static bool serves(const struct registration *g, const struct leg *l)
{
	return addr_eq(&g->r.set.registrar, &l->r.source) && g->r.set.username[0] != '\0' &&
	       g->password[0] != '\0';
}

struct sip_login logins_of(const struct signaling *s, const struct leg *l)
{
	const struct registration *g, *found = NULL;
	uint32_t at = 0;

	if (!leg_is_ours(l) || !s->registrations.open)
		return (struct sip_login){.username = {"", 0}};
	while ((g = pool_each(&s->registrations.pool, &at)) != NULL) {
		bool mine = str_eq(str_of(g->r.set.aor), str_of(l->r.from_uri));

		if (serves(g, l) && (found == NULL || mine))
			found = g;
		if (found == g && mine)
			break;
	}
	if (found == NULL)
		return (struct sip_login){.username = {"", 0}};
	return (struct sip_login){.username = str_of(found->r.set.username),
				  .password = str_of(found->password),
				  .realm = str_of(found->r.set.realm)};
}
