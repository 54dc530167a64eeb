/* test_takeover_client.c - mirrors signaling/sip/takeover.c: INVITEs of ours go on in a
 * successor. */
#include "common/base/rand.h"
#include "tests/unit/signaling/sip/kit_uac.h"

static struct uac dead, heir;
static struct sip_client_record record;

static void open_kits(void)
{
	kit_open(&dead.k);
	kit_open(&heir.k);
}

static void close_kits(void)
{
	sip_stack_fini(&dead.k.s);
	sip_stack_fini(&heir.k.s);
}

TestSuite(sip_takeover_client, .init = open_kits, .fini = close_kits);

static void save(void)
{
	const struct sip_client_record *r = sip_stack_export_client(&dead.k.s, dead.txn);

	cr_assert_not_null(r);
	record = *r; /* through the slab */
}

static void inherit(void)
{
	struct kit k = heir.k;

	heir = dead;
	heir.k = k;
	cr_assert_eq(sip_stack_import_client(&heir.k.s, &record, UAC_USER, &heir.txn), 0);
}

static void take_over(void)
{
	save();
	inherit();
}

static void answer_both(struct uac_reply r)
{
	uac_answer(&dead, r);
	uac_answer(&heir, r);
}

/* The heir tells and sends what the dead one would have, octet for octet. */
static void expect_same(const char *why)
{
	cr_assert_eq(dead.k.fx.n, heir.k.fx.n, "%s", why);
	for (uint32_t i = 0; i < dead.k.fx.n; i++) {
		const struct sip_effect *a = &dead.k.fx.v[i], *b = &heir.k.fx.v[i];

		cr_expect_eq(a->kind, b->kind, "%s", why);
		cr_expect_eq(a->user, b->user, "%s", why);
		cr_expect_eq(a->status, b->status, "%s", why);
		if (a->kind != SIP_SEND || strncmp(a->p, "BYE ", 4) == 0)
			continue;
		cr_expect(str_eq((struct str){a->p, a->n}, (struct str){b->p, b->n}), "%s", why);
		cr_expect(addr_eq(&a->to, &b->to), "%s", why);
		cr_expect_eq(a->flow.listener, b->flow.listener, "%s", why);
	}
}

/* The same INVITE on the same branch, as often as there was still to come. */
Test(sip_takeover_client, calling_goes_on)
{
	uint64_t end;
	unsigned sent = 0;

	uac_start(&dead);
	end = dead.k.now_ms + 32000;
	cr_assert_eq(kit_run(&dead.k, dead.k.now_ms + 510), 1u);
	heir.k.now_ms = dead.k.now_ms;
	take_over();
	while (heir.k.s.clients.used > 0) {
		cr_assert_lt(heir.k.now_ms, end + 1000);
		if (kit_run(&heir.k, heir.k.now_ms + 10) == 0)
			continue;
		cr_expect(str_eq(kit_sent(&heir.k),
				 (struct str){dead.invite, dead.invite_bytes}));
		sent++;
	}
	cr_expect_eq(sent, 5u);
	cr_expect_geq(heir.k.now_ms, end);
	cr_assert_eq(heir.k.fx.n, 1u);
	cr_expect_eq(heir.k.fx.v[0].kind, SIP_NO_RESPONSE);
	cr_expect_eq(heir.k.fx.v[0].user, UAC_USER);
}

Test(sip_takeover_client, ringing_goes_on)
{
	static const struct uac_reply finals[] = {
		{.code = 200, .tag = "a", .lines = UAC_CONTACT}, {.code = 486, .tag = "b"}};

	for (size_t i = 0; i < sizeof finals / sizeof finals[0]; i++) {
		close_kits();
		open_kits();
		uac_start(&dead);
		uac_answer(&dead, (struct uac_reply){.code = 180, .tag = "a"});
		take_over();
		cr_expect_eq(kit_run(&heir.k, heir.k.now_ms + 100000), 0u);
		answer_both((struct uac_reply){.code = 183, .tag = "c"});
		expect_same("ringing");
		answer_both(finals[i]);
		expect_same("final");
		answer_both(finals[i]);
		expect_same("again");
		uac_expect_end(&heir, "final");
	}
}

/* C210, C211 */
Test(sip_takeover_client, a_cancel_goes_on)
{
	static const struct uac_reply finals[] = {
		{.code = 200, .tag = "a", .lines = UAC_CONTACT}, {.code = 487, .tag = "b"}};

	for (unsigned i = 0; i < 4; i++) {
		bool waits = i / 2 == 0;
		char cancel[2048];

		close_kits();
		open_kits();
		uac_start(&dead);
		if (!waits)
			uac_answer(&dead, (struct uac_reply){.code = 180, .tag = "a"});
		dead.k.fx.n = 0;
		cr_assert_eq(sip_stack_cancel(&dead.k.s, dead.txn, STR("Reason: SIP\r\n"),
					      dead.k.now_ms, &dead.k.fx),
			     0);
		take_over();
		if (waits) {
			cr_expect_eq(dead.k.fx.n, 0u);
			answer_both((struct uac_reply){.code = 180, .tag = "a"});
			expect_same("CANCEL waited");
			cr_expect(kit_has(kit_sent(&heir.k), "Reason: SIP\r\n"));
		} else { /* its transaction died, it is sent again */
			snprintf(cancel, sizeof cancel, "%s", uac_sent(&dead, 0));
			cr_assert_eq(kit_run(&heir.k, heir.k.now_ms + 10), 1u);
			cr_expect_str_eq(uac_sent(&heir, 0), cancel);
		}
		cr_expect_eq(kit_run(&heir.k, heir.k.now_ms + 510), 1u);
		answer_both(finals[i % 2]);
		expect_same("final");
		uac_expect_end(&heir, "cancel");
	}
}

/* The 32 s of RFC 3261 9.1 are not longer for it. */
Test(sip_takeover_client, a_cancel_nobody_heeds)
{
	uint64_t start = dead.k.now_ms;

	uac_start(&dead);
	uac_answer(&dead, (struct uac_reply){.code = 180, .tag = "a"});
	cr_assert_eq(sip_stack_cancel(&dead.k.s, dead.txn, STR(""), start, &dead.k.fx), 0);
	kit_run(&dead.k, start + 20000);
	(void)kit_run(&heir.k, start + 20000);
	take_over();
	kit_run(&heir.k, start + 31900);
	cr_expect_eq(kit_count(&heir.k.fx, SIP_CANCELLED), 0u);
	kit_run(&heir.k, start + 32010);
	cr_expect_eq(kit_count(&heir.k.fx, SIP_CANCELLED), 1u);
	uac_expect_end(&heir, "given up");
}

/* C140, C204, C227: repeated finals are acknowledged as before, and told nobody */
Test(sip_takeover_client, acks_go_on)
{
	struct sip_effect ack = {.p = "ACK x", .n = 5, .to = dead.k.peer};

	ack.to = dead.k.peer;
	ack.to.port = 5070;
	ack.flow.listener = 3;
	uac_start(&dead);
	uac_answer(&dead, (struct uac_reply){.code = 200, .tag = "a", .lines = UAC_CONTACT});
	take_over();
	answer_both((struct uac_reply){.code = 200, .tag = "a", .lines = UAC_CONTACT});
	expect_same("ACK wanted");
	cr_expect_eq(heir.k.fx.v[0].kind, SIP_ACK_WANTED);

	close_kits();
	open_kits();
	uac_start(&dead);
	uac_answer(&dead, (struct uac_reply){.code = 200, .tag = "a", .lines = UAC_CONTACT});
	cr_assert_eq(sip_stack_ack(&dead.k.s, dead.txn, &ack, &dead.k.fx), 0);
	uac_answer(&dead, (struct uac_reply){.code = 200, .tag = "b", .lines = UAC_CONTACT});
	take_over();
	answer_both((struct uac_reply){.code = 200, .tag = "a", .lines = UAC_CONTACT});
	expect_same("ACK again");
	cr_expect_eq(heir.k.fx.v[0].to.port, 5070u);
	answer_both((struct uac_reply){.code = 200, .tag = "b", .lines = UAC_CONTACT});
	cr_expect_eq(heir.k.fx.n, 1u, "no second BYE");
	expect_same("fork again");
	answer_both((struct uac_reply){.code = 200, .tag = "c", .lines = UAC_CONTACT});
	cr_expect_eq(heir.k.fx.n, 2u);
	expect_same("new fork");
	uac_expect_end(&heir, "accepted");

	uac_start(&dead);
	uac_answer(&dead, (struct uac_reply){.code = 486, .tag = "a"});
	heir.k.now_ms = dead.k.now_ms;
	take_over();
	answer_both((struct uac_reply){.code = 486, .tag = "a"});
	cr_expect_eq(heir.k.fx.n, 1u);
	expect_same("refusal again");
	uac_expect_end(&heir, "refused");
}

Test(sip_takeover_client, what_is_not_exported)
{
	struct sip_effect where = {.to = dead.k.peer, .user = 1};
	struct str text = kit_print((struct kit_request){.method = "BYE"});
	struct sip_client_txn *t;
	uint32_t at = 0;

	where.p = text.p;
	where.n = text.n;
	cr_expect_eq(sip_stack_export_client(&dead.k.s, 1), NULL);
	cr_assert_eq(sip_stack_request(&dead.k.s, &where, STR("z9hG4bKone"), dead.k.now_ms,
				       &dead.k.fx),
		     0);
	t = pool_each(&dead.k.s.clients, &at);
	cr_expect_eq(sip_stack_export_client(&dead.k.s, pool_handle(&dead.k.s.clients, t)),
		     NULL);
}

Test(sip_takeover_client, records_that_are_none)
{
	struct sip_client_record good;
	uint64_t ret, now = heir.k.now_ms;
	struct sip_client_record *bad = &record;

#define REFUSED(change)                                                                  \
	do {                                                                             \
		record = good;                                                           \
		change;                                                                  \
		cr_expect_eq(sip_stack_import_client(&heir.k.s, bad, 1, &ret),           \
			     ERR_CORRUPT, #change);                                      \
		kit_expect_empty(&heir.k.s, #change);                                    \
	} while (0)

	uac_start(&dead);
	save();
	good = record;
	REFUSED(bad->txn.kind = TXN_CLIENT);
	REFUSED(bad->txn.kind = 200);
	REFUSED(bad->txn.state = TXN_CONFIRMED);
	REFUSED(bad->txn.state = TXN_TERMINATED);
	REFUSED(bad->txn.state = TXN_STATES);
	REFUSED(bad->txn.state = 255);
	REFUSED(bad->txn.state = TXN_PROCEEDING); /* with deadlines */
	REFUSED(bad->txn.state = TXN_COMPLETED);  /* what is kept is no ACK */
	REFUSED(bad->txn.interval_ms = SIP_T1_MS - 1);
	REFUSED(bad->txn.interval_ms = SIP_TIMEOUT_MS + 1);
	REFUSED(bad->txn.resend_ms = now + SIP_TIMEOUT_MS + 1);
	REFUSED(bad->txn.timeout_ms = now + SIP_TIMEOUT_MS + 1);
	REFUSED(bad->head.request_bytes = SIP_REQUEST_BYTES + 1);
	REFUSED(bad->head.request_bytes = 0);
	REFUSED(bad->head.request_bytes = 20);
	REFUSED(bad->head.more_bytes = SIP_REQUEST_BYTES + 1);
	REFUSED(bad->head.more_bytes = 5); /* nothing is kept in this state */
	REFUSED(bad->head.fork_count = SIP_FORKS_MAX + 1);
	REFUSED(bad->head.to.family = ADDR_NONE);
	REFUSED(bad->head.to.family = ADDR_FAMILIES);
	REFUSED(bad->head.flow.transport = SIP_TRANSPORTS);
	REFUSED(memcpy(bad->request, "IMVITE", 6));
	REFUSED(memcpy(strstr(bad->request, "Via: "), "Vix: ", 5));
	REFUSED(memcpy(strstr(bad->request, "CSeq: 1"), "CSeq: x", 7));

	record = good;
	record.txn.unexpected = 5; /* those are counted already */
	cr_expect_eq(sip_stack_import_client(&heir.k.s, bad, 1, &ret), 0);
	cr_expect_eq(sip_stack_import_client(&heir.k.s, bad, 1, &ret), ERR_CORRUPT,
		     "it is there");
	uac_expect_end(&heir, "once");
	cr_expect_eq(heir.k.s.count.unexpected, 0u);

	cr_assert_eq(sip_stack_cancel(&dead.k.s, dead.txn, STR("Reason: SIP\r\n"), now,
				      &dead.k.fx),
		     0);
	save();
	record.txn.timeout_ms = now; /* the heir's clock went on */
	good = record;
	REFUSED(memcpy(bad->more, "Reason\r", 7));
	REFUSED(bad->more[9] = '\n');

	uac_answer(&dead, (struct uac_reply){.code = 180});
	save();
	good = record;
	REFUSED(bad->txn.timeout_ms = UINT64_MAX);

	uac_answer(&dead, (struct uac_reply){.code = 487});
	save();
	good = record;
	REFUSED(bad->txn.resend_ms = 0);
	REFUSED(bad->txn.timeout_ms = UINT64_MAX);
	REFUSED(bad->txn.state = TXN_ACCEPTED);
#undef REFUSED
}

Test(sip_takeover_client, acks_that_are_none)
{
	struct sip_effect ack = {.p = "ACK x", .n = 5, .to = dead.k.peer};
	struct sip_client_record good;
	uint64_t ret;

	ack.to = dead.k.peer;
	uac_start(&dead);
	uac_answer(&dead, (struct uac_reply){.code = 200, .tag = "a"});
	cr_assert_eq(sip_stack_ack(&dead.k.s, dead.txn, &ack, &dead.k.fx), 0);
	save();
	good = record;
	for (unsigned i = 0; i < 4; i++) {
		record = good;
		if (i == 0)
			record.more[0] = 'B';
		else if (i == 1)
			record.head.ack_to.family = ADDR_NONE;
		else if (i == 2)
			record.head.ack_flow.transport = 99;
		cr_expect_eq(sip_stack_import_client(&heir.k.s, &record, 1, &ret),
			     i < 3 ? ERR_CORRUPT : 0, "%u", i);
	}
}

/* A successor with less room. */
Test(sip_takeover_client, no_room)
{
	struct sip_store *store = &heir.k.s.store;
	void *one = NULL;
	uint64_t ret;

	uac_start(&dead);
	cr_assert_eq(sip_stack_cancel(&dead.k.s, dead.txn, STR("Reason: SIP\r\n"),
				      dead.k.now_ms, &dead.k.fx),
		     0);
	save();
	for (unsigned spare = 0; spare < 2; spare++) {
		for (unsigned i = 0; i < SIP_STORE_SIZES; i++)
			while (store->pools[i].used < store->pools[i].cap)
				one = pool_take(&store->pools[i], NULL);
		if (spare)
			pool_give(&store->pools[2], one); /* the request fits, its lines do not */
		cr_expect_eq(sip_stack_import_client(&heir.k.s, &record, 1, &ret), ERR_NOSPC);
		cr_expect_eq(heir.k.s.clients.used, 0u);
		cr_expect_eq(heir.k.s.client_keys.used, 0u);
	}
	while (heir.k.s.clients.used < heir.k.s.clients.cap)
		(void)pool_take(&heir.k.s.clients, NULL);
	cr_expect_eq(sip_stack_import_client(&heir.k.s, &record, 1, &ret), ERR_NOSPC);
}

static void into_state(unsigned which)
{
	struct sip_effect ack = {.p = "ACK x", .n = 5};

	ack.to = dead.k.peer;
	uac_start(&dead);
	if (which == 1 || which == 2)
		uac_answer(&dead, (struct uac_reply){.code = 180, .tag = "a"});
	if (which == 2 || which == 3)
		cr_assert_eq(sip_stack_cancel(&dead.k.s, dead.txn, STR("Reason: SIP\r\n"),
					      dead.k.now_ms, &dead.k.fx),
			     0);
	if (which == 4)
		uac_answer(&dead, (struct uac_reply){.code = 486, .tag = "a"});
	if (which != 5)
		return;
	uac_answer(&dead, (struct uac_reply){.code = 200, .tag = "a", .lines = UAC_CONTACT});
	cr_assert_eq(sip_stack_ack(&dead.k.s, dead.txn, &ack, &dead.k.fx), 0);
}

/* Whatever stands in them: no crash, no spin, and what was let in ends. */
Test(sip_takeover_client, random_damage)
{
	struct rand r;
	unsigned let_in = 0;

	rand_seed(&r, 9);
	for (unsigned round = 0; round < 1200; round++) {
		uint8_t *p = (uint8_t *)&record;
		unsigned changes = 1 + rand_below(&r, 3);
		size_t reach[] = {sizeof record.head + sizeof record.txn,
				  sizeof record.head + sizeof record.txn + 500, sizeof record};

		close_kits();
		open_kits();
		into_state(round % 6);
		save();
		heir.invite_bytes = 0;
		memcpy(heir.branch, dead.branch, sizeof heir.branch);
		while (changes-- > 0)
			p[rand_below(&r, (uint32_t)reach[rand_below(&r, 3)])] ^=
				(uint8_t)(1u << rand_below(&r, 8));
		if (sip_stack_import_client(&heir.k.s, &record, 7, &heir.txn) != 0)
			continue;
		let_in++;
		uac_answer(&heir, (struct uac_reply){.code = 180, .tag = "a"});
		uac_answer(&heir, (struct uac_reply){.code = 200, .tag = "q", .lines = UAC_CONTACT});
		uac_answer(&heir, (struct uac_reply){.code = 486, .tag = "a"});
		heir.k.fx.n = 0;
		(void)!sip_stack_cancel(&heir.k.s, heir.txn, STR(""), heir.k.now_ms, &heir.k.fx);
		uac_expect_end(&heir, "damaged");
	}
	cr_expect_gt(let_in, 100u);
}
