/* config_notes.c - what is allowed in tipring.yaml and surprises: see config.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/supervisor/config_places.h"

static bool covers(const char *earlier, const char *later)
{
	size_t n = strlen(earlier);

	if (n > 0 && earlier[n - 1] == '*')
		return strncmp(earlier, later, n - 1) == 0;
	return strcmp(earlier, later) == 0;
}

/* Behind the `n` there are; how many now. */
static uint32_t note_logins(const struct config *c, struct config_error *ret, uint32_t n, uint32_t max)
{
	if (c->outbound_username[0] != '\0' && getenv(c->outbound_password_env) == NULL && n < max)
		snprintf(ret[n++].text, sizeof ret->text, "outbound.username: there is no environment variable %s, so no password",
			 c->outbound_password_env);
	for (uint32_t i = 0; i < c->auth_user_count && n < max; i++) {
		const struct config_auth_user *u = &c->auth_users[i];

		if (getenv(u->password_env) == NULL)
			snprintf(ret[n++].text, sizeof ret->text,
				 "sip.auth.users[%u] (%s): there is no environment variable %s, so nobody is let in by this name", i,
				 u->username, u->password_env);
	}
	return n;
}

uint32_t config_notes(const struct config *c, struct config_error *ret, uint32_t max)
{
	uint32_t n = 0, pairs = config_ports_pairs(&c->rtp_ports);

	if (n < max && pairs < c->max_calls)
		snprintf(ret[n++].text, sizeof ret->text, "RTP ports for %u calls, max_calls is %u: the others are refused", pairs,
			 c->max_calls);
	for (uint32_t i = 0; i < c->registration_count && n < max; i++) {
		const struct config_registration *row = &c->registrations[i];

		if (row->username[0] != '\0' && getenv(row->password_env) == NULL)
			snprintf(ret[n++].text, sizeof ret->text, "registrations[%u] (%s): there is no environment variable %s, so no password",
				 i, row->name, row->password_env);
	}
	n = note_logins(c, ret, n, max);
	n = config_places_note(c, ret, n, max);
	if (n < max && c->route_count == 0)
		snprintf(ret[n++].text, sizeof ret->text, "routes is empty: every call is answered 404");
	for (uint32_t i = 0; i < c->route_count; i++)
		for (uint32_t k = 0; k < i && n < max; k++) {
			if (!covers(c->routes[k].number, c->routes[i].number))
				continue;
			snprintf(ret[n++].text, sizeof ret->text, "routes[%u] (\"%s\" to %s) is never reached: routes[%u] (\"%s\") comes first",
				 i, c->routes[i].number, c->routes[i].app, k, c->routes[k].number);
			break;
		}
	return n;
}
