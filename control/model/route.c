/* route.c - see route.h */
#include "control/model/route.h"

struct str route_user(struct str uri)
{
	struct str rest, user;

	(void)str_cut(uri, ':', &rest);
	user = str_cut(rest, '@', &rest);
	if (rest.p == user.p + user.n) /* no '@': host only */
		return (struct str){user.p, 0};
	user = str_cut(user, ';', &rest);
	return str_cut(user, ':', &rest); /* a password says nothing about who is called */
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next octet of a user part, its escape resolved, once (RFC 3261 19.1.4). */
static char next_octet(struct str *user)
{
	char c = user->p[0];
	size_t n = 1;

	if (c == '%' && user->n >= 3 && hex(user->p[1]) >= 0 && hex(user->p[2]) >= 0) {
		c = (char)(hex(user->p[1]) << 4 | hex(user->p[2]));
		n = 3;
	}
	user->p += n;
	user->n -= n;
	return c;
}

bool route_matches(struct str rule, struct str user)
{
	bool is_prefix = rule.n > 0 && rule.p[rule.n - 1] == '*';

	rule.n -= is_prefix;
	for (size_t i = 0; i < rule.n; i++)
		if (user.n == 0 || next_octet(&user) != rule.p[i])
			return false;
	return is_prefix || user.n == 0;
}

const char *route_find(const struct routes *r, struct str user)
{
	for (uint32_t i = 0; i < r->count; i++)
		if (route_matches(str_of(r->v[i].number), user))
			return r->v[i].app;
	return NULL;
}
