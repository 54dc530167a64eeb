/* config_auth.c - see config_auth.h */
#include "control/supervisor/config_auth.h"

#include <stdio.h>
#include <string.h>

#include "common/base/scan.h"

#define VARIABLE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
#define USERS_BYTES 14336u /* of all texts: the configuration of a process travels in one message */

bool config_is_quotable(const char *z)
{
	for (; *z != '\0'; z++)
		if ((unsigned char)*z < ' ' || *z == 0x7f || *z == '"' || *z == '\\')
			return false;
	return true;
}

static bool is_variable(const char *z)
{
	return z[0] != '\0' && strspn(z, VARIABLE) == strlen(z);
}

static int check_users(const struct config *c, struct config_wrong *f)
{
	size_t bytes = 0;
	char key[64];

	for (uint32_t i = 0; i < c->auth_user_count; i++) {
		const struct config_auth_user *u = &c->auth_users[i];

		bytes += strlen(u->username) + strlen(u->password_env) + 8;
		snprintf(key, sizeof key, "sip.auth.users[%u].username", i);
		if (!config_is_quotable(u->username))
			return config_wrong(f, key, "quotes, backslashes and control characters can not stand in it");
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(c->auth_users[k].username, u->username) == 0)
				return config_wrong(f, key, "'%s' is the name of users[%u], too", u->username, k);
		snprintf(key, sizeof key, "sip.auth.users[%u].password_env", i);
		if (!is_variable(u->password_env))
			return config_wrong(f, key, "'%s' is no name of an environment variable", u->password_env);
	}
	return bytes <= USERS_BYTES ? 0 : config_wrong(f, "sip.auth.users", "all names together are longer than %u octets", USERS_BYTES);
}

static bool is_algorithm(const char *z)
{
	return strcmp(z, "MD5") == 0 || strcmp(z, "SHA-256") == 0 || strcmp(z, "SHA-512-256") == 0;
}

/* "192.0.2.0/24", "2001:db8::/32", or an address alone */
static bool is_network(const char *z)
{
	struct str bits, ip = str_cut(str_of(z), '/', &bits);
	bool alone = strchr(z, '/') == NULL;
	struct scan s = scan_of(bits);
	struct addr a;

	if (addr_parse_ip(ip, &a) != 0)
		return false;
	if (alone)
		return true;
	if (scan_u32(&s) > (a.family == ADDR_V4 ? 32u : 128u))
		return false;
	scan_end(&s);
	return s.err == 0;
}

int config_auth_check(const struct config *c, struct config_wrong *ret)
{
	char key[64];

	if (c->auth_realm[0] == '\0' || !config_is_quotable(c->auth_realm))
		return config_wrong(ret, "sip.auth.realm", "a realm has at least one character, and no quotes or backslashes");
	for (uint32_t i = 0; i < c->auth_algorithm_count; i++) {
		snprintf(key, sizeof key, "sip.auth.algorithms[%u]", i);
		if (!is_algorithm(c->auth_algorithms[i]))
			return config_wrong(ret, key, "'%s' is none of MD5, SHA-256, SHA-512-256", c->auth_algorithms[i]);
	}
	for (uint32_t i = 0; i < c->auth_trusted_count; i++) {
		snprintf(key, sizeof key, "sip.auth.trusted[%u]", i);
		if (!is_network(c->auth_trusted[i]))
			return config_wrong(ret, key, "'%s' is not like 192.0.2.0/24", c->auth_trusted[i]);
	}
	return check_users(c, ret);
}

int config_trunk_check(const struct config *c, struct config_wrong *ret)
{
	bool named = c->outbound_username[0] != '\0';

	if (!config_is_quotable(c->outbound_username))
		return config_wrong(ret, "outbound.username", "quotes and backslashes can not stand in it");
	if (!config_is_quotable(c->outbound_realm))
		return config_wrong(ret, "outbound.realm", "quotes and backslashes can not stand in it");
	if (named && !is_variable(c->outbound_password_env))
		return config_wrong(ret, c->outbound_password_env[0] != '\0' ? "outbound.password_env" : "outbound.username",
			     "a username needs the name of an environment variable that holds its password (password_env)");
	if (named && c->outbound_next_hop[0] == '\0')
		return config_wrong(ret, "outbound.username", "it is for calls by outbound.next_hop: give one");
	return 0;
}
