/* test_stack.c - mirrors signaling/sip/stack.c: what a peer gets to see, with time as a
 * number. */
#include "common/base/rand.h"
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

TestSuite(sip_stack, .init = open_kit, .fini = close_kit);

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

/* A copy that outlives the effect. */
static struct str keep(struct str s)
{
	static char area[2][SIP_RESPONSE_BYTES];
	static unsigned turn;
	char *to = area[turn++ % 2];

	memcpy(to, s.p, s.n);
	return (struct str){to, s.n};
}

/* ---- INVITE ---- */

/* C160, C134: one call however often it is sent, the last provisional again each time */
Test(sip_stack, c134_invite_retransmitted_while_ringing)
{
	struct str ringing;
	uint64_t txn = invite();

	cr_expect_eq(kit_answer(&k.fx, NULL), 100u);
	cr_expect_eq(k.fx.v[0].kind, SIP_SEND, "100 before anything else");
	cr_expect_eq(kit_tags(k.fx.v[0].p, k.fx.v[0].n), 0u);
	cr_expect_eq(k.fx.v[0].flow.listener, 1u);
	input((struct kit_request){.cseq = 0});
	cr_expect_eq(kit_answer(&k.fx, NULL), 100u);

	cr_assert_eq(respond(txn, 180), 0);
	ringing = keep(sent());
	cr_expect_eq(kit_tags(ringing.p, ringing.n), 1u);
	for (unsigned i = 0; i < 3; i++) {
		input((struct kit_request){.cseq = 0});
		cr_expect_eq(k.fx.n, 1u);
		cr_expect(str_eq(sent(), ringing));
	}
	cr_expect_eq(k.s.count.retransmitted, 4u);
	cr_expect_eq(sip_stack_deadline(&k.s), UINT64_MAX);
}

/* C135, RFC 6026: after a 2xx the INVITE is absorbed for 64*T1; the 2xx is the dialog's
 * to repeat */
Test(sip_stack, c135_invite_after_2xx)
{
	uint64_t txn = invite();
	struct str ok;

	cr_assert_eq(respond(txn, 200), 0);
	ok = keep(sent());
	input((struct kit_request){.cseq = 0});
	cr_expect_eq(k.fx.n, 0u);

	k.fx.n = 0;
	sip_stack_repeat(&k.s, txn, &k.fx);
	cr_expect(str_eq(sent(), ok));
	cr_expect_eq(respond(txn, 200), ERR_PROTO);
	cr_expect_eq(respond(txn, 486), ERR_PROTO);

	cr_expect_eq(kit_run(&k, k.now_ms + 31900), 0u);
	input((struct kit_request){.cseq = 0});
	cr_expect_eq(k.fx.n, 0u);
	kit_run(&k, k.now_ms + 200);
	cr_expect_eq(k.s.servers.used, 0u);
	cr_expect_eq(respond(txn, 200), ERR_STALE);
	cr_expect_eq(sip_stack_tag(&k.s, txn).n, 0u);
	k.fx.n = 0;
	sip_stack_repeat(&k.s, txn, &k.fx);
	cr_expect_eq(k.fx.n, 0u);
}

/* The ACK of a 2xx has a branch of its own and goes to the owner of dialogs. */
Test(sip_stack, c164_ack_of_2xx_is_delivered)
{
	char tag[SIP_TAG_BYTES];
	uint64_t txn = invite();

	cr_assert_eq(respond(txn, 200), 0);
	cr_assert_eq(str_copy(tag, sizeof tag, sip_stack_tag(&k.s, txn)), 0);
	input((struct kit_request){
		.method = "ACK", .branch = "z9hG4bKack", .to_tag = tag});
	cr_assert_eq(k.fx.n, 1u);
	cr_expect_eq(k.fx.v[0].kind, SIP_GOT_ACK);
	cr_expect(str_eq(k.fx.v[0].core->to.tag, str_of(tag)));

	/* clients that take the INVITE's branch are understood, too */
	input((struct kit_request){.method = "ACK", .to_tag = tag});
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_ACK), 1u);
}

/* C139: 486 until the ACK; C189: and gone when it never comes */
Test(sip_stack, c139_c189_refusal_without_ack)
{
	uint64_t txn = invite(), start = k.now_ms;
	struct str busy;
	unsigned again = 0;

	sip_stack_set_user(&k.s, txn, 77);
	cr_assert_eq(respond(txn, 486), 0);
	busy = keep(sent());
	while (k.now_ms < start + 31990) {
		unsigned n = kit_run(&k, k.now_ms + 10);

		cr_assert_leq(n, 1u);
		cr_assert(n == 0 || str_eq(sent(), busy));
		again += n;
	}
	cr_expect_eq(again, 10u);
	for (unsigned i = 0; k.s.servers.used > 0 && i < 10; i++)
		kit_run(&k, k.now_ms + 10);
	cr_assert_eq(k.fx.n, 1u);
	cr_expect_eq(k.fx.v[0].kind, SIP_NO_ACK);
	cr_expect_eq(k.fx.v[0].user, 77u);
	kit_expect_empty(&k.s, "nobody acknowledged");
}

/* From 200 on an answer is final, from 300 on it is a refusal, which is repeated. */
Test(sip_stack, c139_what_is_repeated)
{
	static const struct {
		unsigned code, again;
	} cases[] = {{199, 0}, {200, 0}, {299, 0}, {300, 1}, {699, 1}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t txn = invite();

		cr_assert_eq(respond(txn, cases[i].code), 0);
		cr_expect_eq(kit_run(&k, k.now_ms + 510), cases[i].again, "%u",
			     cases[i].code);
		cr_expect_eq(respond(txn, 180), cases[i].code < 200 ? 0 : ERR_PROTO);
		close_kit();
		open_kit();
	}
}

Test(sip_stack, ack_of_refusal_stops_it)
{
	uint64_t txn = invite();

	cr_assert_eq(respond(txn, 486), 0);
	input((struct kit_request){.cseq = 0});
	cr_expect_eq(kit_answer(&k.fx, NULL), 486u);
	input((struct kit_request){.method = "ACK", .to_tag = "whatever"});
	cr_expect_eq(k.fx.n, 0u, "nobody asked to be told");
	cr_expect_eq(kit_run(&k, k.now_ms + 4000), 0u);
	input((struct kit_request){.cseq = 0});
	cr_expect_eq(k.fx.n, 0u, "confirmed: absorbed");
	cr_expect_eq(kit_run(&k, k.now_ms + 1100), 0u);
	cr_expect_eq(kit_count(&k.fx, SIP_NO_ACK), 0u);
	cr_expect_eq(k.s.servers.used, 0u);
}

/* C133 */
Test(sip_stack, c133_ringing_is_kept)
{
	uint64_t txn = invite();

	cr_assert_eq(respond(txn, 180), 0);
	kit_run(&k, k.now_ms + 299000);
	cr_expect_eq(respond(txn, 200), 0);
	cr_expect_eq(kit_answer(&k.fx, NULL), 200u);
}

/* C131: branch, sent-by and method make a transaction */
Test(sip_stack, c131_matching)
{
	const char *other_port = "SIP/2.0/UDP 192.0.2.1:5064;branch=z9hG4bKone";

	(void)invite();
	input((struct kit_request){.branch = "z9hG4bKtwo", .call_id = "call2"});
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u);
	input((struct kit_request){.via = other_port, .call_id = "call3"});
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u);
	input((struct kit_request){.method = "BYE", .to_tag = "x"});
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u);
	cr_expect_eq(k.s.servers.used, 4u);
}

/* C132: the row wants an error; RFC 3261 17.2.3 has rules for it, and RFC 4475 3.4.1 asks
 * to serve it */
Test(sip_stack, c132_without_branch)
{
	const char *via = "SIP/2.0/UDP 192.0.2.1:5062";
	uint64_t txn;

	input((struct kit_request){.via = via});
	cr_assert_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u);
	txn = kit_find(&k.fx, SIP_GOT_REQUEST)->txn;
	input((struct kit_request){.via = via});
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 0u);
	cr_expect_eq(kit_answer(&k.fx, NULL), 100u);
	input((struct kit_request){.via = via, .cseq = 2, .to_tag = "t"});
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u);
	cr_assert_eq(respond(txn, 486), 0);
	input((struct kit_request){.method = "ACK", .via = via, .to_tag = "t"});
	cr_expect_eq(k.fx.n, 0u);
	cr_expect_eq(kit_run(&k, k.now_ms + 4000), 0u);
}

/* C191, RFC 3261 8.2.2.2 */
Test(sip_stack, c191_merged_request)
{
	uint64_t txn = invite();

	input((struct kit_request){.branch = "z9hG4bKother"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 482u);
	cr_expect_eq(k.fx.n, 1u);
	cr_expect_eq(k.s.count.merged, 1u);
	input((struct kit_request){.branch = "z9hG4bKother", .to_tag = "in-dialog"});
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u, "with a To tag it is none");

	/* C192: another From tag is another call */
	input((struct kit_request){.branch = "z9hG4bKthird", .from_tag = "from2"});
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u);

	cr_assert_eq(respond(txn, 200), 0);
	input((struct kit_request){.branch = "z9hG4bKfourth"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 482u, "of an answered call there is one");
	kit_run(&k, k.now_ms + 32100);
	input((struct kit_request){.branch = "z9hG4bKlate"});
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u, "only with ongoing ones");
}

/* S17: a refused one is over, for a hunt group that comes by its next branch */
Test(sip_stack, s17_after_a_refusal_it_is_a_new_call)
{
	uint64_t first = invite(), second;

	cr_assert_eq(respond(first, 486), 0);
	input((struct kit_request){.branch = "z9hG4bKtwo"});
	cr_assert_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u, "the ACK may still be on its way");
	second = kit_find(&k.fx, SIP_GOT_REQUEST)->txn;
	input((struct kit_request){.method = "ACK"});
	input((struct kit_request){.branch = "z9hG4bKthree"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 482u, "merges with the second");
	kit_run(&k, k.now_ms + 5100);
	input((struct kit_request){.branch = "z9hG4bKthree"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 482u, "when the first is gone, too");
	cr_expect_eq(respond(second, 200), 0);
	cr_expect_eq(k.s.merge_keys.used, 1u);
}

/* C144: Record-Route as it came, in the responses that make a dialog, and only there */
Test(sip_stack, c144_record_route)
{
	const char *lines =
		"Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>\r\n"
		"Record-Route: <sip:p0.example.com;lr>;x=y\r\n";
	struct str in_order = str_of(lines);
	uint64_t txn;

	input((struct kit_request){.lines = lines});
	cr_expect_not(kit_has(sent(), "Record-Route"));
	txn = kit_find(&k.fx, SIP_GOT_REQUEST)->txn;
	for (unsigned code = 180; code <= 200; code += 20) {
		k.fx.n = 0;
		cr_assert_eq(sip_stack_respond(&k.s, txn,
					       &(struct sip_reply){.code = code,
								   .make_dialog = true},
					       k.now_ms, &k.fx),
			     0);
		cr_expect(memmem(sent().p, sent().n, in_order.p, in_order.n) != NULL);
	}
}

/* C192 and a tag longer than what is kept: the request's own tag stays, and stays alone
 * (C151) */
Test(sip_stack, c151_long_to_tag)
{
	char tag[101];

	memset(tag, 'x', 100);
	tag[100] = '\0';
	input((struct kit_request){.method = "BYE", .to_tag = tag});
	cr_assert_eq(respond(kit_find(&k.fx, SIP_GOT_REQUEST)->txn, 481), 0);
	cr_expect(kit_has(sent(), tag));
	cr_expect_eq(kit_tags(sent().p, sent().n), 1u);
}

/* ---- CANCEL ---- */

/* C166 */
Test(sip_stack, c166_cancel_of_a_pending_invite)
{
	uint64_t txn = invite();
	char ours[SIP_TAG_BYTES];

	sip_stack_set_user(&k.s, txn, 5);
	cr_assert_eq(str_copy(ours, sizeof ours, sip_stack_tag(&k.s, txn)), 0);
	input((struct kit_request){.method = "CANCEL"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 200u);
	cr_expect(kit_has(sent(), ours), "RFC 3261 9.2: the tag of the INVITE's answers");
	cr_assert_eq(kit_count(&k.fx, SIP_GOT_CANCEL), 1u);
	cr_expect_eq(kit_find(&k.fx, SIP_GOT_CANCEL)->user, 5u);
	cr_expect_eq(kit_find(&k.fx, SIP_GOT_CANCEL)->txn, txn);
	cr_assert_eq(respond(txn, 487), 0);
	cr_expect_eq(kit_answer(&k.fx, NULL), 487u);

	input((struct kit_request){.method = "CANCEL"}); /* again */
	cr_expect_eq(kit_answer(&k.fx, NULL), 200u);
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_CANCEL), 0u);
}

Test(sip_stack, c166_cancel_of_nothing)
{
	(void)invite();
	input((struct kit_request){.method = "CANCEL", .branch = "z9hG4bKwrong"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 481u);
	cr_expect_eq(k.fx.n, 1u);
	cr_expect_eq(kit_tags(sent().p, sent().n), 1u); /* C151 */
	cr_expect_eq(k.s.servers.used, 1u, "strangers take no room");
}

Test(sip_stack, c166_cancel_after_2xx_changes_nothing)
{
	cr_assert_eq(respond(invite(), 200), 0);
	input((struct kit_request){.method = "CANCEL"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 200u);
	cr_expect_eq(k.fx.n, 1u);
}

/* RFC 3261 8.2.2.3: Require in a CANCEL is not looked at */
Test(sip_stack, cancel_with_require)
{
	(void)invite();
	input((struct kit_request){.method = "CANCEL", .lines = "Require: foo\r\n"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 200u);
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_CANCEL), 1u);
}

/* ---- other requests ---- */

/* C136 */
Test(sip_stack, c136_bye_twice)
{
	struct str first;
	uint64_t txn;

	input((struct kit_request){.method = "BYE", .to_tag = "ours"});
	cr_assert_eq(k.fx.n, 1u);
	txn = k.fx.v[0].txn;
	input((struct kit_request){.method = "BYE", .to_tag = "ours"});
	cr_expect_eq(k.fx.n, 0u, "unanswered yet: nothing to repeat");
	cr_assert_eq(respond(txn, 200), 0);
	first = keep(sent());
	cr_expect_eq(kit_tags(first.p, first.n), 1u);
	for (unsigned i = 0; i < 3; i++) {
		input((struct kit_request){.method = "BYE", .to_tag = "ours"});
		cr_expect_eq(k.fx.n, 1u);
		cr_expect(str_eq(sent(), first));
	}
	cr_expect_eq(respond(txn, 200), ERR_PROTO);
	kit_run(&k, k.now_ms + 32100);
	cr_expect_eq(k.s.servers.used, 0u);
}

/* A request its owner forgot does not stay for ever (C133). */
Test(sip_stack, c133_unanswered_request_goes)
{
	input((struct kit_request){.method = "BYE", .to_tag = "ours"});
	cr_expect_eq(kit_run(&k, k.now_ms + 32100), 0u);
	cr_expect_eq(k.s.servers.used, 0u);
}

/* C032, C136, C167, C187 */
Test(sip_stack, c167_options)
{
	struct sip_msg *m = malloc(sizeof *m);
	struct str first;

	cr_assert_not_null(m);
	input((struct kit_request){.method = "OPTIONS", .lines = "X-A: b\r\n"});
	cr_expect_eq(kit_answer(&k.fx, m), 200u);
	first = keep(sent());
	cr_expect(str_eq(sip_value(m, SIP_ALLOWED), STR(SIP_ALLOW)));
	cr_expect(sip_has(m, SIP_ACCEPT));
	cr_expect(str_eq(sip_value(m, SIP_SERVER), STR("t")));
	input((struct kit_request){.method = "OPTIONS", .lines = "X-A: b\r\n"});
	cr_expect(str_eq(sent(), first), "the same again, tag included");
	cr_expect_eq(k.s.servers.used, 0u);
	free(m);

	/* in a dialog it asks whether that is there, which its owner knows */
	input((struct kit_request){.method = "OPTIONS", .to_tag = "x"});
	cr_expect_eq(k.fx.n, 1u);
	cr_expect_eq(kit_count(&k.fx, SIP_GOT_REQUEST), 1u);
}

/* C168, C042, C186, C151: refusals of what is not served, each with what belongs to it */
Test(sip_stack, c168_refusals)
{
	static const struct {
		struct kit_request r;
		unsigned status;
		const char *has;
	} cases[] = {
		{{.method = "SUBSCRIBE"}, 405, "Allow: " SIP_ALLOW "\r\n"},
		{{.method = "INFO"}, 481, NULL},
		{{.method = "MESSAGE"}, 405, "Allow: " SIP_ALLOW "\r\n"},
		{{.method = "REGISTER"}, 405, "Allow: " SIP_ALLOW "\r\n"},
		{{.method = "NOTIFY"}, 481, "Content-Length: 0\r\n"}, /* C262: of no dialog */
		{{.method = "REFER"}, 481, "Content-Length: 0\r\n"},
		{{.method = "invite"}, 501, "Allow: " SIP_ALLOW "\r\n"}, /* C042 */
		{{.method = "FROB"}, 501, "Allow: " SIP_ALLOW "\r\n"},
		{{.method = "FROB", .to_tag = "x"}, 501, "Allow: " SIP_ALLOW "\r\n"},
		{{.method = "BYE"}, 481, NULL}, /* C165 */
		{{.lines = "Require: foo, 100rel\r\nRequire: bar\r\n"},
		 420,
		 "Unsupported: foo\r\nUnsupported: bar\r\n"}, /* C186
										      */
		{{.uri = "tel:+15551234"}, 416, NULL},
		{{.uri = "sip:bob@example.net:99999"}, 400, NULL}, /* C056 */
		{{.uri = "sip:bob@example.net:abc"}, 400, NULL},   /* C056 */
		{{.lines = "Content-Type: text/plain\r\n", .body = "hi"},
		 415,
		 "Accept: application/sdp, multipart/mixed\r\n"}, /* S24 */
		{{.lines = "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n",
		  .body = "hi"},
		 415,
		 "Accept-Encoding: identity\r\n"},
		{{.lines = "Accept: text/plain\r\n"}, 406, NULL},
		{{.method = "BYE", .to_tag = "x", .lines = "Content-Length: 0\r\n"},
		 400,
		 NULL},
		{{.method = "BYE", .to_tag = "x", .uri = "sip:a b@c"}, 400, NULL},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsigned got;

		input(cases[i].r);
		got = kit_answer(&k.fx, NULL);
		cr_expect_eq(got, cases[i].status, "%zu: %u", i, got);
		cr_expect_eq(k.fx.n, 1u, "%zu", i);
		cr_expect_eq(kit_tags(sent().p, sent().n), 1u, "%zu: C151", i);
		cr_expect(cases[i].has == NULL || kit_has(sent(), cases[i].has),
			  "%zu: %.*s", i, (int)sent().n, sent().p);
	}
	cr_expect_eq(k.s.servers.used, 0u, "none of them costs memory");
}

/* The second Accept line counts as well. */
Test(sip_stack, accept_on_two_lines)
{
	input((struct kit_request){
		.lines = "Accept: text/plain\r\nAccept: application/sdp;level=1\r\n"});
	cr_expect_eq(kit_answer(&k.fx, NULL), 100u);
}

/* C187: a UAS serves what has no hops left */
Test(sip_stack, c187_max_forwards_zero)
{
	input((struct kit_request){.lines = ""});
	cr_expect_eq(kit_answer(&k.fx, NULL), 100u);
	kit_input(&k, kit_file("rfc4475/zeromf.dat"));
	cr_expect_eq(kit_answer(&k.fx, NULL), 200u);
}

/* RFC 3261 17.1.1.3: whatever is wrong with it, an ACK is not answered */
Test(sip_stack, bad_ack_is_dropped)
{
	input((struct kit_request){.method = "ACK", .lines = "Content-Length: 0\r\n"});
	cr_expect_eq(k.fx.n, 0u);
	input((struct kit_request){.method = "ACK", .uri = "tel:1"});
	cr_expect_eq(k.fx.n, 0u);
	input((struct kit_request){.method = "ACK", .call_id = "a b"});
	cr_expect_eq(k.fx.n, 0u);
}

/* C031, C013: nothing there to answer */
Test(sip_stack, c013_c031_silence)
{
	static const char *const garbage[] = {
		"",
		"\r\n\r\n",
		"SIP/2.0",
		"SIP/2.0 abc Bogus",
		"INVITE",
		";;;,,,",
		"\x80\x81\xff",
		/* no Via */
		("OPTIONS sip:a@b SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
		 "<sip:a@b>\r\nCall-ID: 1\r\n"
		 "CSeq: 1 OPTIONS\r\n\r\n"),
		"OPTIONS sip:a@b SIP/2.0\r\nVia:\r\n\r\n",
		"GET / HTTP/1.1\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n\r\n",
		"SIP/2.0 200 OK\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
		kit_input(&k, str_of(garbage[i]));
		cr_expect_eq(k.fx.n, 0u, "%s", garbage[i]);
	}
	cr_expect_eq(k.s.count.received, 11u);
	cr_expect_eq(k.s.count.malformed,
		     8u); /* not the two keep-alives, not the stray response */
	cr_expect_eq(k.s.count.stray, 1u);
}

/* C030: From is missing, but the sender is known */
Test(sip_stack, c030_missing_from)
{
	kit_input(&k,
		  STR("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		      "To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"));
	cr_expect_eq(kit_answer(&k.fx, NULL), 400u);
}

/* ---- where answers go: C112, C113, C114 ---- */

Test(sip_stack, c112_c114_reply_route)
{
	static const struct {
		const char *via, *stamped;
		uint16_t port;
	} cases[] = {
		{"SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1", /* C112 */
		 "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1\r\n", 5070},
		{"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
		 "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n", 5060},
		{"SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bK1", /* C113 */
		 "Via: SIP/2.0/UDP "
		 "10.0.0.1:5070;branch=z9hG4bK1;received=192.0.2.1;rport=5062\r\n",
		 5062},
		{"SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bK1", /* RFC 3581 4:
									received too */
		 "Via: SIP/2.0/UDP "
		 "192.0.2.1:5070;branch=z9hG4bK1;received=192.0.2.1;rport=5062\r\n",
		 5062},
		{"SIP/2.0/UDP pc.example.com:5070;branch=z9hG4bK1", /* C114 */
		 "Via: SIP/2.0/UDP "
		 "pc.example.com:5070;branch=z9hG4bK1;received=192.0.2.1\r\n",
		 5070},
		/* nobody else's address is believed */
		{"SIP/2.0/UDP h;received=203.0.113.9;maddr=203.0.113.8;branch=z9hG4bK1",
		 "Via: SIP/2.0/UDP "
		 "h;maddr=203.0.113.8;branch=z9hG4bK1;received=192.0.2.1\r\n",
		 5060},
		/* the sender gets its own parameters back as they were */
		{"SIP/2.0/UDP h;x=\"a;rport=1\" ; branch = z9hG4bK1",
		 "Via: SIP/2.0/UDP h;x=\"a;rport=1\"; branch = "
		 "z9hG4bK1;received=192.0.2.1\r\n",
		 5060},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		input((struct kit_request){.method = "OPTIONS", .via = cases[i].via});
		cr_assert_eq(kit_answer(&k.fx, NULL), 200u, "%s", cases[i].via);
		cr_expect(kit_has(sent(), cases[i].stamped), "%.*s", (int)sent().n,
			  sent().p);
		cr_expect_eq(k.fx.v[0].to.port, cases[i].port, "%s", cases[i].via);
		cr_expect(addr_ip_eq(&k.fx.v[0].to, &k.peer));
	}
}

Test(sip_stack, c113_forced)
{
	struct sip_effects fx;

	sip_stack_fini(&k.s);
	kit_open_as(&k, &(struct sip_config){
				.server_max = 8, .client_max = 8, .force_rport = true});
	input((struct kit_request){.method = "OPTIONS",
				   .via = "SIP/2.0/UDP h:5070;branch=z9hG4bK1"});
	fx = k.fx;
	cr_assert_eq(kit_answer(&fx, NULL), 200u);
	cr_expect_eq(fx.v[0].to.port, 5062u);
	cr_expect(kit_has(sent(), ";received=192.0.2.1;rport=5062\r\n"));
}

/* ---- answers of the owner ---- */

/* C023, C161: what is given is there, lengths are counted */
Test(sip_stack, c023_answer_with_body)
{
	struct sip_msg *m = malloc(sizeof *m);
	uint64_t txn = invite();

	cr_assert_not_null(m);
	k.fx.n = 0;
	cr_assert_eq(sip_stack_respond(
			     &k.s, txn,
			     &(struct sip_reply){.code = 200,
						 .headers = STR("Contact: <sip:us>\r\n"),
						 .type = STR("application/sdp"),
						 .body = {"v=0\0\xff", 5}},
			     k.now_ms, &k.fx),
		     0);
	cr_assert_eq(kit_answer(&k.fx, m), 200u);
	cr_expect(str_eq(sip_value(m, SIP_CONTENT_LENGTH), STR("5")));
	cr_expect(str_eq(sip_value(m, SIP_CONTENT_TYPE), STR("application/sdp")));
	cr_expect(str_eq(sip_value(m, SIP_CONTACT), STR("<sip:us>")));
	cr_expect(str_eq(m->body, (struct str){"v=0\0\xff", 5})); /* C024 */
	free(m);
}

Test(sip_stack, answers_that_can_not_be_printed_change_nothing)
{
	static char big[SIP_RESPONSE_BYTES];
	uint64_t txn = invite();
	const struct {
		struct sip_reply r;
		int err;
	} cases[] = {
		{{.code = 200, .reason = STR("a\r\nb")}, ERR_SYNTAX},
		{{.code = 200, .body = STR("x")}, ERR_SYNTAX},
		{{.code = 200, .type = STR("a/b"), .body = {big, sizeof big}}, ERR_NOSPC},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		k.fx.n = 0;
		cr_expect_eq(sip_stack_respond(&k.s, txn, &cases[i].r, k.now_ms, &k.fx),
			     cases[i].err);
		cr_expect_eq(k.fx.n, 0u);
	}
	cr_expect_eq(respond(txn, 200), 0);
	cr_expect_eq(respond(0, 200), ERR_STALE);
}

/* RFC 3261 8.2.6.1 */
Test(sip_stack, timestamp_is_returned)
{
	input((struct kit_request){.lines = "Timestamp: 54.25\r\n"});
	cr_expect(kit_has(sent(), "Timestamp: 54.25\r\n"));
}

Test(sip_stack, bad_configuration)
{
	struct sip_stack *s = malloc(sizeof *s);

	cr_assert_not_null(s);
	cr_expect_eq(
		sip_stack_init(s, &(struct sip_config){.server_max = 0, .client_max = 1},
			       KIT_HASH, 1, 0),
		ERR_INVAL);
	cr_expect_eq(
		sip_stack_init(s, &(struct sip_config){.server_max = 1, .client_max = 0},
			       KIT_HASH, 1, 0),
		ERR_INVAL);
	free(s);
}

/* C021: any octets, any order, any pauses: what goes in comes out of the tables again. */
Test(sip_stack, c021_random_sessions_leave_nothing)
{
	static const char *const methods[] = {"INVITE", "ACK",     "CANCEL",
					      "BYE",    "OPTIONS", "INFO"};
	struct rand r;
	uint64_t open[4] = {0};

	rand_seed(&r, 3261);
	for (unsigned round = 0; round < 20000; round++) {
		char branch[32], call[32];
		const struct sip_effect *e;

		snprintf(branch, sizeof branch, "z9hG4bK%u", rand_below(&r, 40));
		snprintf(call, sizeof call, "c%u", rand_below(&r, 10));
		input((struct kit_request){.method = methods[rand_below(&r, 6)],
					   .branch = branch,
					   .call_id = call,
					   .to_tag =
						   rand_below(&r, 3) == 0 ? "t" : NULL});
		e = kit_find(&k.fx, SIP_GOT_REQUEST);
		if (e != NULL)
			open[rand_below(&r, 4)] = e->txn;
		if (rand_below(&r, 3) == 0)
			(void)!respond(open[rand_below(&r, 4)],
				       100 * (1 + rand_below(&r, 6)) + 80);
		if (rand_below(&r, 8) == 0)
			kit_run(&k, k.now_ms + rand_below(&r, 9000));
	}
	for (uint32_t at = 0; at < k.s.servers.cap;) {
		struct sip_server_txn *t = pool_each(&k.s.servers, &at);

		if (t != NULL && t->txn.state == TXN_PROCEEDING)
			(void)!respond(pool_handle(&k.s.servers, t), 480);
	}
	kit_run(&k, k.now_ms + 33000);
	kit_expect_empty(&k.s, "at the end");
}
