/* test_logins.c - mirrors signaling/daemon/logins.c */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "signaling/daemon/logins.h"
#include "signaling/daemon/signaling.h"

static struct signaling *s;
static struct leg *l;

static void open_all(void)
{
	uint64_t handle;

	s = calloc(1, sizeof *s);
	cr_assert(s != NULL);
	cr_assert_eq(pool_init(&s->legs, 2, sizeof(struct leg)), 0);
	cr_assert_eq(logins_open(s, 2), 0);
	l = pool_take(&s->legs, &handle);
	l->r.dialled.call_id = 1;
	cr_assert_eq(addr_parse(STR("192.0.2.1:5060"), &l->r.source), 0);
}

static void close_all(void)
{
	logins_close(s);
	pool_fini(&s->legs);
	free(s);
}

TestSuite(signaling_logins, .init = open_all, .fini = close_all);

static struct sip_login login(const char *username, const char *password)
{
	return (struct sip_login){.username = str_of(username), .password = str_of(password)};
}

static void trunk(const char *password)
{
	struct sip_login us = login("us", password);
	struct addr hop = l->r.source;

	logins_set_trunk(s, &hop, &us);
}

static void leads_to(const char *uri)
{
	(void)!str_copy(l->r.dialog.target, sizeof l->r.dialog.target, str_of(uri));
}

static bool knows(const char *username)
{
	return str_eq(logins_of(s, l).username, str_of(username));
}

Test(signaling_logins, the_own_one_then_the_trunk)
{
	struct sip_login d = login("alice", "pw");

	cr_expect(knows(""));
	trunk("secret");
	cr_expect(knows("us"));
	cr_expect(str_eq(logins_of(s, l).password, STR("secret")));
	l->r.source.port++;
	cr_expect(knows(""), "it goes elsewhere");
	l->r.source.port--;
	l->r.account.own_login = 1;
	cr_expect(knows(""), "not known any more: nobody else's are taken");
	logins_keep(s, l, &d);
	cr_expect(knows("alice"));
	logins_forget(s, l);
	cr_expect(knows(""));
	l->r.account.own_login = 0;
	cr_expect(knows("us"));
	logins_set_trunk(s, NULL, NULL);
	cr_expect(knows(""));
}

Test(signaling_logins, a_call_that_came_in)
{
	struct sip_login d = login("alice", "pw");

	trunk("secret");
	l->r.dialled.call_id = 0;
	cr_expect(knows("us"), "from there, and back there");
	logins_keep(s, l, &d);
	l->r.account.own_login = 1;
	cr_expect(knows("us"), "no Dial made it");
	leads_to("sip:peer@192.0.2.9:5060");
	cr_expect(knows(""), "what is said to it goes elsewhere");
	leads_to("sip:peer@192.0.2.1:5060");
	cr_expect(knows("us"));
	l->r.source.port++;
	cr_expect(knows(""), "it came from elsewhere");
}

Test(signaling_logins, a_trunk_without_password_has_none)
{
	trunk("");
	cr_expect(knows(""));
}

Test(signaling_logins, another_leg_in_its_place)
{
	struct sip_login d = login("alice", "pw");
	uint64_t handle;

	l->r.account.own_login = 1;
	logins_keep(s, l, &d);
	pool_give(&s->legs, l); /* not forgotten */
	do
		l = pool_take(&s->legs, &handle);
	while (l != NULL && pool_slot(handle) != 0);
	cr_assert_not_null(l);
	l->r.dialled.call_id = 2;
	l->r.account.own_login = 1;
	cr_expect(knows(""));
}

Test(signaling_logins, what_can_not_be_used)
{
	char longer[SIP_LOGIN_BYTES + 1];
	struct {
		const char *username, *password;
		bool good;
	} rows[] = {
		{"alice", "pw", true},     {"alice", "p\"w", true},  {"al\"ice", "pw", false},
		{"alice", "", false},      {"", "pw", false},        {"alice", longer, false},
		{longer, "pw", false},     {"alice", longer + 1, true}, {longer + 1, "pw", true},
	};

	memset(longer, 'x', sizeof longer);
	longer[SIP_LOGIN_BYTES] = '\0';
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sip_login d = login(rows[i].username, rows[i].password);

		cr_expect_eq(logins_can_use(&d), rows[i].good, "%zu", i);
	}
}
