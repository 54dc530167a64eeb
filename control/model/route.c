/* route.c - see route.h */
#include "control/model/route.h"

struct str route_user(struct str uri)
{
	struct str rest, user;

	(void)str_cut(uri, ':', &rest);
	user = str_cut(rest, '@', &rest);
	if (rest.p == user.p + user.n) /* no '@': host only */
		return (struct str){user.p, 0};
	return str_cut(user, ';', &rest);
}

static bool matches(struct str rule, struct str user)
{
	if (rule.n > 0 && rule.p[rule.n - 1] == '*')
		return str_has_prefix(user, (struct str){rule.p, rule.n - 1});
	return str_eq(rule, user);
}

const char *route_find(const struct routes *r, struct str user)
{
	for (uint32_t i = 0; i < r->count; i++)
		if (matches(str_of(r->v[i].number), user))
			return r->v[i].app;
	return NULL;
}
