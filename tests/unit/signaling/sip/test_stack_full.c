/* test_stack_full.c - signaling/sip/stack.c at its caps: what is refused, and what goes on all
 * the same. */
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

TestSuite(sip_stack_full, .init = open_kit, .fini = close_kit);

static void input(struct kit_request r)
{
	kit_input(&k, kit_print(r));
}

static uint64_t invite(void)
{
	return kit_invite(&k);
}

static int respond(uint64_t txn, unsigned code)
{
	return kit_respond(&k, txn, code);
}

static struct str sent(void)
{
	return kit_sent(&k);
}

static void fill(unsigned upto)
{
	char branch[32], call[32];

	for (unsigned i = k.s.servers.used; i < upto; i++) {
		snprintf(branch, sizeof branch, "z9hG4bKfill%u", i);
		snprintf(call, sizeof call, "fill%u", i);
		input((struct kit_request){.branch = branch, .call_id = call});
		cr_assert_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u, "%u", i);
	}
}

/* C193: new calls are refused while those that stand can still end */
Test(sip_stack_full, c193_full)
{
	char branch[32];
	unsigned i;

	fill(56); /* 64 - 64 / 8 */
	input((struct kit_request){.branch = "z9hG4bKnew", .call_id = "new"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 503u);
	cr_expect(kit_has(sent(), "Retry-After: "));
	cr_expect_eq(k.s.count.full, 1u);
	input((struct kit_request){.branch = "z9hG4bKre", .to_tag = "x", .cseq = 2});
	cr_expect_eq(kit_answer(&k.fx, NULL), 503u, "a re-INVITE, too");
	cr_expect_eq(k.s.servers.used, 56u);
	input((struct kit_request){.method = "OPTIONS"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 200u);

	for (i = 0; i < 8; i++) {
		snprintf(branch, sizeof branch, "z9hG4bKbye%u", i);
		input((struct kit_request){
			.method = "BYE", .branch = branch, .to_tag = "x"});
		cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u, "%u", i);
	}
	input((struct kit_request){
		.method = "BYE", .branch = "z9hG4bKlast", .to_tag = "x"});
	cr_assert_eq(k.fx.n, 1u);
	cr_expect(k.fx.v[0].kind == SIP_GOT_REQUEST && k.fx.v[0].txn == 0);
	sip_stack_answer(&k.s, &(struct sip_reply){.code = 200}, &k.fx);
	cr_expect_eq(kit_answer(&k.fx, NULL), 200u, "a call can end all the same");

	/* a call can be cancelled all the same */
	input((struct kit_request){
		.method = "CANCEL", .branch = "z9hG4bKfill3", .call_id = "fill3"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 200u);
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_CANCEL), 1u);
}

/* Too long for a transaction is 513; when its Vias alone are, there is no answer. */
Test(sip_stack_full, too_long_to_be_answered)
{
	static const struct {
		const char *name;
		unsigned code;
	} cases[] = {{"Record-Route: <sip:", 513}, {"Via: SIP/2.0/UDP h;x=", 0}};
	static char lines[SIP_SKELETON_BYTES + 64];

	for (size_t i = 0; i < 2; i++) {
		memset(lines, 'x', sizeof lines);
		memcpy(lines, cases[i].name, strlen(cases[i].name));
		strcpy(lines + sizeof lines - 4, i == 0 ? ">\r\n" : "x\r\n");
		input((struct kit_request){.lines = lines});
		cr_expect_eq(kit_answer(&k.fx, NULL), cases[i].code);
		cr_expect_eq(k.s.servers.used, 0u);
	}
	cr_expect_eq(k.s.count.malformed, 1u);
}

Test(sip_stack_full, draining)
{
	uint64_t txn = invite();

	k.s.draining = true;
	input((struct kit_request){.branch = "z9hG4bKnew", .call_id = "new"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 503u);
	cr_expect(kit_has(sent(), "Retry-After: "));
	input((struct kit_request){.method = "OPTIONS"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 503u);
	input((struct kit_request){
		.method = "BYE", .branch = "z9hG4bKbye", .to_tag = "x"});
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u);
	cr_expect_eq(respond(txn, 200), 0);
}

/* C193: no room for a leg takes no transaction either, and calls that stand go on */
Test(sip_stack_full, c193_no_room_at_the_owner)
{
	uint64_t txn = invite();

	k.s.full = true;
	input((struct kit_request){.branch = "z9hG4bKnew", .call_id = "new"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 503u);
	cr_expect(kit_has(sent(), "Retry-After: "));
	cr_expect_eq(k.s.servers.used, 1u);
	input((struct kit_request){.branch = "z9hG4bKin", .to_tag = "x", .cseq = 2});
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u, "a re-INVITE");
	cr_expect_eq(respond(txn, 200), 0);
}

/* The last eighth of the messages is for ending calls, too, however many transactions are
 * left. */
Test(sip_stack_full, c193_messages_are_short)
{
	unsigned n = 0, code;

	sip_stack_fini(&k.s);
	kit_open_as(&k, &(struct sip_config){
				.server_max = 64, .client_max = 8, .messages_max = 16});
	do { /* each keeps a skeleton and its 100 */
		char branch[32], call[32];

		snprintf(branch, sizeof branch, "z9hG4bKfill%u", n);
		snprintf(call, sizeof call, "fill%u", n);
		input((struct kit_request){.branch = branch, .call_id = call});
		code = kit_answer(&k.fx, NULL);
	} while (code == 100 && n++ < 64);
	cr_expect_eq(code, 503u);
	cr_expect_eq(n, 14u, "28 of 32");
	cr_expect_eq(k.s.servers.used, 14u);
	input((struct kit_request){.branch = "z9hG4bKre", .to_tag = "x", .cseq = 2});
	cr_expect_eq(kit_answer(&k.fx, NULL), 503u);
	input((struct kit_request){
		.method = "BYE", .branch = "z9hG4bKbye", .to_tag = "x"});
	cr_assert_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u);
	cr_expect_neq(kit_find(&k.fx, SIP_GOT_REQUEST)->txn, 0u);
}

static const char *long_route(unsigned n)
{
	static char lines[SIP_SKELETON_BYTES + 64];

	memset(lines, 'x', n);
	memcpy(lines, "Record-Route: <sip:", strlen("Record-Route: <sip:"));
	strcpy(lines + n, ">\r\n");
	return lines;
}

/* An INVITE that finds no place for what its answers repeat leaves nothing behind. */
Test(sip_stack_full, long_requests_take_no_transactions_away)
{
	const uint32_t giants = k.s.store.pools[SIP_STORE_SIZES - 1].cap;
	unsigned used;

	for (unsigned i = 0; i < giants + 20; i++) {
		char branch[32], call[32];

		snprintf(branch, sizeof branch, "z9hG4bKlong%u", i);
		snprintf(call, sizeof call, "long%u", i);
		input((struct kit_request){
			.branch = branch, .call_id = call, .lines = long_route(3000)});
		cr_expect_eq(kit_answer(&k.fx, NULL), i < giants ? 100u : 503u, "%u", i);
		used = k.s.servers.used;
		cr_expect_eq(used, i < giants ? i + 1 : giants, "%u: %u", i, used);
	}
	cr_expect_eq(k.s.server_keys.used, giants);
	cr_expect_eq(k.s.merge_keys.used, giants);
	(void)invite();
}

/* One that was too long does not make the next refusal one for length. */
Test(sip_stack_full, a_513_is_forgotten)
{
	input((struct kit_request){.lines = long_route(SIP_SKELETON_BYTES)});
	cr_expect_eq(kit_answer(&k.fx, NULL), 513u);
	k.s.full = true;
	input((struct kit_request){.cseq = 0});
	cr_expect_eq(kit_answer(&k.fx, NULL), 503u);
}

/* Which Retry-After is the Call-ID's chance, and a retransmission's is the same. */
Test(sip_stack_full, c193_callers_come_again_one_by_one)
{
	unsigned seen = 0;

	k.s.full = true;
	for (unsigned i = 0; i < 64; i++) {
		unsigned said[2];
		char call[32];

		snprintf(call, sizeof call, "again%u", i);
		for (unsigned j = 0; j < 2; j++) {
			const char *at;

			input((struct kit_request){.call_id = call});
			at = memmem(sent().p, sent().n, "Retry-After: ", 13);
			cr_assert_not_null(at);
			said[j] = (unsigned)(at[13] - '0');
		}
		cr_expect_eq(said[0], said[1]);
		seen |= 1u << said[0];
	}
	cr_expect_eq(seen, 0xf0u);
}
