/* test_call_out.c - a call of ours through stack, dialog and writer, as its owner would lead it:
 * the rows of a client that are about more than one of them. */
#include "signaling/sip/rel100.h"
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

TestSuite(sip_call_out, .init = open_kit, .fini = close_kit);

#define ROUTED                                                                           \
	"Record-Route: <sip:192.0.2.2;lr>, <sip:192.0.2.3:5099;lr>\r\n"                  \
	"Contact: <sip:bob@192.0.2.4:5070>\r\n"

static char branch[SIP_BRANCH_BYTES];

static struct str print(struct sip_request r)
{
	sip_stack_branch(&u.k.s, branch);
	r.branch = str_of(branch);
	return uac_print(&u.d, r);
}

static struct sip_effect where_to(struct str text)
{
	return (struct sip_effect){.p = text.p,
				   .n = text.n,
				   .to = sip_dialog_hop(&u.d, &u.k.peer),
				   .user = UAC_USER};
}

static void acknowledge(uint32_t cseq)
{
	struct sip_effect e =
		where_to(print((struct sip_request){.method = SIP_M_ACK, .cseq = cseq}));

	u.k.fx.n = 0;
	cr_assert_eq(sip_stack_ack(&u.k.s, u.txn, &e, &u.k.fx), 0);
}

static void request(struct sip_request r)
{
	struct sip_effect e = where_to(print(r));

	u.k.fx.n = 0;
	cr_assert_eq(sip_stack_request(&u.k.s, &e, str_of(branch), u.k.now_ms, &u.k.fx), 0);
}

static void reinvite(void)
{
	struct sip_effect e = where_to(print((struct sip_request){
		.method = SIP_M_INVITE,
		.contact = STR("sip:us@192.0.2.9:5060"),
		.type = STR("application/sdp"),
		.body = STR("a=sendonly\r\n")}));

	u.k.fx.n = 0;
	memcpy(u.branch, branch, sizeof u.branch);
	cr_assert_eq(sip_stack_invite(&u.k.s, &e, u.k.now_ms, &u.txn, &u.k.fx), 0);
}

static void answered(void)
{
	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "b", .lines = ROUTED});
	cr_assert_eq(sip_dialog_learn(&u.d, u.k.fx.v[0].msg, u.k.fx.v[0].core), 0);
	acknowledge(1);
}

static void expect_to(const char *uri, const char *cseq)
{
	const char *text = uac_sent(&u, 0);

	cr_expect(kit_has(str_of(text), uri), "%s", text);
	UAC_LINE_IS(text, "Route", "<sip:192.0.2.3:5099;lr>, <sip:192.0.2.2;lr>");
	UAC_LINE_IS(text, "CSeq", cseq);
	UAC_LINE_IS(text, "To", "<sip:Bob@example.net;x=Y>;tag=b");
	UAC_LINE_IS(text, "From", "\"U \\\"s\\\"\" <sip:us@example.com>;tag=ours");
	UAC_LINE_IS(text, "Call-ID", "call9@192.0.2.9");
	cr_expect_eq(u.k.fx.v[0].to.ip[3], 3u);
	cr_expect_eq(u.k.fx.v[0].to.port, 5099u);
}

/* C231, C145, C203, C213: from INVITE to BYE; C207 and the fifth of the mistakes others make:
 * nothing is sent in answer to the response to a BYE */
Test(sip_call_out, c231_a_whole_call)
{
	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 100});
	cr_expect_neq(sip_dialog_learn(&u.d, u.k.fx.v[0].msg, u.k.fx.v[0].core), 0);
	uac_answer(&u, (struct uac_reply){.code = 180, .tag = "b", .lines = ROUTED});
	cr_expect_eq(u.k.fx.v[0].kind, SIP_GOT_PROVISIONAL);
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "b", .lines = ROUTED});
	cr_expect_eq(u.k.fx.v[0].kind, SIP_GOT_RESPONSE);
	cr_assert_eq(sip_dialog_learn(&u.d, u.k.fx.v[0].msg, u.k.fx.v[0].core), 0);
	acknowledge(1);
	expect_to("ACK sip:bob@192.0.2.4:5070 SIP/2.0\r\n", "1 ACK");
	cr_expect_not(kit_has(kit_sent(&u.k), u.branch), "a branch of its own");

	request((struct sip_request){.method = SIP_M_BYE});
	expect_to("BYE sip:bob@192.0.2.4:5070 SIP/2.0\r\n", "2 BYE");
	uac_answer(&u, (struct uac_reply){
			       .code = 200, .tag = "b", .cseq = "2 BYE", .branch = branch});
	cr_assert_eq(u.k.fx.n, 1u, "told, and that is all");
	cr_expect_eq(u.k.fx.v[0].kind, SIP_GOT_RESPONSE);
	cr_expect_eq(kit_run(&u.k, u.k.now_ms + 40000), 0u);
	kit_expect_empty(&u.k.s, "a whole call");
}

/* C207: no ACK for the answer to anything but an INVITE */
Test(sip_call_out, c207_other_methods)
{
	static const enum sip_method methods[] = {SIP_M_INFO, SIP_M_OPTIONS, SIP_M_MESSAGE};
	static const unsigned codes[] = {200, 481};

	answered();
	for (size_t i = 0; i < 6; i++) {
		char cseq[32];

		request((struct sip_request){.method = methods[i / 2]});
		snprintf(cseq, sizeof cseq, "%u %s", u.d.local_cseq,
			 sip_method_name(methods[i / 2]));
		uac_answer(&u, (struct uac_reply){.code = codes[i % 2],
						  .tag = "b",
						  .cseq = cseq,
						  .branch = branch});
		cr_assert_eq(u.k.fx.n, 1u);
		cr_expect_eq(u.k.fx.v[0].kind, SIP_GOT_RESPONSE);
	}
}

/* C214, C216: a re-INVITE goes on counting, and so does its ACK */
Test(sip_call_out, c216_reinvite)
{
	answered();
	request((struct sip_request){.method = SIP_M_INFO});
	reinvite();
	expect_to("INVITE sip:bob@192.0.2.4:5070 SIP/2.0\r\n", "3 INVITE");
	cr_expect(kit_has(kit_sent(&u.k), "\r\n\r\na=sendonly\r\n"));
	uac_answer(&u, (struct uac_reply){.code = 200,
					  .tag = "b",
					  .cseq = "3 INVITE",
					  .lines = "Contact: <sip:moved@192.0.2.4>\r\n"
						   "Record-Route: <sip:other;lr>\r\n"});
	cr_assert_eq(u.k.fx.n, 1u);
	cr_assert_eq(sip_dialog_refresh(&u.d, u.k.fx.v[0].msg, u.k.fx.v[0].core), 0);
	acknowledge(u.k.fx.v[0].core->cseq.number); /* C149 */
	expect_to("ACK sip:moved@192.0.2.4 SIP/2.0\r\n", "3 ACK");
	request((struct sip_request){.method = SIP_M_BYE});
	expect_to("BYE sip:moved@192.0.2.4 SIP/2.0\r\n", "4 BYE");
	uac_expect_end(&u, "re-INVITE");
}

/* C215: a refused re-INVITE has its ACK and changes nothing */
Test(sip_call_out, c215_reinvite_refused)
{
	static const unsigned codes[] = {488, 491, 500, 408};

	answered();
	for (unsigned i = 0; i < 4; i++) {
		struct sip_dialog before;
		char cseq[32];

		reinvite();
		before = u.d;
		snprintf(cseq, sizeof cseq, "%u INVITE", u.d.local_cseq);
		uac_answer(&u, (struct uac_reply){.code = codes[i], .tag = "b", .cseq = cseq});
		cr_assert_eq(u.k.fx.n, 2u);
		cr_expect_eq(u.k.fx.v[0].kind, SIP_GOT_RESPONSE);
		cr_expect_eq(u.k.fx.v[0].status, codes[i]);
		snprintf(cseq, sizeof cseq, "%u ACK", u.d.local_cseq);
		UAC_LINE_IS(uac_sent(&u, 0), "CSeq", cseq);
		UAC_LINE_IS(uac_sent(&u, 0), "Route",
			    "<sip:192.0.2.3:5099;lr>, <sip:192.0.2.2;lr>");
		cr_expect(kit_has(kit_sent(&u.k), u.branch), "the branch of its INVITE");
		cr_expect_eq(memcmp(&u.d, &before, sizeof before), 0);
	}
	request((struct sip_request){.method = SIP_M_BYE});
	expect_to("BYE sip:bob@192.0.2.4:5070 SIP/2.0\r\n", "6 BYE");
}

/* C225: the PRACK goes into the early dialog of its response, once */
Test(sip_call_out, c225_prack)
{
	static const struct map_key key = {3, 4};
	struct sip_early early = {.count = 0};
	unsigned pracks = 0;

	uac_start(&u);
	for (unsigned i = 0; i < 4; i++) {
		char rack[64];
		struct buf lines = buf_of(rack, sizeof rack);
		struct sip_early_seen seen;

		uac_answer(&u, (struct uac_reply){.code = 180,
						  .tag = "b",
						  .lines = i == 3 ? ROUTED
								  : "Require: 100rel\r\n"
								    "RSeq: 7\r\n" ROUTED});
		cr_assert_eq(u.k.fx.v[0].kind, SIP_GOT_PROVISIONAL);
		seen = sip_early_take(&early, &key, u.k.fx.v[0].msg, u.k.fx.v[0].core);
		if (seen.kind != SIP_EARLY_PRACK)
			continue;
		pracks++;
		cr_assert_eq(sip_dialog_learn(&u.d, u.k.fx.v[0].msg, u.k.fx.v[0].core), 0);
		sip_put_rack(&lines, seen.rseq, u.k.fx.v[0].core->cseq.number);
		request((struct sip_request){.method = SIP_M_PRACK, .headers = buf_str(&lines)});
		expect_to("PRACK sip:bob@192.0.2.4:5070 SIP/2.0\r\n", "2 PRACK");
		UAC_LINE_IS(uac_sent(&u, 0), "RAck", "7 1 INVITE");
	}
	cr_expect_eq(pracks, 1u);
}

/* C229: where it says to go is in what its owner is told */
Test(sip_call_out, c229_redirect)
{
	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 302,
					  .tag = "b",
					  .lines = "Contact: <sip:there@192.0.2.8>;q=0.5\r\n"});
	cr_assert_eq(u.k.fx.v[0].kind, SIP_GOT_RESPONSE);
	cr_expect_eq(u.k.fx.v[0].status, 302u);
	cr_expect(str_eq(sip_value(u.k.fx.v[0].msg, SIP_CONTACT),
			 STR("<sip:there@192.0.2.8>;q=0.5")));
	cr_expect(addr_eq(&u.k.fx.v[1].to, &u.k.peer), "the ACK goes where the INVITE went");
}

/* C230, C147, C148: a BYE of the peer belongs to the dialog, and gets one To tag */
Test(sip_call_out, c230_the_peer_ends_it)
{
	static const struct {
		const char *from, *to;
		bool ours;
	} cases[] = {{"b", "wrong", false}, {"wrong", "ours", false}, {"b", "ours", true}};
	const struct sip_effect *e;

	answered();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char other[32];

		snprintf(other, sizeof other, "z9hG4bKpeer%zu", i);
		kit_input(&u.k, kit_print((struct kit_request){.method = "BYE",
							       .branch = other,
							       .call_id = "call9@192.0.2.9",
							       .from_tag = cases[i].from,
							       .to_tag = cases[i].to,
							       .cseq = 5}));
		e = kit_find(&u.k.fx, SIP_GOT_REQUEST);
		cr_assert_not_null(e);
		cr_expect_eq(sip_dialog_is(&u.d, e->core), cases[i].ours, "%zu", i);
	}
	cr_expect(sip_dialog_take_cseq(&u.d, e->core->cseq.number));
	cr_expect_not(sip_dialog_take_cseq(&u.d, e->core->cseq.number), "C148");
	cr_assert_eq(kit_respond(&u.k, e->txn, 200), 0);
	cr_expect_eq(kit_tags(u.k.fx.v[0].p, u.k.fx.v[0].n), 1u);
}

/* C146: what comes after it was given up does not make a call of it */
Test(sip_call_out, c146_answered_after_the_end)
{
	uac_start(&u);
	uac_answer(&u, (struct uac_reply){.code = 180, .tag = "b", .lines = ROUTED});
	u.k.fx.n = 0;
	cr_assert_eq(sip_stack_cancel(&u.k.s, u.txn, STR(""), u.k.now_ms, &u.k.fx), 0);
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "b", .lines = ROUTED});
	cr_expect_eq(kit_count(&u.k.fx, SIP_CANCELLED), 1u);
	cr_expect_eq(kit_count(&u.k.fx, SIP_GOT_RESPONSE), 0u);
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "b", .lines = ROUTED});
	cr_expect_eq(kit_count(&u.k.fx, SIP_GOT_RESPONSE), 0u);
	uac_expect_end(&u, "too late");
	uac_answer(&u, (struct uac_reply){.code = 200, .tag = "b", .lines = ROUTED});
	cr_expect_eq(u.k.fx.n, 0u);
}
