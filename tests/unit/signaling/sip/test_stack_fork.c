/* test_stack_fork.c - mirrors signaling/sip/stack_invite.c: more than one peer answers an INVITE
 * of ours. */
#include "tests/unit/signaling/sip/kit_uac.h"

static struct uac u;

static void open_kit(void)
{
	kit_open_as(&u.k, &(struct sip_config){
				  .server_max = 64, .client_max = 32, .worker = 3});
}

static void close_kit(void)
{
	sip_stack_fini(&u.k.s);
}

TestSuite(sip_stack_fork, .init = open_kit, .fini = close_kit);

static void answered_by(const char *tag)
{
	struct sip_effect e = {.p = "ACK x", .n = 5, .to = u.k.peer};

	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = tag, .lines = UAC_CONTACT});
	cr_assert_eq(kit_count(&u.k.fx, SIP_GOT_RESPONSE), 1u);
	u.k.fx.n = 0;
	cr_assert_eq(sip_stack_ack(&u.k.s, u.txn, &e, &u.k.fx), 0);
}

/* C226: rings at A, is answered at B */
Test(sip_stack_fork, c226_another_one_answers)
{
	struct sip_dialog a, b;

	uac_start(&u);
	a = b = u.d;
	uac_answer(&u, (struct uac_reply){.code = 180, .tag = "A", .lines = UAC_CONTACT});
	cr_assert_eq(sip_dialog_learn(&a, u.k.fx.v[0].msg, u.k.fx.v[0].core), 0);
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "B", .lines = UAC_CONTACT});
	cr_assert_eq(u.k.fx.n, 1u);
	cr_expect_eq(u.k.fx.v[0].kind, SIP_GOT_RESPONSE);
	cr_assert_eq(sip_dialog_learn(&b, u.k.fx.v[0].msg, u.k.fx.v[0].core), 0);
	cr_expect_str_eq(a.remote_tag, "A");
	cr_expect_str_eq(b.remote_tag, "B");
	cr_expect(kit_has(uac_print(&b, (struct sip_request){.method = SIP_M_ACK, .cseq = 1}),
			  ";tag=B\r\n"));
	uac_expect_end(&u, "B");
}

/* C227, C145, C213: the second is acknowledged and ended by its own Contact and route */
Test(sip_stack_fork, c227_two_2xx)
{
	static const struct uac_reply second = {
		.code = 200,
		.tag = "B",
		.lines = "Record-Route: <sip:192.0.2.2;lr>, <sip:192.0.2.3:5099;lr>\r\n"
			 "Contact: \"B\" <sip:b@192.0.2.4;x=y>;q=1\r\n"};
	char ack[2048], branch[64];

	answered_by("A");
	uac_answer(&u, second);
	cr_assert_eq(u.k.fx.n, 2u, "its owner hears nothing");
	snprintf(ack, sizeof ack, "%s", uac_sent(&u, 0));
	cr_expect_eq(strncmp(ack, "ACK sip:b@192.0.2.4;x=y SIP/2.0\r\n", 33), 0, "%s", ack);
	UAC_LINE_IS(ack, "Route", "<sip:192.0.2.3:5099;lr>, <sip:192.0.2.2;lr>");
	UAC_LINE_IS(ack, "From", "\"U \\\"s\\\"\" <sip:us@example.com>;tag=ours");
	UAC_LINE_IS(ack, "To", "<sip:Bob@example.net;x=Y>;tag=B");
	UAC_LINE_IS(ack, "Call-ID", "call9@192.0.2.9");
	UAC_LINE_IS(ack, "CSeq", "1 ACK");
	cr_expect_not(kit_has(str_of(ack), u.branch), "a new branch");
	for (unsigned i = 0; i < 2; i++) {
		cr_expect_eq(u.k.fx.v[i].to.ip[3], 3u);
		cr_expect_eq(u.k.fx.v[i].to.port, 5099u);
		cr_expect_eq(u.k.fx.v[i].flow.listener, 2u);
	}
	UAC_LINE_IS(uac_sent(&u, 1), "CSeq", "2 BYE");
	UAC_LINE_IS(uac_sent(&u, 1), "Route", "<sip:192.0.2.3:5099;lr>, <sip:192.0.2.2;lr>");
	UAC_LINE_IS(uac_sent(&u, 1), "To", "<sip:Bob@example.net;x=Y>;tag=B");
	cr_expect_eq(strncmp(uac_sent(&u, 1), "BYE sip:b@192.0.2.4;x=y SIP/2.0\r\n", 33), 0);

	/* again: the same ACK, and no second BYE */
	uac_answer(&u, second);
	cr_assert_eq(u.k.fx.n, 1u);
	cr_expect_str_eq(uac_sent(&u, 0), ack);

	/* the BYE repeats by itself; the answer of it is nobody's, and nothing follows it */
	cr_expect_eq(kit_run(&u.k, u.k.now_ms + 510), 1u);
	cr_expect_eq(sscanf(strstr(uac_sent(&u, 0), "branch="), "branch=%40[^;]", branch), 1);
	uac_answer(&u, (struct uac_reply){
			       .code = 200, .tag = "B", .cseq = "2 BYE", .branch = branch});
	cr_expect_eq(u.k.fx.n, 0u);
	cr_expect_eq(kit_run(&u.k, u.k.now_ms + 4100), 0u);

	/* the first still has its own */
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "A", .lines = UAC_CONTACT});
	cr_expect_str_eq(uac_sent(&u, 0), "ACK x");
	uac_expect_end(&u, "two");
}

/* C150: RFC 3261 12.2.1.1, in the route of a fork */
Test(sip_stack_fork, c150_behind_a_strict_router)
{
	answered_by("A");
	uac_answer(&u, (struct uac_reply){.code = 200,
					  .tag = "B",
					  .lines = "Record-Route: <sip:192.0.2.2;lr>\r\n"
						   "Record-Route: <sip:192.0.2.3>\r\n"
						   "Contact: <sip:b@192.0.2.4>\r\n"});
	for (unsigned i = 0; i < 2; i++) {
		cr_expect_eq(strncmp(uac_sent(&u, i) + 4, "sip:192.0.2.3 ", 14), 0);
		UAC_LINE_IS(uac_sent(&u, i), "Route", "<sip:192.0.2.2;lr>, <sip:b@192.0.2.4>");
		cr_expect_eq(u.k.fx.v[i].to.ip[3], 3u);
	}
}

/* Nowhere else to go: to where its 2xx came from. */
Test(sip_stack_fork, where_it_goes)
{
	static const struct {
		const char *contact, *uri;
	} cases[] = {
		{"Contact: <sip:b@host.example.com>\r\n", "sip:b@host.example.com"},
		{"Contact: <sip:b@10.0.0.1>\r\n", "sip:b@10.0.0.1"},
		{"Contact: <sip:b@[2001:db8::1]>\r\n", "sip:b@[2001:db8::1]"},
		{"Contact: <sip:b@0.0.0.0>\r\n", "sip:b@0.0.0.0"},
		{"Contact: <sip:b@224.0.0.1>\r\n", "sip:b@224.0.0.1"},
		{"", "sip:bob@example.net"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t n = strlen(cases[i].uri);

		answered_by("A");
		uac_answer(&u, (struct uac_reply){
				       .code = 200, .tag = "B", .lines = cases[i].contact});
		cr_assert_eq(u.k.fx.n, 2u, "%s", cases[i].uri);
		cr_expect(addr_eq(&u.k.fx.v[0].to, &u.k.peer), "%s", cases[i].uri);
		cr_expect(addr_eq(&u.k.fx.v[1].to, &u.k.peer), "%s", cases[i].uri);
		cr_expect_eq(strncmp(uac_sent(&u, 0) + 4, cases[i].uri, n), 0);
		uac_expect_end(&u, cases[i].uri);
	}
}

/* No dialog can be made of these. */
Test(sip_stack_fork, a_2xx_that_can_not_be_used)
{
	static char longs[4096];
	static const struct uac_reply cases[] = {
		{.code = 200, .tag = "B", .lines = "Contact: <\r\n"},
		{.code = 200, .tag = "B", .lines = "Contact: <mailto:a@b>\r\n"},
		{.code = 200, .tag = "B", .lines = "Contact: <sip:a@b>\r\nRecord-Route: ;;\r\n"},
		{.code = 200, .tag = "B", .lines = "Contact: <sip:a\001@b>\r\n"},
		{.code = 200, .tag = "B", .lines = "To: <sip:x>;tag=C\r\n"},
		{.code = 200, .tag = "B", .lines = "Call-ID: other\r\n"},
		{.code = 200, .tag = "B", .lines = longs},
	};

	memset(longs, 'x', sizeof longs - 1);
	memcpy(longs, "Contact: <sip:a@b;", 18);
	memcpy(longs + sizeof longs - 4, ">\r\n", 4);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t before = u.k.s.count.malformed;

		answered_by("A");
		uac_answer(&u, cases[i]);
		cr_expect_eq(u.k.fx.n, 0u, "%zu", i);
		cr_expect_eq(u.k.s.count.malformed, before + 1, "%zu", i);
		uac_expect_end(&u, "unusable");
	}
}

/* The cap: so many forks are ended, further ones are not listened to. */
Test(sip_stack_fork, forks_at_the_cap)
{
	char tag[8], branches[SIP_FORKS_MAX][64];

	answered_by("A");
	for (unsigned i = 0; i < SIP_FORKS_MAX + 3; i++) {
		snprintf(tag, sizeof tag, "f%u", i);
		uac_answer(&u, (struct uac_reply){.code = 200, .tag = tag, .lines = UAC_CONTACT});
		cr_expect_eq(u.k.fx.n, i < SIP_FORKS_MAX ? 2u : 0u);
		if (i >= SIP_FORKS_MAX)
			continue;
		cr_assert_eq(sscanf(strstr(uac_sent(&u, 0), "branch="), "branch=%40[^;]",
				    branches[i]),
			     1);
		for (unsigned j = 0; j < i; j++)
			cr_expect_str_neq(branches[i], branches[j], "each its own");
	}
	cr_expect_eq(u.k.s.count.stray, 3u);
	cr_expect_eq(u.k.s.clients.used, 1u + SIP_FORKS_MAX);
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "f0", .lines = UAC_CONTACT});
	cr_expect_eq(u.k.fx.n, 1u, "those that are known still get their ACK");
	uac_expect_end(&u, "many");
}

/* No room to repeat the BYE: it is sent once. */
Test(sip_stack_fork, a_bye_that_finds_no_room)
{
	answered_by("A");
	while (u.k.s.clients.used < u.k.s.clients.cap)
		cr_assert_not_null(pool_take(&u.k.s.clients, NULL));
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "B", .lines = UAC_CONTACT});
	cr_assert_eq(u.k.fx.n, 2u);
	cr_expect_eq(strncmp(uac_sent(&u, 0), "ACK ", 4), 0);
	cr_expect_eq(strncmp(uac_sent(&u, 1), "BYE ", 4), 0);
	cr_expect_eq(kit_run(&u.k, u.k.now_ms + 1000), 0u);
}

/* RFC 2543 peers have no tag; that is one peer among others. */
Test(sip_stack_fork, without_a_tag)
{
	answered_by(NULL);
	uac_answer(&u, (struct uac_reply){.code = 200, .lines = UAC_CONTACT});
	cr_expect_str_eq(uac_sent(&u, 0), "ACK x");
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "B", .lines = UAC_CONTACT});
	cr_expect_eq(u.k.fx.n, 2u);
	uac_expect_end(&u, "no tag");
}
