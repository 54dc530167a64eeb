/* test_stack_match.c - signaling/sip/stack.c: which requests are the same, what is kept of an
 * answer, and what is counted. */
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

TestSuite(sip_stack_match, .init = open_kit, .fini = close_kit);

static void input(struct kit_request r)
{
	kit_input(&k, kit_print(r));
}

static bool is_delivered(struct kit_request r)
{
	input(r);
	return kit_count(&k.fx, SIP_GOT_REQUEST) == 1;
}

static struct str sent(void)
{
	const struct sip_effect *e = kit_find(&k.fx, SIP_SEND);

	cr_assert_not_null(e);
	return (struct str){e->p, e->n};
}

/* Our tag in what was sent. */
static const char *tag(void)
{
	static char area[2][64];
	static unsigned turn;
	static struct sip_msg m;
	char *to = area[turn++ % 2];
	struct sip_nameaddr a;

	cr_assert_eq(sip_parse(sent().p, sent().n, &m), 0);
	cr_assert_eq(sip_nameaddr_parse(sip_value(&m, SIP_TO), &a), 0);
	cr_assert_eq(str_copy(to, sizeof area[0], a.tag), 0);
	return to;
}

/* C131, RFC 3261 17.2.3: with the cookie nothing but branch, sent-by and method counts. */
Test(sip_stack_match, c131_with_the_cookie)
{
	static const struct kit_request same[] = {
		{.call_id = "other"}, {.from_tag = "other"}, {.cseq = 9}, {.to_tag = "other"}};
	static const struct kit_request others[] = {
		{.branch = "z9hG4bKtwo", .call_id = "1"},
		{.via = "SIP/2.0/UDP 192.0.2.1:5063;branch=z9hG4bKone", .call_id = "2"},
		{.via = "SIP/2.0/UDP 192.0.2.2:5062;branch=z9hG4bKone", .call_id = "3"},
		{.method = "INFO", .to_tag = "x"}};

	cr_assert(is_delivered((struct kit_request){.cseq = 1}));
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
		cr_expect_not(is_delivered(same[i]), "%zu", i);
		cr_expect_eq(kit_answer(&k.fx, NULL), 100u, "%zu", i);
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		cr_expect(is_delivered(others[i]), "%zu", i);
}

/* C132: without it also what an ACK and a CANCEL repeat. */
Test(sip_stack_match, c132_without_the_cookie)
{
	const char *via = "SIP/2.0/UDP 192.0.2.1:5062;branch=1";
	const struct kit_request others[] = {
		{.via = via, .call_id = "other"},
		{.via = via, .from_tag = "other"},
		{.via = via, .cseq = 9},
		{.via = "SIP/2.0/UDP 192.0.2.1:5062;branch=2", .cseq = 2},
		{.via = "SIP/2.0/UDP 192.0.2.1:5063;branch=1", .cseq = 3},
		{.via = "SIP/2.0/UDP 192.0.2.9:5062;branch=1", .cseq = 4}};

	cr_assert(is_delivered((struct kit_request){.via = via}));
	cr_expect_not(is_delivered((struct kit_request){.via = via}));
	cr_expect_not(is_delivered((struct kit_request){.via = via, .to_tag = "any"}));
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		cr_expect(is_delivered(others[i]), "%zu", i);
}

/* C191, RFC 3261 8.2.2.2: Call-ID, From tag and CSeq are one request. */
Test(sip_stack_match, c191_what_is_merged)
{
	static const struct {
		struct kit_request r;
		bool merged;
	} cases[] = {
		{{.branch = "z9hG4bK1"}, true},
		{{.branch = "z9hG4bK2", .via = "SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK2"}, true},
		{{.branch = "z9hG4bK3", .call_id = "other"}, false},
		{{.branch = "z9hG4bK4", .from_tag = "other"}, false},
		{{.branch = "z9hG4bK5", .cseq = 2}, false},
		{{.branch = "z9hG4bK6", .to_tag = "x"}, false},
	};

	cr_assert(is_delivered((struct kit_request){.cseq = 1}));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		input(cases[i].r);
		cr_expect_eq(kit_answer(&k.fx, NULL), cases[i].merged ? 482u : 100u, "%zu", i);
	}
	cr_expect_eq(k.s.count.merged, 2u);
	cr_expect_eq(k.s.merge_keys.used, 4u, "what is in a dialog is not merged");
}

/* C151: an answer without a transaction has a tag that is the same for the same request and
 * for no other. */
Test(sip_stack_match, tags_of_what_is_not_remembered)
{
	static const struct kit_request others[] = {
		{.method = "OPTIONS", .branch = "z9hG4bKtwo"}, {.method = "OPTIONS", .call_id = "other"}};
	char first[64];

	input((struct kit_request){.method = "OPTIONS"});
	strcpy(first, tag());
	cr_expect_eq(strlen(first), 18u);
	cr_expect_str_eq(first + 16, "03", "the worker's");
	input((struct kit_request){.method = "OPTIONS"});
	cr_expect_str_eq(tag(), first);
	for (size_t i = 0; i < 2; i++) {
		input(others[i]);
		cr_expect_str_neq(tag(), first, "%zu", i);
	}
}

/* A transaction in a dialog answers with the dialog's tag, another with a new one. */
Test(sip_stack_match, tags_of_transactions)
{
	const struct sip_effect *e;

	input((struct kit_request){.method = "BYE", .to_tag = "ours"});
	e = kit_find(&k.fx, SIP_GOT_REQUEST);
	cr_expect(str_eq(sip_stack_tag(&k.s, e->txn), STR("ours")));
	cr_assert(is_delivered((struct kit_request){.cseq = 1}));
	e = kit_find(&k.fx, SIP_GOT_REQUEST);
	cr_expect_eq(sip_stack_tag(&k.s, e->txn).n, 18u);
}

/* What the owner of calls gets to see of a request. */
Test(sip_stack_match, delivery)
{
	const struct sip_effect *e;

	input((struct kit_request){.method = "BYE", .to_tag = "ours", .body = "x"});
	e = kit_find(&k.fx, SIP_GOT_REQUEST);
	cr_assert_not_null(e);
	cr_expect(addr_eq(&e->packet->source, &k.peer));
	cr_expect_eq(e->packet->flow.listener, 1u);
	cr_expect_eq(e->msg->method, SIP_M_BYE);
	cr_expect(str_eq(e->msg->body, STR("x")));
	cr_expect(str_eq(e->core->to.tag, STR("ours")));
	input((struct kit_request){.method = "ACK", .branch = "z9hG4bKack", .to_tag = "x"});
	e = kit_find(&k.fx, SIP_GOT_ACK);
	cr_assert_not_null(e);
	cr_expect_eq(e->txn, 0u);
	cr_expect_eq(e->msg->method, SIP_M_ACK);
	cr_expect(addr_eq(&e->packet->source, &k.peer));
}

/* C136: whatever is in an answer, it is the same when the request comes again; only one of
 * nothing but its code is not kept. */
Test(sip_stack_match, c136_answers_again)
{
	static const struct {
		struct sip_reply r;
		unsigned kept;
	} cases[] = {
		{{.code = 200}, 0},
		{{.code = 481}, 0},
		{{.code = 199}, 2}, /* and the skeleton */
		{{.code = 200, .headers = {"X: y\r\n", 6}}, 1},
		{{.code = 200, .reason = {"Fine", 4}}, 1},
		{{.code = 200, .type = {"a/b", 3}, .body = {"c", 1}}, 1},
		{{.code = 200, .make_dialog = true}, 1},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char first[SIP_RESPONSE_BYTES];
		unsigned kept = 0;
		size_t n;

		input((struct kit_request){.method = "BYE", .to_tag = "x", .lines = "Record-Route: <sip:p;lr>\r\n"});
		k.fx.n = 0;
		cr_assert_eq(sip_stack_respond(&k.s, pool_handle(&k.s.servers, pool_each(&k.s.servers, &(uint32_t){0})),
					       &cases[i].r, k.now_ms, &k.fx),
			     0);
		n = sent().n;
		memcpy(first, sent().p, n);
		for (unsigned j = 0; j < SIP_STORE_SIZES; j++)
			kept += k.s.store.pools[j].used;
		cr_expect_eq(kept, cases[i].kept, "%zu: %u", i, kept);
		input((struct kit_request){.method = "BYE", .to_tag = "x", .lines = "Record-Route: <sip:p;lr>\r\n"});
		cr_expect_eq(k.fx.n, 1u, "%zu", i);
		cr_expect(str_eq(sent(), (struct str){first, n}), "%zu: %.*s", i, (int)sent().n, sent().p);
		close_kit();
		open_kit();
	}
}

/* What can not be kept goes out all the same, once. */
Test(sip_stack_match, an_answer_nobody_has_room_for)
{
	const struct sip_effect *e;
	uint64_t txn;

	input((struct kit_request){.cseq = 1});
	e = kit_find(&k.fx, SIP_GOT_REQUEST);
	txn = e->txn;
	for (unsigned j = 0; j < SIP_STORE_SIZES; j++)
		while (pool_take(&k.s.store.pools[j], NULL) != NULL)
			;
	k.fx.n = 0;
	cr_expect_eq(sip_stack_respond(&k.s, txn, &(struct sip_reply){.code = 183}, k.now_ms, &k.fx), 0);
	cr_expect_eq(kit_answer(&k.fx, NULL), 183u);
	cr_expect_eq(k.s.count.full, 1u);
	input((struct kit_request){.cseq = 1});
	cr_expect_eq(k.fx.n, 0u, "not the 100 that was said before it");
}

/* More extensions than fit into a refusal: it is one without their names. */
Test(sip_stack_match, a_long_list_of_extensions)
{
	static char lines[8192] = "Require: a";

	for (unsigned i = 0; i < 150; i++)
		strcat(lines, ",extension");
	strcat(lines, "\r\n");
	input((struct kit_request){.lines = lines});
	cr_expect_eq(kit_answer(&k.fx, NULL), 420u);
	cr_expect_not(kit_has(sent(), "Unsupported"));
}

/* The phrase says what is wrong, the standard one when the code does. */
Test(sip_stack_match, reasons)
{
	input((struct kit_request){.method = "BYE", .to_tag = "x", .uri = "sip:a@b:0"});
	cr_expect(str_has_prefix(sent(), STR("SIP/2.0 400 Malformed Request-URI\r\n")));
	input((struct kit_request){.uri = "tel:1"});
	cr_expect(str_has_prefix(sent(), STR("SIP/2.0 416 Unsupported URI Scheme\r\n")));
	input((struct kit_request){.lines = "CSeq: 1 INVITE\r\n"});
	cr_expect(str_has_prefix(
		sent(), STR("SIP/2.0 400 A header field that may appear once appears twice\r\n")));
}

Test(sip_stack_match, counters)
{
	const struct sip_reply replies[] = {{.code = 299}, {.code = 300}};

	input((struct kit_request){.method = "OPTIONS"});
	input((struct kit_request){.method = "FROB"});
	input((struct kit_request){.method = "INFO"});
	kit_input(&k, STR("\r\n"));
	kit_input(&k, STR("x"));
	kit_input(&k, STR("SIP/2.0 200 OK\r\n\r\n"));
	cr_expect_eq(k.s.count.received, 6u);
	cr_expect_eq(k.s.count.sent, 3u);
	cr_expect_eq(k.s.count.malformed, 2u, "FROB and x");
	cr_expect_eq(k.s.count.refused, 2u, "501 and 405");
	cr_expect_eq(k.s.count.stray, 1u);
	for (size_t i = 0; i < 2; i++) {
		input((struct kit_request){.method = "ACK", .branch = "z9hG4bKack"});
		sip_stack_answer(&k.s, &replies[i], &k.fx);
	}
	cr_expect_eq(k.s.count.refused, 3u, "from 300 on");
	input((struct kit_request){.cseq = 1});
	input((struct kit_request){.cseq = 1});
	cr_expect_eq(k.s.count.retransmitted, 1u);
	cr_expect_eq(k.s.count.sent, 7u);
	cr_expect_eq(k.s.count.full + k.s.count.merged + k.s.count.unexpected, 0u);
}
