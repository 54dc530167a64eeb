/* test_stack_client.c - mirrors signaling/sip/stack_client.c: requests of ours and their
 * answers. */
#include "tests/unit/signaling/sip/kit.h"

static struct kit k;

static void open_kit(void)
{
	kit_open(&k);
}

static void close_kit(void)
{
	sip_stack_fini(&k.s);
}

TestSuite(sip_stack_client, .init = open_kit, .fini = close_kit);

static char bye_branch[SIP_BRANCH_BYTES];

static int send_bye(const char *method)
{
	struct sip_effect where = {.to = k.peer, .flow = {.listener = 2}, .user = 9};
	struct str text;

	sip_stack_branch(&k.s, bye_branch);
	text = kit_print((struct kit_request){.method = method, .branch = bye_branch});
	where.p = text.p;
	where.n = text.n;
	k.fx.n = 0;
	return sip_stack_request(&k.s, &where, str_of(bye_branch), k.now_ms, &k.fx);
}

static void answer_bye(const char *status, const char *branch, const char *cseq,
		       const char *more)
{
	char area[512];

	snprintf(area, sizeof area,
		 "SIP/2.0 %s\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=%s\r\n%sCSeq: "
		 "%s\r\n\r\n",
		 status, branch, more, cseq);
	kit_input(&k, str_of(area));
}

/* C138 */
Test(sip_stack_client, c138_bye_unanswered)
{
	uint64_t start = k.now_ms;
	unsigned n = 0;

	cr_assert_eq(send_bye("BYE"), 0);
	cr_assert_eq(k.fx.n, 1u);
	cr_expect_eq(k.fx.v[0].flow.listener, 2u);
	cr_expect(addr_eq(&k.fx.v[0].to, &k.peer));
	while (k.now_ms < start + 31990)
		n += kit_run(&k, k.now_ms + 10);
	cr_expect_eq(n, 10u);
	for (unsigned i = 0; k.s.clients.used > 0 && i < 10; i++)
		kit_run(&k, k.now_ms + 10);
	cr_assert_eq(k.fx.n, 1u);
	cr_expect_eq(k.fx.v[0].kind, SIP_NO_RESPONSE);
	cr_expect_eq(k.fx.v[0].user, 9u);
	cr_expect_eq(k.fx.v[0].status, 408u);
	kit_expect_empty(&k.s, "timer F");
}

Test(sip_stack_client, bye_answered)
{
	cr_assert_eq(send_bye("BYE"), 0);
	answer_bye("100 Trying", bye_branch, "1 BYE", "");
	cr_expect_eq(k.fx.n, 0u);
	answer_bye("481 Gone", bye_branch, "1 BYE", "X-Y: z\r\n");
	cr_assert_eq(k.fx.n, 1u);
	cr_expect_eq(k.fx.v[0].kind, SIP_GOT_RESPONSE);
	cr_expect_eq(k.fx.v[0].status, 481u);
	cr_expect_eq(k.fx.v[0].user, 9u);
	cr_expect_eq(k.fx.v[0].msg->count, 3u);
	answer_bye("481 Gone", bye_branch, "1 BYE", "");
	cr_expect_eq(k.fx.n, 0u, "told once");
	kit_run(&k, k.now_ms + 5100);
	kit_expect_empty(&k.s, "timer K");
	answer_bye("481 Gone", bye_branch, "1 BYE", "");
	cr_expect_eq(k.s.count.stray, 1u);
}

/* RFC 3261 17.1.3 and 8.1.3.3 */
Test(sip_stack_client, c206_responses_that_are_not_ours)
{
	char two[128];

	cr_assert_eq(send_bye("BYE"), 0);
	answer_bye("200 OK", "z9hG4bKother", "1 BYE", "");
	answer_bye("200 OK", bye_branch, "1 INVITE", "");
	answer_bye("200 OK", bye_branch, "rubbish", "");
	answer_bye("200 OK", bye_branch, "1 BYE",
		   "Via: SIP/2.0/UDP second;branch=z9hG4bK2\r\n");
	snprintf(two, sizeof two, "%s, SIP/2.0/UDP second;branch=z9hG4bK2", bye_branch);
	answer_bye("200 OK", two, "1 BYE", "");
	cr_expect_eq(k.fx.n, 0u);
	cr_expect_eq(k.s.count.stray, 5u);
	answer_bye("200 OK", bye_branch, "1 BYE", "");
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_RESPONSE), 1u);
}

/* S4: a response is matched by its Via and CSeq, and by nothing else */
Test(sip_stack_client, s4_what_a_response_is_not_matched_by)
{
	static const struct {
		const char *lines;
		bool taken;
	} cases[] = {
		{"Server: a\r\nServer: b\r\n", true},
		{"Content-Length: 0\r\nContent-Length: 0\r\n", true},
		{"From: junk\r\nFrom: junk\r\nTo: <\r\nCall-ID: a b\r\nContact: ;;\r\n", true},
		{"not a header field\r\nDate: a\rb\r\n", true},
		{"Content-Length: 0\r\nContent-Length: 1\r\n", false},
		{"Content-Length: 1\r\n", false}, /* RFC 3261 18.3 */
		{"CSeq: 1 BYE\r\n", false},
		{"CSeq: 1\rBYE\r\n", false},
		{"Via: a\rb\r\n", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		cr_assert_eq(send_bye("BYE"), 0);
		answer_bye("200 OK", bye_branch, "1 BYE", cases[i].lines);
		cr_expect_eq(kit_count(&k.fx, SIP_GOT_RESPONSE), cases[i].taken, "%s",
			     cases[i].lines);
		kit_run(&k, k.now_ms + 40000);
	}
}

Test(sip_stack_client, requests_at_the_cap)
{
	static char big[SIP_REQUEST_BYTES + 1] = "BYE sip:x SIP/2.0";
	struct sip_effect where = {.to = k.peer, .p = big, .n = sizeof big};

	for (unsigned i = 0; i < 8; i++)
		cr_assert_eq(send_bye("BYE"), 0);
	cr_expect_eq(send_bye("BYE"), ERR_NOSPC);
	cr_expect_eq(k.fx.n, 0u);
	kit_run(&k, k.now_ms + 40000);
	cr_expect_eq(sip_stack_request(&k.s, &where, STR("z9hG4bK1"), 0, &k.fx), ERR_NOSPC);
	cr_expect_eq(send_bye("INVITE"), ERR_INVAL);
	cr_expect_eq(send_bye("ACK"), ERR_INVAL);
	cr_expect_eq(send_bye("CANCEL"), ERR_INVAL);
	cr_expect_eq(send_bye("frob"), ERR_INVAL);
	kit_expect_empty(&k.s, "refused");
}

/* Two of one branch could not be told apart, so there is no second; and one that finds no
 * place for its octets leaves nothing behind. */
Test(sip_stack_client, requests_that_find_no_place)
{
	static char big[SIP_REQUEST_BYTES] = "BYE sip:x SIP/2.0";
	struct sip_effect where = {.to = k.peer, .p = big, .n = 600};
	struct sip_store *store = &k.s.store;
	uint32_t used;

	cr_assert_eq(sip_stack_request(&k.s, &where, STR("z9hG4bK1"), k.now_ms, &k.fx), 0);
	used = store->pools[1].used;
	cr_expect_eq(sip_stack_request(&k.s, &where, STR("z9hG4bK1"), k.now_ms, &k.fx),
		     ERR_NOSPC);
	cr_expect_eq(store->pools[1].used, used);
	cr_expect_eq(k.s.clients.used, 1u);

	where.n = sizeof big; /* the longest there is */
	while (store->pools[2].used < store->pools[2].cap)
		cr_assert_not_null(pool_take(&store->pools[2], NULL));
	k.fx.n = 0;
	cr_expect_eq(sip_stack_request(&k.s, &where, STR("z9hG4bK2"), k.now_ms, &k.fx),
		     ERR_NOSPC);
	cr_expect_eq(k.fx.n, 0u);
	cr_expect_eq(k.s.clients.used, 1u);
	cr_expect_eq(k.s.client_keys.used, 1u);
}

/* C037, C038: the row's 16 digits, and two of the worker */
Test(sip_stack_client, c037_branches_and_tags)
{
	static char seen[200][SIP_BRANCH_BYTES];

	for (unsigned i = 0; i < 100; i++) {
		sip_stack_branch(&k.s, seen[2 * i]);
		sip_stack_new_tag(&k.s, seen[2 * i + 1]);
		cr_expect_eq(strlen(seen[2 * i]), 7u + 16 + 2);
		cr_expect_eq(strncmp(seen[2 * i], "z9hG4bK", 7), 0);
		cr_expect_str_eq(seen[2 * i] + 23, "03");
		cr_expect_eq(strlen(seen[2 * i + 1]), 18u);
		cr_expect_str_eq(seen[2 * i + 1] + 16, "03");
	}
	for (unsigned i = 0; i < 200; i++)
		for (unsigned j = 0; j < i; j++)
			cr_assert_str_neq(seen[i], seen[j]);
}
