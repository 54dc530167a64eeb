/* test_config_auth.c - mirrors control/supervisor/config_auth.c, through the file as it is written */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "control/supervisor/config.h"
#include "control/supervisor/config_pack.h"

static struct config c;
static struct config_error why;

static int load(const char *yaml)
{
	char path[] = "/tmp/test_config_auth.XXXXXX";
	int fd = mkstemp(path), err;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, yaml, strlen(yaml)), (ssize_t)strlen(yaml));
	close(fd);
	why.text[0] = '\0';
	err = config_load(path, &c, &why);
	unlink(path);
	return err;
}

Test(config_auth, what_can_not_be_names_its_place)
{
	static const struct {
		const char *yaml, *where;
	} rows[] = {
		{"sip: {auth: {realm: \"\"}}", "sip.auth.realm"},
		{"sip: {auth: {realm: 'a\"b'}}", "sip.auth.realm"},
		{"sip: {auth: {algorithms: [MD4]}}", "sip.auth.algorithms[0]"},
		{"sip: {auth: {algorithms: [MD5, SHA-256-sess]}}", "sip.auth.algorithms[1]"},
		{"sip: {auth: {trusted: [192.0.2.0/33]}}", "sip.auth.trusted[0]"},
		{"sip: {auth: {trusted: ['::/0', '::/129']}}", "sip.auth.trusted[1]"},
		{"sip: {auth: {trusted: [example.org]}}", "sip.auth.trusted[0]"},
		{"sip: {auth: {users: [{username: 'a\\b', password_env: A}]}}", "sip.auth.users[0].username"},
		{"sip: {auth: {users: [{username: a, password_env: A-B}]}}", "sip.auth.users[0].password_env"},
		{"sip: {auth: {users: [{username: a, password_env: A}, {username: a, password_env: B}]}}", "sip.auth.users[1].username"},
		{"outbound: {username: a, password_env: A}", "outbound.username"},
		{"outbound: {username: a, next_hop: '192.0.2.1:5060'}", "outbound.username"},
		{"outbound: {username: a, password_env: 'x y', next_hop: '192.0.2.1:5060'}", "outbound.password_env"},
		{"outbound: {realm: 'a\"'}", "outbound.realm"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_expect_eq(load(rows[i].yaml), ERR_RANGE, "%s", rows[i].yaml);
		cr_expect(strstr(why.text, rows[i].where) != NULL, "%s: %s", rows[i].yaml, why.text);
	}
	cr_expect_eq(load("sip: {auth: {users: [{username: a, password: secret}]}}"), ERR_SYNTAX, "a password has no place here");
	cr_expect(strstr(why.text, "secret") == NULL, "%s", why.text);
}

/* 256 of them travel in one message with all registrations; one more is none. */
Test(config_auth, as_many_as_may_be)
{
	static uint8_t packed[CONFIG_PACKED_MAX];
	static char yaml[32768];
	size_t n;

	for (unsigned users = CONFIG_AUTH_USERS_MAX; users <= CONFIG_AUTH_USERS_MAX + 1; users++) {
		struct buf b = buf_of(yaml, sizeof yaml - 1);

		buf_z(&b, "sip:\n  auth:\n    users:\n");
		for (unsigned i = 0; i < users; i++) {
			buf_z(&b, "      - {username: u");
			buf_u64(&b, 100 + i);
			buf_z(&b, ", password_env: A_PASSWORD_OF_A_USER_");
			buf_u64(&b, 100 + i);
			buf_z(&b, "}\n");
		}
		cr_assert(buf_ok(&b));
		yaml[b.n] = '\0';
		cr_expect_eq(load(yaml), users <= CONFIG_AUTH_USERS_MAX ? 0 : ERR_SYNTAX, "%s", why.text);
	}
	cr_expect_eq(c.auth_user_count, CONFIG_AUTH_USERS_MAX);
	cr_expect_eq(config_pack(&c, &(struct config_for){.role = ROLE_SIGNALING}, packed, &n), 0);
}

/* What is missing is said at the start, and not where it hurts. */
Test(config_auth, passwords_that_are_not_there)
{
	struct config_error notes[CONFIG_NOTES_MAX];
	unsigned said = 0;
	uint32_t n;

	cr_assert_eq(load("sip: {auth: {users: [{username: a, password_env: NOT_THERE_A}]}}\n"
			  "outbound: {username: b, password_env: NOT_THERE_B, next_hop: '192.0.2.1:5060'}\n"),
		     0, "%s", why.text);
	n = config_notes(&c, notes, CONFIG_NOTES_MAX);
	for (uint32_t i = 0; i < n; i++)
		said += strstr(notes[i].text, "NOT_THERE_") != NULL;
	cr_expect_eq(said, 2u);
}
