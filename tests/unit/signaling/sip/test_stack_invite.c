/* test_stack_invite.c - mirrors signaling/sip/stack_invite.c: INVITEs of ours, what acknowledges
 * their answers, and CANCEL. test_stack_fork.c has more than one answer. */
#include <malloc.h>

#include "tests/unit/signaling/sip/kit_uac.h"

static struct uac u;

static void open_kit(void)
{
	kit_open(&u.k);
}

static void close_kit(void)
{
	sip_stack_fini(&u.k.s);
}

TestSuite(sip_stack_invite, .init = open_kit, .fini = close_kit);

static void expect_told(enum sip_effect_kind kind, unsigned status)
{
	const struct sip_effect *e = kit_find(&u.k.fx, kind);

	cr_assert_not_null(e, "%d", kind);
	cr_expect_eq(e->user, UAC_USER);
	cr_expect_eq(e->status, status);
	cr_expect_eq(e->txn, u.txn);
}

static int ack(const char *text)
{
	struct sip_effect e = {.p = text, .n = strlen(text), .to = u.k.peer};

	u.k.fx.n = 0;
	e.to.port = 5070;
	e.flow.listener = 3;
	return sip_stack_ack(&u.k.s, u.txn, &e, &u.k.fx);
}

static int cancel(const char *lines)
{
	u.k.fx.n = 0;
	return sip_stack_cancel(&u.k.s, u.txn, str_of(lines), u.k.now_ms, &u.k.fx);
}

/* C137 */
Test(sip_stack_invite, c137_nobody_answers)
{
	static const uint64_t at[] = {500, 1500, 3500, 7500, 15500, 31500};
	uint64_t start = u.k.now_ms;

	uac_start(&u);
	cr_assert_eq(u.k.fx.n, 1u);
	cr_expect(addr_eq(&u.k.fx.v[0].to, &u.k.peer));
	cr_expect_eq(u.k.fx.v[0].flow.listener, 2u);
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		cr_expect_eq(kit_run(&u.k, start + at[i] - 1), 0u);
		cr_assert_eq(kit_run(&u.k, start + at[i] + 10), 1u);
		cr_expect(str_eq(kit_sent(&u.k), (struct str){u.invite, u.invite_bytes}));
	}
	cr_expect_eq(kit_run(&u.k, start + 31999), 0u);
	cr_expect_eq(u.k.fx.n, 0u);
	kit_run(&u.k, start + 32010);
	cr_assert_eq(u.k.fx.n, 1u);
	expect_told(SIP_NO_RESPONSE, 408);
	kit_expect_empty(&u.k.s, "timer B");
}

/* C202: told of every provisional one, and rings as long as its owner lets it */
Test(sip_stack_invite, c202_provisionals)
{
	static const unsigned codes[] = {100, 180, 183, 180};

	uac_start(&u);
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		uac_answer(&u, (struct uac_reply){.code = codes[i], .tag = i > 0 ? "a" : NULL});
		cr_assert_eq(u.k.fx.n, 1u);
		expect_told(SIP_GOT_PROVISIONAL, codes[i]);
		cr_expect(str_eq(u.k.fx.v[0].core->to.tag, str_of(i > 0 ? "a" : NULL)));
		cr_expect_eq(u.k.fx.v[0].msg->status, codes[i]);
		cr_expect(addr_eq(&u.k.fx.v[0].packet->source, &u.k.peer));
	}
	cr_expect_eq(kit_run(&u.k, u.k.now_ms + 600000), 0u);
	cr_expect_eq(u.k.fx.n, 0u);
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "a", .lines = UAC_CONTACT});
	cr_assert_eq(u.k.fx.n, 1u);
	expect_told(SIP_GOT_RESPONSE, 200);
	uac_answer(&u, (struct uac_reply){.code = 180, .tag = "a"});
	cr_expect_eq(u.k.fx.n, 0u, "late");
	uac_expect_end(&u, "timer M");
}

/* C140, C205: told first, then acknowledged on the same branch and CSeq */
Test(sip_stack_invite, c140_refusals)
{
	static const unsigned codes[] = {302, 407, 486, 500, 603};

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		char want[1024], first[2048];
		unsigned n;

		uac_start(&u);
		uac_answer(&u, (struct uac_reply){.code = 180, .tag = "a"});
		uac_answer(&u, (struct uac_reply){.code = codes[i], .tag = "b"});
		cr_assert_eq(u.k.fx.n, 2u);
		cr_expect_eq(u.k.fx.v[0].kind, SIP_GOT_RESPONSE);
		expect_told(SIP_GOT_RESPONSE, codes[i]);
		cr_expect_eq(u.k.fx.v[1].kind, SIP_SEND);
		cr_expect(addr_eq(&u.k.fx.v[1].to, &u.k.peer));
		cr_expect_eq(u.k.fx.v[1].flow.listener, 2u);
		snprintf(want, sizeof want,
			 "ACK sip:bob@example.net SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=%s;rport\r\n"
			 "Max-Forwards: 70\r\nRoute: <sip:edge.example.com;lr>\r\n"
			 "From: \"U \\\"s\\\"\" <sip:us@example.com>;tag=ours\r\n"
			 "To: <sip:Bob@example.net;x=Y>;tag=b\r\nCall-ID: call9@192.0.2.9\r\n"
			 "CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
			 u.branch);
		snprintf(first, sizeof first, "%s", uac_sent(&u, 0));
		cr_expect_str_eq(first, want);
		for (n = 0; n < 3; n++) {
			kit_run(&u.k, u.k.now_ms + 4000);
			cr_expect_eq(u.k.fx.n, 0u);
			uac_answer(&u, (struct uac_reply){.code = codes[i], .tag = "b"});
			cr_assert_eq(u.k.fx.n, 1u, "told once");
			cr_expect_str_eq(uac_sent(&u, 0), first);
		}
		uac_expect_end(&u, "timer D");
		uac_answer(&u, (struct uac_reply){.code = codes[i], .tag = "b"});
		cr_expect_eq(u.k.fx.n, 0u);
	}
}

/* RFC 3261 22.1: credentials of the INVITE go into its ACK, not into a CANCEL's challenge */
Test(sip_stack_invite, credentials_of_an_ack)
{
	struct sip_effect where = {.to = u.k.peer, .user = UAC_USER};
	struct str text;

	uac_open_dialog(&u.d);
	sip_stack_branch(&u.k.s, u.branch);
	text = uac_print(&u.d, (struct sip_request){.method = SIP_M_INVITE,
						    .branch = str_of(u.branch),
						    .contact = STR("sip:us@192.0.2.9"),
						    .credentials = STR("Proxy-Authorization: "
								       "Digest a=\"b, c\"\r\n")});
	where.p = text.p;
	where.n = text.n;
	cr_assert_eq(sip_stack_invite(&u.k.s, &where, u.k.now_ms, &u.txn,
				      &u.k.fx),
		     0);
	uac_answer(&u, (struct uac_reply){.code = 486, .tag = "b"});
	UAC_LINE_IS(uac_sent(&u, 0), "Proxy-Authorization", "Digest a=\"b, c\"");
}

/* C203, C204, and the fourth of the mistakes others make: the ACK of a 2xx is its owner's, goes
 * where that says, and is repeated octet for octet */
Test(sip_stack_invite, c204_a_2xx_again)
{
	static const char text[] = "ACK sip:bob@192.0.2.1:5070 SIP/2.0\r\nCSeq: 1 ACK\r\n\r\n";

	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "a", .lines = UAC_CONTACT});
	cr_assert_eq(u.k.fx.n, 1u, "no ACK to where the INVITE went");
	expect_told(SIP_GOT_RESPONSE, 200);
	for (unsigned i = 0; i < 2; i++) {
		uac_answer(&u, (struct uac_reply){.code = 200, .tag = "a", .lines = UAC_CONTACT});
		cr_assert_eq(u.k.fx.n, 1u);
		expect_told(SIP_ACK_WANTED, 200);
	}
	cr_assert_eq(ack(text), 0);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(u.k.fx.n, 1u);
		cr_expect_str_eq(uac_sent(&u, 0), text);
		cr_expect_eq(u.k.fx.v[0].to.port, 5070u);
		cr_expect_eq(u.k.fx.v[0].flow.listener, 3u);
		kit_run(&u.k, u.k.now_ms + 4000);
		cr_expect_eq(u.k.fx.n, 0u, "nothing by itself");
		uac_answer(&u, (struct uac_reply){.code = 200, .tag = "a", .lines = UAC_CONTACT});
	}
	uac_answer(&u, (struct uac_reply){.code = 486, .tag = "c"});
	cr_expect_eq(u.k.fx.n, 0u, "another branch's refusal is of no interest");
	uac_expect_end(&u, "timer M");
	cr_expect_eq(ack(text), ERR_STALE);
}

Test(sip_stack_invite, acks_that_are_none)
{
	static char big[SIP_REQUEST_BYTES + 2];

	memset(big, 'A', sizeof big - 1);
	memcpy(big, "ACK ", 4);
	uac_start(&u);
	cr_expect_eq(ack("ACK x"), ERR_PROTO);
	uac_answer(&u, (struct uac_reply){.code = 180, .tag = "a"});
	cr_expect_eq(ack("ACK x"), ERR_PROTO);
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "a"});
	cr_expect_eq(ack("BYE x"), ERR_INVAL);
	cr_expect_eq(ack(big), ERR_INVAL);
	cr_expect_eq(u.k.fx.n, 0u);
	big[SIP_REQUEST_BYTES] = '\0';
	cr_expect_eq(ack(big), 0);
	u.txn++;
	cr_expect_eq(ack("ACK x"), ERR_STALE);
	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 486, .tag = "a"});
	cr_expect_eq(ack("ACK x"), ERR_PROTO);
	uac_expect_end(&u, "refused");
}

/* No place for the ACK: it goes out all the same, and its owner is asked again. */
Test(sip_stack_invite, an_ack_that_finds_no_place)
{
	struct sip_store *store = &u.k.s.store;

	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "a"});
	for (unsigned i = 0; i < SIP_STORE_SIZES; i++)
		while (store->pools[i].used < store->pools[i].cap)
			cr_assert_not_null(pool_take(&store->pools[i], NULL));
	cr_expect_eq(ack("ACK x"), ERR_NOSPC);
	cr_expect_str_eq(uac_sent(&u, 0), "ACK x");
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "a"});
	expect_told(SIP_ACK_WANTED, 200);
	cr_expect_eq(u.k.s.count.full, 1u);
}

/* ---- CANCEL ---- */

static void expect_cancel(unsigned nth, const char *reason)
{
	char want[1024];

	snprintf(want, sizeof want,
		 "CANCEL sip:bob@example.net SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=%s;rport\r\n"
		 "Max-Forwards: 70\r\nRoute: <sip:edge.example.com;lr>\r\n"
		 "From: \"U \\\"s\\\"\" <sip:us@example.com>;tag=ours\r\n"
		 "To: <sip:Bob@example.net;x=Y>\r\nCall-ID: call9@192.0.2.9\r\n"
		 "CSeq: 1 CANCEL\r\n%sContent-Length: 0\r\n\r\n",
		 u.branch, reason);
	cr_expect_str_eq(uac_sent(&u, nth), want);
}

/* C209 */
Test(sip_stack_invite, c209_cancel)
{
	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 180, .tag = "a"});
	cr_assert_eq(cancel("Reason: SIP;cause=200\r\n"), 0);
	cr_assert_eq(u.k.fx.n, 1u);
	expect_cancel(0, "Reason: SIP;cause=200\r\n");
	cr_expect(addr_eq(&u.k.fx.v[0].to, &u.k.peer));
	cr_expect_eq(cancel(""), 0);
	cr_expect_eq(u.k.fx.n, 0u, "asked twice, sent once");
	cr_expect_eq(kit_run(&u.k, u.k.now_ms + 510), 1u);
	expect_cancel(0, "Reason: SIP;cause=200\r\n");
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "x", .cseq = "1 CANCEL"});
	cr_expect_eq(u.k.fx.n, 0u, "of no interest to its owner");
	cr_expect_eq(kit_run(&u.k, u.k.now_ms + 8000), 0u);
	uac_answer(&u, (struct uac_reply){.code = 180, .tag = "a"});
	expect_told(SIP_GOT_PROVISIONAL, 180);
	uac_answer(&u, (struct uac_reply){.code = 487, .tag = "a"});
	cr_assert_eq(u.k.fx.n, 2u);
	expect_told(SIP_GOT_RESPONSE, 487);
	UAC_LINE_IS(uac_sent(&u, 0), "CSeq", "1 ACK");
	cr_expect_not(kit_has(kit_sent(&u.k), "Reason"));
	cr_expect_eq(cancel(""), ERR_PROTO);
	uac_expect_end(&u, "cancelled");
	cr_expect_eq(cancel(""), ERR_STALE);
}

/* C209: a call that was answered wants a BYE */
Test(sip_stack_invite, c209_too_late)
{
	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "a"});
	cr_expect_eq(cancel(""), ERR_PROTO);
	cr_expect_eq(u.k.fx.n, 0u);
	uac_expect_end(&u, "answered");
}

/* C210 */
Test(sip_stack_invite, c210_a_cancel_waits)
{
	static const unsigned codes[] = {100, 183};

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		uac_start(&u);
		cr_assert_eq(cancel("Reason: SIP\r\n"), 0);
		cr_expect_eq(u.k.fx.n, 0u);
		cr_expect_eq(cancel(""), 0);
		cr_expect_eq(kit_run(&u.k, u.k.now_ms + 510), 1u, "the INVITE goes on");
		cr_expect(str_eq(kit_sent(&u.k), (struct str){u.invite, u.invite_bytes}));
		uac_answer(&u, (struct uac_reply){.code = codes[i], .tag = "a"});
		cr_assert_eq(u.k.fx.n, 2u);
		expect_told(SIP_GOT_PROVISIONAL, codes[i]);
		expect_cancel(0, "Reason: SIP\r\n");
		uac_answer(&u, (struct uac_reply){.code = 487, .tag = "a"});
		uac_expect_end(&u, "cancelled late");
	}
}

/* C210: nobody ever answers, neither the INVITE nor the CANCEL that waits */
Test(sip_stack_invite, c210_in_vain)
{
	uint64_t start = u.k.now_ms;
	unsigned sent = 1;

	uac_start(&u);
	cr_assert_eq(cancel(""), 0);
	while (u.k.s.clients.used > 0) {
		cr_assert_lt(u.k.now_ms, start + 33000);
		sent += kit_run(&u.k, u.k.now_ms + 10);
	}
	cr_expect_eq(sent, 7u);
	expect_told(SIP_CANCELLED, 487);
	cr_expect_geq(u.k.now_ms, start + 32000);
	kit_expect_empty(&u.k.s, "cancelled in vain");
}

/* RFC 3261 9.1: 32 s after the CANCEL it is given up */
Test(sip_stack_invite, a_cancel_nobody_heeds)
{
	uint64_t start;

	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 180, .tag = "a"});
	kit_run(&u.k, u.k.now_ms + 60000);
	start = u.k.now_ms;
	cr_assert_eq(cancel(""), 0);
	kit_run(&u.k, start + 20000);
	cr_expect_eq(kit_find(&u.k.fx, SIP_CANCELLED), NULL);
	uac_answer(&u, (struct uac_reply){.code = 180, .tag = "a"});
	kit_run(&u.k, start + 31990);
	cr_expect_eq(kit_find(&u.k.fx, SIP_CANCELLED), NULL);
	kit_run(&u.k, start + 32010);
	expect_told(SIP_CANCELLED, 487);
	kit_expect_empty(&u.k.s, "given up");
}

/* C027 and C029, in lines of a CANCEL */
Test(sip_stack_invite, c029_lines_of_a_cancel)
{
	static char big[SIP_REQUEST_BYTES];
	static const char *const bad[] = {"Reason", "Reason: x", "Reason: x\n", "Reason: a\rb\r\n",
					  "Reason: x\r\n\r\nBYE ", "To: <sip:x>\r\n",
					  "Re ason: x\r\n"};

	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 180, .tag = "a"});
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect_eq(cancel(bad[i]), ERR_SYNTAX, "%s", bad[i]);
	memset(big, 'a', sizeof big - 1);
	memcpy(big, "Reason: ", 8);
	memcpy(big + sizeof big - 3, "\r\n", 3);
	cr_expect_eq(cancel(big), ERR_NOSPC);
	cr_expect_eq(u.k.fx.n, 0u);
	cr_assert_eq(cancel(""), 0);
	expect_cancel(0, "");
}

/* A CANCEL that finds no room is sent, and again every 4 s until it does. */
Test(sip_stack_invite, a_cancel_that_finds_no_room)
{
	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 180, .tag = "a"});
	while (u.k.s.clients.used < u.k.s.clients.cap)
		cr_assert_not_null(pool_take(&u.k.s.clients, NULL));
	cr_assert_eq(cancel(""), 0);
	expect_cancel(0, "");
	for (unsigned i = 0; i < 2; i++) {
		cr_expect_eq(kit_run(&u.k, u.k.now_ms + 3990), 0u);
		cr_expect_eq(kit_run(&u.k, u.k.now_ms + 20), 1u);
		expect_cancel(0, "");
	}
	kit_run(&u.k, u.k.now_ms + 30000);
	cr_expect_not_null(kit_find(&u.k.fx, SIP_CANCELLED));
}

static uint32_t kept(void)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < SIP_STORE_SIZES; i++)
		n += u.k.s.store.pools[i].used;
	return n;
}

/* C211 */
Test(sip_stack_invite, c211_a_2xx_crosses)
{
	for (unsigned waits = 0; waits < 2; waits++) {
		uac_start(&u);
		if (!waits)
			uac_answer(&u, (struct uac_reply){.code = 180, .tag = "a"});
		cr_assert_eq(cancel("Reason: SIP\r\n"), 0);
		uac_answer(&u, (struct uac_reply){.code = 200, .tag = "a", .lines = UAC_CONTACT});
		cr_assert_eq(u.k.fx.n, 3u);
		cr_expect_eq(kept(), waits ? 2u : 3u, "INVITE, BYE, CANCEL; no lines");
		cr_expect_eq(u.k.fx.v[0].kind, SIP_CANCELLED);
		expect_told(SIP_CANCELLED, 487);
		cr_expect_eq(strncmp(uac_sent(&u, 0), "ACK sip:bob@192.0.2.1:5070 ", 27), 0);
		UAC_LINE_IS(uac_sent(&u, 0), "CSeq", "1 ACK");
		cr_expect_eq(strncmp(uac_sent(&u, 1), "BYE sip:bob@192.0.2.1:5070 ", 27), 0);
		UAC_LINE_IS(uac_sent(&u, 1), "CSeq", "2 BYE");
		UAC_LINE_IS(uac_sent(&u, 1), "To", "<sip:Bob@example.net;x=Y>;tag=a");
		uac_answer(&u, (struct uac_reply){.code = 200, .tag = "a", .lines = UAC_CONTACT});
		cr_assert_eq(u.k.fx.n, 1u);
		cr_expect_eq(strncmp(uac_sent(&u, 0), "ACK ", 4), 0);
		cr_expect_eq(ack("ACK x"), ERR_PROTO, "it is the stack's");
		cr_expect_eq(cancel(""), ERR_PROTO);
		uac_expect_end(&u, "crossed");
	}
}

/* ---- limits ---- */

Test(sip_stack_invite, invites_that_are_none)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"INVITE", "INVITX"}, {"Via: ", "Vix: "},     {"branch=z9", "brunch=z9"},
		{"1 INVITE", "1 INVITX"}, {"Call-ID", "Call-IX"},
		{"Content-Length: 5", "Content-Length: 7"}, {"From: ", "Frox: "}, {"\r\nTo: ", "\r\nTx: "}, {"CSeq", "CSex"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sip_effect where = {.to = u.k.peer, .p = u.invite};
		char *at;

		uac_start(&u);
		uac_answer(&u, (struct uac_reply){.code = 486, .tag = "a"});
		kit_run(&u.k, u.k.now_ms + 40000);
		u.invite[u.invite_bytes] = '\0';
		at = strstr(u.invite, cases[i].from);
		cr_assert_not_null(at);
		memcpy(at, cases[i].to, strlen(cases[i].to));
		where.n = u.invite_bytes;
		u.k.fx.n = 0;
		cr_expect_eq(sip_stack_invite(&u.k.s, &where, u.k.now_ms,
					      &u.txn, &u.k.fx),
			     ERR_INVAL, "%s", cases[i].to);
		cr_expect_eq(u.k.fx.n, 0u);
		kit_expect_empty(&u.k.s, cases[i].to);
	}
}

/* The last eighth is for ending calls: with eight, one. */
Test(sip_stack_invite, invites_at_the_cap)
{
	struct sip_effect where = {.to = u.k.peer, .p = u.invite, .n = SIP_REQUEST_BYTES + 1};

	for (unsigned i = 0; i < 7; i++)
		uac_start(&u);
	cr_expect_eq(uac_invite(&u), ERR_NOSPC);
	cr_expect_eq(u.k.fx.n, 0u);
	cr_expect_eq(u.k.s.clients.used, 7u);
	kit_run(&u.k, u.k.now_ms + 40000);
	cr_expect_eq(sip_stack_invite(&u.k.s, &where, u.k.now_ms, &u.txn,
				      &u.k.fx),
		     ERR_NOSPC);
	kit_expect_empty(&u.k.s, "refused");
}

Test(sip_stack_invite, an_invite_that_finds_no_place)
{
	struct sip_effect where = {.to = u.k.peer};
	struct sip_store *store = &u.k.s.store;

	uac_start(&u);
	where.p = u.invite;
	where.n = u.invite_bytes;
	cr_expect_eq(sip_stack_invite(&u.k.s, &where, u.k.now_ms, &u.txn,
				      &u.k.fx),
		     ERR_NOSPC, "there is one of this branch");
	for (unsigned i = 0; i < SIP_STORE_SIZES; i++)
		while (store->pools[i].used < store->pools[i].cap)
			cr_assert_not_null(pool_take(&store->pools[i], NULL));
	cr_expect_eq(uac_invite(&u), ERR_NOSPC);
	cr_expect_eq(u.k.s.clients.used, 1u);
	cr_expect_eq(u.k.s.client_keys.used, 1u);
}

/* C206: of another branch or method, of more than one Via */
Test(sip_stack_invite, c206_responses_that_are_not_ours)
{
	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 200, .branch = "z9hG4bKother"});
	uac_answer(&u, (struct uac_reply){.code = 200, .cseq = "1 CANCEL"});
	uac_answer(&u, (struct uac_reply){.code = 200, .cseq = "1 FROB"});
	uac_answer(&u, (struct uac_reply){.code = 200, .lines = "Via: SIP/2.0/UDP x\r\n"});
	cr_expect_eq(u.k.fx.n, 0u);
	cr_expect_eq(u.k.s.count.stray, 4u);
}

/* A user of 0 hears nothing, and its INVITE ends all the same. */
Test(sip_stack_invite, an_invite_of_nobody)
{
	struct sip_effect where = {.to = u.k.peer, .p = u.invite};

	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 486});
	kit_run(&u.k, u.k.now_ms + 40000);
	where.n = u.invite_bytes;
	cr_assert_eq(sip_stack_invite(&u.k.s, &where, u.k.now_ms, &u.txn,
				      &u.k.fx),
		     0);
	uac_answer(&u, (struct uac_reply){.code = 180});
	cr_expect_eq(u.k.fx.n, 0u);
	uac_answer(&u, (struct uac_reply){.code = 486});
	cr_expect_eq(u.k.fx.n, 1u);
	for (unsigned cancelled = 0; cancelled < 2; cancelled++) {
		kit_run(&u.k, u.k.now_ms + 40000);
		u.k.fx.n = 0;
		cr_assert_eq(sip_stack_invite(&u.k.s, &where, u.k.now_ms, &u.txn, &u.k.fx), 0);
		if (cancelled)
			cr_assert_eq(cancel(""), 0);
		kit_run(&u.k, u.k.now_ms + 40000);
		cr_expect_eq(kit_count(&u.k.fx, SIP_SEND), u.k.fx.n);
	}
	uac_expect_end(&u, "nobody's");
}

/* What can not be read is empty, and not what the response before had. */
Test(sip_stack_invite, parties_that_can_not_be_read)
{
	static const char *const to[] = {"<sip:b@c>;tag=z;=", "\"x <sip:b@c>;tag=z",
					 "<sip:b@c>;tag=z;tag=\"", "sip:b@c;tag=z;x=\"y", "<"};

	uac_start(&u);
	for (size_t i = 0; i < sizeof to / sizeof to[0]; i++) {
		uac_answer(&u, (struct uac_reply){.code = 180, .tag = "a"});
		cr_expect(str_eq(u.k.fx.v[0].core->to.tag, STR("a")));
		uac_answer(&u, (struct uac_reply){.code = 180, .to = to[i]});
		cr_assert_eq(u.k.fx.n, 1u);
		cr_expect_eq(u.k.fx.v[0].core->to.tag.n, 0u, "%s", to[i]);
		cr_expect_eq(u.k.fx.v[0].core->to.uri.n, 0u, "%s", to[i]);
	}
}

/* What is left of an INVITE that has its final response: its fixed part, and one message that
 * fits the smallest place. */
Test(sip_stack_invite, tombstones)
{
	static const unsigned codes[] = {200, 486};
	char text[1200];

	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		struct sip_store *store = &u.k.s.store;
		struct sip_effect where = {.to = u.k.peer, .user = 1};
		struct str invite;

		uac_open_dialog(&u.d);
		sip_stack_branch(&u.k.s, u.branch);
		invite = uac_print(&u.d, (struct sip_request){.method = SIP_M_INVITE,
							      .branch = str_of(u.branch),
							      .contact = STR("sip:u@h"),
							      .type = STR("application/sdp"),
							      .body = {text, sizeof text}});
		where.p = invite.p;
		where.n = invite.n;
		cr_assert_eq(sip_stack_invite(&u.k.s, &where, u.k.now_ms,
					      &u.txn, &u.k.fx),
			     0);
		cr_expect_eq(store->pools[1].used, 1u);
		uac_answer(&u, (struct uac_reply){.code = codes[i], .tag = "a"});
		cr_expect_eq(store->pools[1].used, 0u, "%u", codes[i]);
		cr_expect_eq(store->pools[0].used, 1u, "%u", codes[i]);
		uac_expect_end(&u, "tombstone");
	}
	cr_expect_leq(sizeof(struct sip_client_txn), 400u);
}

/* Nothing is allocated once it runs. */
Test(sip_stack_invite, no_allocation)
{
	struct sip_packet in = {.source = u.k.peer};
	char ring[2048], refuse[2048];
	size_t before;

	for (unsigned i = 0; i < 50; i++) {
		struct str text;

		uac_start(&u);
		text = uac_reply_text(&u, (struct uac_reply){.code = 180, .tag = "a"});
		memcpy(ring, text.p, text.n);
		before = mallinfo2().uordblks;
		in.p = ring;
		in.n = text.n;
		sip_stack_input(&u.k.s, &in, u.k.now_ms, &u.k.fx);
		cr_assert_eq(cancel("Reason: SIP\r\n"), 0);
		text = uac_reply_text(&u, (struct uac_reply){.code = 487, .tag = "a"});
		memcpy(refuse, text.p, text.n);
		in.p = refuse;
		in.n = text.n;
		sip_stack_input(&u.k.s, &in, u.k.now_ms, &u.k.fx);
		(void)kit_run(&u.k, u.k.now_ms + 40000);
		cr_expect_eq(mallinfo2().uordblks, before);
	}
}
