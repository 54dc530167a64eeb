/* test_registration.c - mirrors signaling/registration/registration.c */
#include "tests/unit/signaling/registration/kit.h"

TestSuite(registration, .init = opened);

static struct str line(enum sip_header id)
{
	return sip_value(&sent_msg, id);
}

/* C250 */
Test(registration, the_request)
{
	cr_assert(input(BIND_EV_START));
	cr_assert(str_has_prefix(STR("REGISTER sip:example.com SIP/2.0\r\n"),
				 (struct str){sent, 34}));
	cr_assert(str_eq(line(SIP_TO), STR("<sip:alice@example.com>")));
	cr_assert(str_eq(line(SIP_FROM), STR("<sip:alice@example.com>;tag=tag-1")));
	cr_assert(str_eq(line(SIP_CALL_ID), STR("call-1")));
	cr_assert(str_eq(line(SIP_CSEQ), STR("1 REGISTER")));
	cr_assert(str_eq(line(SIP_CONTACT), STR("<sip:alice@192.0.2.9:5060>")));
	cr_assert(str_eq(line(SIP_EXPIRES), STR("3600")));
	cr_assert(str_eq(line(SIP_MAX_FORWARDS), STR("70")));
	cr_assert(str_eq(line(SIP_VIA), STR("SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1;rport")));
	cr_assert(str_eq(line(SIP_CONTENT_LENGTH), STR("0")));
	cr_assert_not(sip_has(&sent_msg, SIP_USER_AGENT));
}

Test(registration, what_the_settings_say)
{
	struct registration_settings s = {.name = "a",
					  .aor = "sip:+4930@[2001:db8::1]:5070",
					  .contact_user = "me",
					  .expires_s = 60};
	struct registration_send how = {.branch = STR("z9hG4bK1"), .user_agent = STR("Tipring")};
	struct buf b = buf_of(sent, sizeof sent - 1);
	const char *why;

	cr_assert_eq(addr_parse_ip(STR("2001:db8::5"), &s.registrar), 0);
	cr_assert_eq(registration_check(&s, &why), 0, "%s", why);
	cr_assert_eq(s.registrar.port, 5060);
	open_with(&s);
	cr_assert(registration_input(reg, BIND_EV_START, &chance, now_ms, &out));
	cr_assert_eq(addr_parse(STR("[2001:db8::9]:5062"), &how.local), 0);
	cr_assert_eq(registration_print(reg, &how, &b), 0);
	cr_assert_eq(sip_parse(sent, b.n, &sent_msg), 0);
	cr_assert(str_eq(sent_msg.uri, STR("sip:[2001:db8::1]:5070")));
	cr_assert(str_eq(line(SIP_CONTACT), STR("<sip:me@[2001:db8::9]:5062>")));
	cr_assert(str_eq(line(SIP_EXPIRES), STR("60")));
	cr_assert(str_eq(line(SIP_USER_AGENT), STR("Tipring")));
}

Test(registration, no_room)
{
	struct registration_send how = {.branch = STR("z9hG4bK1")};
	struct buf b = buf_of(sent, 100);

	cr_assert(registration_input(reg, BIND_EV_START, &chance, now_ms, &out));
	cr_assert_eq(registration_print(reg, &how, &b), ERR_NOSPC);
	cr_assert_eq(reg->r.head.cseq, 0, "not counted");
}

/* C252: what is ours, else what is said of all, else what we asked for. */
Test(registration, what_was_granted)
{
	static const struct {
		const char *lines;
		uint32_t granted; /* 0 = refused */
	} rows[] = {
		{OURS ";expires=600\r\nExpires: 300\r\n", 600},
		{OURS "\r\nExpires: 300\r\n", 300},
		{"Contact: <sip:alice@192.0.2.77:5060>;expires=20\r\nExpires: 300\r\n", 300},
		{"Contact: <sip:alice@192.0.2.77:5060>;expires=20, <sip:x@y>;expires=5,\r\n"
		 " <sip:alice@192.0.2.9:5060>;q=0.5;Expires=450\r\nExpires: 300\r\n", 450},
		{"Contact: <sip:b@c>;expires=20\r\n" OURS ";expires=70\r\n", 70},
		{"Contact: \"A, <x>\" <sip:alice@192.0.2.9:5060;transport=udp>;expires=70\r\n" OURS
		 ";expires=90\r\n", 90},
		{OURS ";expires=\"80\"\r\n", 80},
		{OURS ";expires=never\r\nExpires: 300\r\n", 300},
		{"Expires: soon\r\n", 3600},
		{"", 3600},
		{"Contact: *,,<\r\n", 3600},
		{OURS ";expires=99999999999\r\n", REGISTRATION_MOST_S},
		{OURS ";expires=0\r\nExpires: 300\r\n", 0},
		{"Expires: 0\r\n", 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		opened();
		cr_assert(input(BIND_EV_START));
		cr_assert(answer(200, rows[i].lines), "%zu", i);
		if (rows[i].granted == 0)
			cr_assert(reg->r.head.state == BIND_FAILED && said(BIND_FX_FAILED), "%zu", i);
		else
			cr_assert_eq(reg->r.head.granted_s, rows[i].granted, "%zu: %u", i,
				     reg->r.head.granted_s);
	}
}

Test(registration, an_answer_to_another_request)
{
	static const char text[] = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
				   "CSeq: 9 REGISTER\r\nContent-Length: 0\r\n\r\n";
	static struct sip_msg m;

	cr_assert(input(BIND_EV_START));
	cr_assert_eq(sip_parse(text, sizeof text - 1, &m), 0);
	cr_assert_eq(registration_take(reg, &m, 1), BIND_EVENTS);
	cr_assert_eq(reg->r.head.last_code, 0);
}

/* C255 and its neighbours: not for less than we ask, and not for ever. */
Test(registration, intervals)
{
	static const char *const lines[] = {"", "Min-Expires: 3600\r\n", "Min-Expires: soon\r\n",
					    "Min-Expires: 604801\r\n"};

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		opened();
		cr_assert(input(BIND_EV_START));
		cr_assert(answer(423, lines[i]));
		cr_assert_eq(reg->r.head.state, BIND_FAILED, "%zu", i);
	}
}

Test(registration, without_a_password_nothing_is_guessed)
{
	struct registration_settings s = settings();

	(void)registration_change(reg, &s, STR(""));
	cr_assert(input(BIND_EV_START));
	cr_assert(answer(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"));
	cr_assert_eq(reg->r.head.state, BIND_FAILED);
	cr_assert_str_eq(reg->r.reason, "the password is not known (any more)");
	s.username[0] = '\0';
	(void)registration_change(reg, &s, STR(""));
	cr_assert(wait_due());
	cr_assert(answer(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"));
	cr_assert_str_eq(reg->r.reason, "the registrar asks for a username, and there is none");
	cr_assert(wait_due());
	cr_assert_eq(sends, 3, "and no credentials in any");
	cr_assert_not(sip_has(&sent_msg, SIP_AUTHORIZATION));
}

Test(registration, what_a_change_is)
{
	struct registration_settings s = settings();

	cr_assert_not(registration_change(reg, &s, STR("secret")));
	cr_assert(registration_change(reg, &s, STR("other")));
	cr_assert_str_eq(reg->password, "other");
	s.expires_s = 60;
	cr_assert(registration_change(reg, &s, STR("other")));
	reg->r.auth.slots[0].used = 1;
	cr_assert_not(registration_change(reg, &s, STR("other")));
	cr_assert_eq(reg->r.auth.slots[0].used, 1);
	(void)strcpy(s.realm, "r");
	cr_assert(registration_change(reg, &s, STR("other")));
	cr_assert_eq(reg->r.auth.slots[0].used, 0, "another login was asked");
}

Test(registration, the_same_binding)
{
	struct registration_settings a = settings(), b = settings();

	cr_assert(registration_is_same(&a, &b));
	(void)strcpy(b.username, "x");
	b.expires_s = 5;
	cr_assert(registration_is_same(&a, &b));
	b.registrar.port++;
	cr_assert_not(registration_is_same(&a, &b));
	b = settings();
	(void)strcpy(b.aor, "sip:bob@example.com");
	cr_assert_not(registration_is_same(&a, &b));
	b = settings();
	(void)strcpy(b.contact_user, "x");
	cr_assert_not(registration_is_same(&a, &b));
}

Test(registration, settings_that_are_none)
{
	static const struct {
		const char *name, *aor, *registrar, *username, *contact_user;
		uint32_t expires_s;
		bool good;
	} rows[] = {
		{"a", "sip:u@h", "192.0.2.1", "", "", 0, true},
		{"a", "sip:u@h:5070", "192.0.2.1", "x", "y", 604800, true},
		{"a", "sip:u%20@h", "192.0.2.1", "J\xc3\xa4n", "", 1, true},
		{"", "sip:u@h", "192.0.2.1", "", "", 0, false},
		{"a b", "sip:u@h", "192.0.2.1", "", "", 0, false},
		{"a", "", "192.0.2.1", "", "", 0, false},
		{"a", "sips:u@h", "192.0.2.1", "", "", 0, false},
		{"a", "sip:h", "192.0.2.1", "", "x", 0, false},
		{"a", "sip:u:p@h", "192.0.2.1", "", "x", 0, false},
		{"a", "sip:u@h;x", "192.0.2.1", "", "", 0, false},
		{"a", "sip:u@h?x=y", "192.0.2.1", "", "", 0, false},
		{"a", "sip:u@h>", "192.0.2.1", "", "", 0, false},
		{"a", "sip:u@h\r\nX: y", "192.0.2.1", "", "", 0, false},
		{"a", "sip:u@h", "0.0.0.0", "", "", 0, false},
		{"a", "sip:u@h", "224.0.0.1", "", "", 0, false},
		{"a", "sip:u@h", "", "", "", 0, false},
		{"a", "sip:u@h", "192.0.2.1", "a\"b", "", 0, false},
		{"a", "sip:u@h", "192.0.2.1", "", "a b", 0, false},
		{"a", "sip:u@h", "192.0.2.1", "", "a@b", 0, false},
		{"a", "sip:u@h", "192.0.2.1", "", "", 604801, false},
		{"a", "sip:u0123456789012345678901234567890123456789012345678901234567890123@h",
		 "192.0.2.1", "", "", 0, false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct registration_settings s = {.expires_s = rows[i].expires_s};
		const char *why = NULL;
		int err;

		(void)strcpy(s.name, rows[i].name);
		(void)strcpy(s.aor, rows[i].aor);
		(void)strcpy(s.username, rows[i].username);
		(void)strcpy(s.contact_user, rows[i].contact_user);
		if (rows[i].registrar[0] != '\0')
			cr_assert_eq(addr_parse_ip(str_of(rows[i].registrar), &s.registrar), 0);
		err = registration_check(&s, &why);
		cr_assert_eq(err, rows[i].good ? 0 : ERR_SYNTAX, "%zu", i);
		cr_assert_eq(why == NULL, rows[i].good, "%zu", i);
	}
}
