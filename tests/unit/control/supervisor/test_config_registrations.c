/* test_config_registrations.c - mirrors control/supervisor/config_registrations.c */
#include <criterion/criterion.h>
#include <string.h>

#include "control/supervisor/config_registrations.h"

static struct config c;
static struct config_wrong wrong;

/* Two good ones; the second is the last. */
static struct config_registration *setup_two(void)
{
	static const struct config_registration good = {.name = "trunk-1", .aor = "sip:+4930123@example.com", .username = "alice",
							.password_env = "TRUNK_PASSWORD", .contact_user = "alice", .expires_s = 3600};

	memset(&c, 0, sizeof c);
	c.registrations[0] = c.registrations[1] = good;
	strcpy(c.registrations[1].name, "trunk-2");
	c.registration_count = 2;
	return &c.registrations[1];
}

static void bad(const char *key, const char *why)
{
	cr_expect_eq(config_registrations_check(&c, &wrong), ERR_RANGE, "%s", key);
	cr_expect_str_eq(wrong.key, key);
	cr_expect_not_null(strstr(wrong.text, why), "%s", wrong.text);
}

Test(config_registrations, good_ones)
{
	struct config_registration *row = setup_two();

	cr_expect_eq(config_registrations_check(&c, &wrong), 0);
	row->username[0] = row->password_env[0] = row->contact_user[0] = '\0';
	row->expires_s = 604800;
	cr_expect_eq(config_registrations_check(&c, &wrong), 0);
	c.registration_count = 0;
	cr_expect_eq(config_registrations_check(&c, &wrong), 0);
}

Test(config_registrations, names)
{
	strcpy(setup_two()->name, "trunk-1");
	bad("registrations[1].name", "is the name of registrations[0], too");
	strcpy(setup_two()->name, "trunk 2");
	bad("registrations[1].name", "other characters");
	setup_two()->name[0] = '\0';
	bad("registrations[1].name", "other characters");
}

Test(config_registrations, addresses_of_record)
{
	static const char *const none[] = {"", "alice@example.com", "sip:example.com", "sip:a b@example.com", "sip:@example.com", "sip:a@", "sip:a@b c"};

	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		strcpy(setup_two()->aor, none[i]);
		bad("registrations[1].aor", "is not like sip:user@example.com");
	}
}

Test(config_registrations, accounts)
{
	strcpy(setup_two()->username, "a\"b");
	bad("registrations[1].username", "quotes");
	strcpy(setup_two()->realm, "a\\b");
	bad("registrations[1].username", "quotes");
	setup_two()->password_env[0] = '\0';
	bad("registrations[1].username", "password_env");
	strcpy(setup_two()->password_env, "A-B");
	bad("registrations[1].password_env", "environment variable");
	strcpy(setup_two()->contact_user, "a@b");
	bad("registrations[1].contact_user", "before the @");
}

Test(config_registrations, times)
{
	setup_two()->expires_s = 0;
	bad("registrations[1].expires", "outside 1..604800");
	setup_two()->expires_s = 604801;
	bad("registrations[1].expires", "outside 1..604800");
}
