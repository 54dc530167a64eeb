/* config_registrations.c - see config_registrations.h */
#include "control/supervisor/config_registrations.h"

#include <stdio.h>
#include <string.h>

#include "control/supervisor/config_auth.h"

#define LETTERS     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS      "0123456789"
#define USER        LETTERS DIGITS "-_.!~*'()&=+$/%"
#define EXPIRES_MAX 604800u

struct place_of_row {
	char z[48];
};

static struct place_of_row at(uint32_t i, const char *key)
{
	struct place_of_row p;

	snprintf(p.z, sizeof p.z, "registrations[%u].%s", i, key);
	return p;
}

static bool consists_of(const char *z, const char *characters)
{
	return z[0] != '\0' && strspn(z, characters) == strlen(z);
}

static bool is_aor(const char *aor)
{
	const char *host = strchr(aor, '@');
	char user[128];

	if (strncmp(aor, "sip:", 4) != 0 || host == NULL || !consists_of(host + 1, LETTERS DIGITS "-.:[]"))
		return false;
	snprintf(user, sizeof user, "%.*s", (int)(host - aor) - 4, aor + 4);
	return consists_of(user, USER);
}

static int check(const struct config *c, uint32_t i, struct config_wrong *f)
{
	const struct config_registration *row = &c->registrations[i];

	for (uint32_t k = 0; k < i; k++)
		if (strcmp(c->registrations[k].name, row->name) == 0)
			return config_wrong(f, at(i, "name").z, "'%s' is the name of registrations[%u], too", row->name, k);
	if (!consists_of(row->name, LETTERS DIGITS "-_.@:+"))
		return config_wrong(f, at(i, "name").z, "'%s' has other characters than letters, digits and -_.@:+", row->name);
	if (!is_aor(row->aor))
		return config_wrong(f, at(i, "aor").z, "'%s' is not like sip:user@example.com", row->aor);
	if (!config_is_quotable(row->username) || !config_is_quotable(row->realm))
		return config_wrong(f, at(i, "username").z, "quotes and backslashes can not stand in username and realm");
	if (row->username[0] != '\0' && !consists_of(row->password_env, LETTERS DIGITS "_"))
		return config_wrong(f, at(i, row->password_env[0] != '\0' ? "password_env" : "username").z,
				    "a username needs the name of an environment variable that holds its password (password_env)");
	if (row->contact_user[0] != '\0' && !consists_of(row->contact_user, USER))
		return config_wrong(f, at(i, "contact_user").z, "'%s' can not stand before the @ of a SIP URI", row->contact_user);
	if (row->expires_s < 1 || row->expires_s > EXPIRES_MAX)
		return config_wrong(f, at(i, "expires").z, "%u is outside 1..%u", row->expires_s, EXPIRES_MAX);
	return 0;
}

int config_registrations_check(const struct config *c, struct config_wrong *ret)
{
	int err = 0;

	for (uint32_t i = 0; i < c->registration_count && err == 0; i++)
		err = check(c, i, ret);
	return err;
}
