/* test_takeover.c - mirrors signaling/sip/takeover.c: a successor goes on from records. */
#include "common/base/rand.h"
#include "tests/unit/signaling/sip/kit.h"

static struct kit dead, heir;
static struct sip_server_record record;

static void open_kits(void)
{
	kit_open(&dead);
	kit_open(&heir);
}

static void close_kits(void)
{
	sip_stack_fini(&dead.s);
	sip_stack_fini(&heir.s);
}

TestSuite(sip_takeover, .init = open_kits, .fini = close_kits);

static void answer(uint64_t txn, unsigned code)
{
	cr_assert_eq(
		sip_stack_respond(&dead.s, txn,
				  &(struct sip_reply){.code = code, .make_dialog = true},
				  dead.now_ms, &dead.fx),
		0);
}

/* An INVITE at the first process, answered with `code` (0: 100 only). */
static uint64_t call(unsigned code)
{
	uint64_t txn;

	kit_input(&dead, kit_print((struct kit_request){
				 .lines = "Record-Route: <sip:p.example.com;lr>\r\n"}));
	txn = kit_find(&dead.fx, SIP_GOT_REQUEST)->txn;
	dead.fx.n = 0;
	if (code != 0)
		answer(txn, code);
	return txn;
}

static uint64_t take_over(uint64_t txn)
{
	const struct sip_server_record *r = sip_stack_export(&dead.s, txn);
	uint64_t ret = 0;

	cr_assert_not_null(r);
	record = *r; /* through the slab */
	cr_assert_eq(sip_stack_import(&heir.s, &record, 42, &ret), 0);
	return ret;
}

static void invite_again(struct kit *k)
{
	kit_input(k, kit_print((struct kit_request){
			     .lines = "Record-Route: <sip:p.example.com;lr>\r\n"}));
}

/* A retransmitted INVITE gets octet for octet what the dead one would have said. */
Test(sip_takeover, the_last_response_is_repeated)
{
	static const unsigned codes[] = {0, 180, 486};

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		struct sip_effect want;
		char *copy;

		close_kits();
		open_kits();
		(void)take_over(call(codes[i]));
		invite_again(&dead);
		want = *kit_find(&dead.fx, SIP_SEND);
		copy = malloc(want.n);
		cr_assert_not_null(copy);
		memcpy(copy, want.p, want.n);
		invite_again(&heir);
		cr_assert_eq(heir.fx.n, 1u);
		cr_expect_eq(heir.fx.v[0].n, want.n);
		cr_expect_eq(memcmp(heir.fx.v[0].p, copy, want.n), 0, "%u", codes[i]);
		cr_expect(addr_eq(&heir.fx.v[0].to, &want.to));
		cr_expect_eq(heir.fx.v[0].flow.listener, 1u);
		free(copy);
	}
}

/* The final response of the successor has the dialog's tag and route, and CANCEL finds
 * the call. */
Test(sip_takeover, ringing_goes_on)
{
	char tag[SIP_TAG_BYTES];
	uint64_t txn = call(180);
	uint64_t mine = take_over(txn);
	const struct sip_effect *e;

	cr_assert_eq(str_copy(tag, sizeof tag, sip_stack_tag(&dead.s, txn)), 0);
	kit_input(&heir, kit_print((struct kit_request){.method = "CANCEL"}));
	e = kit_find(&heir.fx, SIP_GOT_CANCEL);
	cr_assert_not_null(e);
	cr_expect_eq(e->user, 42u);
	cr_expect_eq(e->txn, mine);
	heir.fx.n = 0;
	cr_assert_eq(
		sip_stack_respond(&heir.s, mine,
				  &(struct sip_reply){.code = 200, .make_dialog = true},
				  heir.now_ms, &heir.fx),
		0);
	cr_expect_eq(kit_answer(&heir.fx, NULL), 200u);
	e = kit_find(&heir.fx, SIP_SEND);
	cr_expect(kit_has((struct str){e->p, e->n}, tag));
	cr_expect(kit_has((struct str){e->p, e->n},
			  "Record-Route: <sip:p.example.com;lr>\r\n"));

	/* C191 holds over the change, too */
	kit_input(&heir, kit_print((struct kit_request){.branch = "z9hG4bKother"}));
	cr_expect_eq(kit_answer(&heir.fx, NULL), 482u);
}

Test(sip_takeover, an_answered_call_goes_on)
{
	uint64_t mine = take_over(call(200));

	heir.fx.n = 0;
	sip_stack_repeat(&heir.s, mine, &heir.fx);
	cr_expect_eq(kit_answer(&heir.fx, NULL), 200u);
	invite_again(&heir);
	cr_expect_eq(heir.fx.n, 0u);
	kit_run(&heir, heir.now_ms + 32100);
	cr_expect_eq(heir.s.servers.used, 0u);
}

static uint32_t kept_messages(void)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < SIP_STORE_SIZES; i++)
		n += dead.s.store.pools[i].used;
	return n;
}

/* With its ACK an INVITE becomes a tombstone: the key until timer L or I, and no message.
 */
Test(sip_takeover, tombstones)
{
	uint64_t txn = call(0);

	cr_expect_eq(kept_messages(), 2u, "skeleton and 100");
	answer(txn, 200);
	cr_expect_eq(kept_messages(), 1u, "the 200");
	sip_stack_settle(&dead.s, txn);
	cr_expect_eq(kept_messages(), 0u);
	invite_again(&dead);
	cr_expect_eq(dead.fx.n, 0u, "C135: still absorbed");
	sip_stack_repeat(&dead.s, txn, &dead.fx);
	cr_expect_eq(dead.fx.n, 0u);
	kit_run(&dead, dead.now_ms + 32100);
	cr_expect_eq(dead.s.servers.used, 0u);

	txn = call(0);
	sip_stack_settle(&dead.s, txn);
	cr_expect_eq(kept_messages(), 2u, "there is no 2xx yet");
	answer(txn, 486);
	sip_stack_settle(&dead.s, txn);
	cr_expect_eq(kept_messages(), 1u, "nor is this one");
	kit_input(&dead, kit_print((struct kit_request){.method = "ACK", .to_tag = "x"}));
	cr_expect_eq(kept_messages(), 0u);
	kit_run(&dead, dead.now_ms + 5100);
	cr_expect_eq(dead.s.servers.used, 0u);
	sip_stack_settle(&dead.s, txn);
}

/* Its owner keeps the record for as long as a successor would have to repeat it. */
Test(sip_takeover, the_owner_of_a_refusal_hears_of_its_ack_once)
{
	struct kit_request ack = {.method = "ACK", .to_tag = "x"};
	uint64_t txn = call(0);

	sip_stack_set_user(&dead.s, txn, 77);
	answer(txn, 486);
	kit_input(&dead, kit_print(ack));
	cr_assert_eq(kit_count(&dead.fx, SIP_REFUSAL_ACK), 1u);
	cr_expect_eq(kit_find(&dead.fx, SIP_REFUSAL_ACK)->user, 77u);
	kit_input(&dead, kit_print(ack));
	cr_expect_eq(kit_count(&dead.fx, SIP_REFUSAL_ACK), 0u);
}

/* C136: a BYE's answer is made again from the BYE, octet for octet, and nothing is kept
 * of it */
Test(sip_takeover, a_bye_leaves_a_tombstone)
{
	static const struct sip_reply plain = {.code = 200},
				      other = {.code = 500, .reason = {"too low", 7}};
	const struct kit_request bye = {
		.method = "BYE", .to_tag = "x", .lines = "Timestamp: 7\r\n"};

	for (unsigned i = 0; i < 2; i++) {
		char first[SIP_RESPONSE_BYTES];
		size_t n;

		dead.fx.n = 0;
		kit_input(&dead, kit_print(bye));
		cr_assert_eq(sip_stack_respond(
				     &dead.s, kit_find(&dead.fx, SIP_GOT_REQUEST)->txn,
				     i == 0 ? &plain : &other, dead.now_ms, &dead.fx),
			     0);
		n = kit_find(&dead.fx, SIP_SEND)->n;
		memcpy(first, kit_find(&dead.fx, SIP_SEND)->p, n);
		cr_expect_eq(kept_messages(), i, "text of its own is kept");
		for (unsigned again = 0; again < 3; again++) {
			kit_input(&dead, kit_print(bye));
			cr_assert_eq(dead.fx.n, 1u);
			cr_expect(str_eq((struct str){dead.fx.v[0].p, dead.fx.v[0].n},
					 (struct str){first, n}));
		}
		kit_run(&dead, dead.now_ms + 32100);
		cr_expect_eq(dead.s.servers.used, 0u);
	}
}

/* A stranger's BYE: the same answer whenever it comes, and nothing is left of it. */
Test(sip_takeover, dismissed_requests_leave_nothing)
{
	const struct kit_request bye = {.method = "BYE", .to_tag = "x"};

	for (unsigned i = 0; i < 200; i++) {
		uint64_t txn;

		kit_input(&dead, kit_print(bye));
		cr_assert_eq(kit_count(&dead.fx, SIP_GOT_REQUEST), 1u);
		txn = kit_find(&dead.fx, SIP_GOT_REQUEST)->txn;
		dead.fx.n = 0;
		cr_assert_eq(sip_stack_respond(&dead.s, txn, &(struct sip_reply){.code = 481},
					       dead.now_ms, &dead.fx),
			     0);
		cr_expect_eq(kit_answer(&dead.fx, NULL), 481u);
		sip_stack_dismiss(&dead.s, txn);
		sip_stack_dismiss(&dead.s, txn);
		cr_assert_eq(dead.s.servers.used + dead.s.server_keys.used, 0u);
		cr_assert_eq(dead.s.wheel.armed, 0u);
	}
}

Test(sip_takeover, a_tombstone_stays_one)
{
	uint64_t txn = call(200);

	sip_stack_settle(&dead.s, txn);
	(void)take_over(txn);
	cr_expect_eq(record.head.response_bytes, 0u);
	invite_again(&heir);
	cr_expect_eq(heir.fx.n, 0u);
	kit_run(&heir, heir.now_ms + 32100);
	cr_expect_eq(heir.s.servers.used, 0u);
}

/* Timers G and H go on where they were. */
Test(sip_takeover, a_refusal_goes_on)
{
	(void)take_over(call(486));
	cr_expect_eq(sip_stack_deadline(&heir.s) <= heir.now_ms + SIP_T1_MS, true);
	cr_expect_eq(kit_run(&heir, heir.now_ms + 600), 1u);
	kit_run(&heir, heir.now_ms + 32000);
	cr_expect_eq(kit_count(&heir.fx, SIP_NO_ACK), 1u);
	cr_expect_eq(heir.s.servers.used, 0u);
}

Test(sip_takeover, what_has_no_record)
{
	uint64_t bye;

	kit_input(&dead, kit_print((struct kit_request){.method = "BYE", .to_tag = "x"}));
	bye = kit_find(&dead.fx, SIP_GOT_REQUEST)->txn;
	cr_expect_null(sip_stack_export(&dead.s, bye));
	cr_expect_null(sip_stack_export(&dead.s, 0));
}

Test(sip_takeover, twice_or_too_many)
{
	uint64_t ret = 7;

	(void)take_over(call(180));
	cr_expect_eq(sip_stack_import(&heir.s, &record, 0, &ret), ERR_CORRUPT);
	cr_expect_eq(ret, 7u);
	for (unsigned i = 1; i < 64; i++) {
		record.head.key++;
		cr_assert_eq(sip_stack_import(&heir.s, &record, 0, &ret), 0, "%u", i);
	}
	record.head.key++;
	cr_expect_eq(sip_stack_import(&heir.s, &record, 0, &ret), ERR_NOSPC);
}

/* One thing wrong in a record is enough. */
Test(sip_takeover, records_are_hostile)
{
	uint64_t ret;

	(void)take_over(call(180));
	close_kits();
	open_kits();
#define REFUSED(change)                                                                  \
	do {                                                                             \
		struct sip_server_record *bad = malloc(sizeof *bad);                     \
		cr_assert_not_null(bad);                                                 \
		*bad = record;                                                           \
		change;                                                                  \
		cr_expect_eq(sip_stack_import(&heir.s, bad, 0, &ret), ERR_CORRUPT,       \
			     #change);                                                   \
		free(bad);                                                               \
	} while (0)
	REFUSED(bad->txn.kind = TXN_SERVER);
	REFUSED(bad->txn.kind = 200);
	REFUSED(bad->txn.state = TXN_TRYING);
	REFUSED(bad->txn.state = TXN_TERMINATED);
	REFUSED(bad->txn.state = 200);
	REFUSED(bad->txn.timeout_ms = heir.now_ms); /* of PROCEEDING */
	REFUSED(bad->txn.resend_ms = heir.now_ms);
	REFUSED(bad->txn.state = TXN_ACCEPTED); /* for ever */
	REFUSED(bad->txn.state = TXN_COMPLETED);
	REFUSED((bad->txn.state = TXN_COMPLETED,
		 bad->txn.timeout_ms = heir.now_ms + 32000,
		 bad->txn.resend_ms = heir.now_ms,
		 bad->txn.interval_ms = 0)); /* would spin */
	REFUSED((bad->txn.state = TXN_CONFIRMED,
		 bad->txn.timeout_ms = heir.now_ms + 32001));
	REFUSED(bad->head.response_bytes = SIP_RESPONSE_BYTES + 1);
	REFUSED(bad->head.to.family = ADDR_NONE);
	REFUSED(bad->head.to.family = ADDR_FAMILIES);
	REFUSED(bad->head.flow.transport = SIP_TRANSPORTS);
	REFUSED(bad->head.flow.connection = 1); /* of UDP */
	REFUSED(bad->head.flow.generation = 1);
	REFUSED(memset(bad->head.to_tag, 'a', sizeof bad->head.to_tag));
	REFUSED(memset(bad->head.to_tag, 0, sizeof bad->head.to_tag));
	REFUSED(bad->head.to_tag[3] = '\r');
	REFUSED(bad->skeleton.bytes = SIP_SKELETON_BYTES + 1);
	REFUSED(bad->skeleton.bytes = 0);
	REFUSED(bad->skeleton.bytes--);
	REFUSED(bad->skeleton.route_bytes = bad->skeleton.bytes);
	REFUSED(bad->skeleton.to_end = bad->skeleton.bytes);
	REFUSED(bad->skeleton.has_to_tag = 2);
	REFUSED(bad->skeleton.text[0] = 'X');
#undef REFUSED
	cr_expect_eq(heir.s.servers.used, 0u);
	cr_expect_eq(sip_stack_import(&heir.s, &record, 0, &ret), 0, "it was a good one");
}

/* What a state's timers can be, and one more: a record must neither repeat faster than T1 nor
 * slower than T2, nor stay for longer than 64*T1. */
Test(sip_takeover, timers_of_records)
{
	const uint64_t never = UINT64_MAX;
	static const struct {
		enum txn_state state;
		uint32_t interval_ms;
		uint64_t resend_in_ms, timeout_in_ms; /* 0: never */
		bool sound;
	} cases[] = {
		{TXN_PROCEEDING, 0, 0, 0, true},
		{TXN_PROCEEDING, 0, 1, 0, false},
		{TXN_PROCEEDING, 0, 0, 1, false},
		{TXN_COMPLETED, SIP_T1_MS, 1, 1, true},
		{TXN_COMPLETED, SIP_T1_MS - 1, 1, 1, false},
		{TXN_COMPLETED, SIP_T2_MS, SIP_T2_MS, SIP_TIMEOUT_MS, true},
		{TXN_COMPLETED, SIP_T2_MS + 1, 1, 1, false},
		{TXN_COMPLETED, SIP_T1_MS, SIP_T2_MS + 1, SIP_TIMEOUT_MS, false},
		{TXN_COMPLETED, SIP_T1_MS, 1, SIP_TIMEOUT_MS + 1, false},
		{TXN_COMPLETED, SIP_T1_MS, 0, 1, false},
		{TXN_COMPLETED, SIP_T1_MS, 1, 0, false},
		{TXN_CONFIRMED, 0, 0, SIP_TIMEOUT_MS, true},
		{TXN_CONFIRMED, 0, 0, SIP_TIMEOUT_MS + 1, false},
		{TXN_CONFIRMED, 0, 1, SIP_TIMEOUT_MS, false},
		{TXN_ACCEPTED, 0, 0, SIP_TIMEOUT_MS, true},
		{TXN_ACCEPTED, 0, 0, SIP_TIMEOUT_MS + 1, false},
		{TXN_ACCEPTED, 0, 1, SIP_TIMEOUT_MS, false},
	};
	uint64_t ret;

	(void)take_over(call(180));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t now = heir.now_ms;

		record.head.key++;
		record.txn.state = (uint8_t)cases[i].state;
		record.txn.interval_ms = cases[i].interval_ms;
		record.txn.resend_ms =
			cases[i].resend_in_ms != 0 ? now + cases[i].resend_in_ms : never;
		record.txn.timeout_ms =
			cases[i].timeout_in_ms != 0 ? now + cases[i].timeout_in_ms : never;
		cr_expect_eq(sip_stack_import(&heir.s, &record, 0, &ret),
			     cases[i].sound ? 0 : ERR_CORRUPT, "%zu", i);
	}
}

/* Whatever stands in them: no crash, no spin, and what was let in can be answered and
 * ends. */
Test(sip_takeover, random_damage)
{
	struct rand r;
	unsigned let_in = 0;

	rand_seed(&r, 9);
	(void)take_over(call(180));
	for (unsigned round = 0; round < 3000; round++) {
		struct sip_server_record bad = record;
		uint8_t *p = (uint8_t *)&bad;
		uint64_t txn;
		unsigned changes = 1 + rand_below(&r, 3);

		close_kits();
		open_kits();
		while (changes-- > 0)
			p[rand_below(&r, rand_below(&r, 2) == 0 ? 128 : sizeof bad)] ^=
				(uint8_t)(1u << rand_below(&r, 8));
		if (sip_stack_import(&heir.s, &bad, 0, &txn) != 0)
			continue;
		let_in++;
		invite_again(&heir);
		heir.fx.n = 0;
		(void)!sip_stack_respond(&heir.s, txn, &(struct sip_reply){.code = 486},
					 heir.now_ms, &heir.fx);
		kit_run(&heir, heir.now_ms + 32100);
		cr_assert(pool_get(&heir.s.servers, txn) == NULL);
	}
	cr_expect_gt(let_in, 100u);
}
