/* test_dial.c - mirrors signaling/leg/dial.c: a leg of ours from facts to an INVITE, and what its responses say. */
#include <string.h>

#include "tests/unit/signaling/leg/kit.h"

TestSuite(leg_dial, .init = setup, .fini = teardown);

#define TO     "sip:bo@192.0.2.1"
#define ANSWER HEAD "m=audio 4000 RTP/AVP 0\r\n"
#define HELD   "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4002 RTP/AVP 8\r\n"
#define RING   RESPONSE("180 Ringing", ";tag=a", "Contact: <sip:bo@192.0.2.1:5066>\r\n", "")

static char text[SIP_REQUEST_BYTES];

/* What a printer wrote, to be searched. */
static const char *printed(int (*print)(struct leg *, struct str, struct buf *))
{
	struct buf b = buf_of(text, sizeof text - 1);

	cr_assert_eq(print(leg, STR("z9hG4bKo"), &b), 0);
	text[b.n] = '\0';
	return text;
}

static const struct sip_login nobody, al = {.username = {"al", 2}, .password = {"secret", 6}};

static const char *invite_of(const struct sip_login *login)
{
	struct buf b = buf_of(text, sizeof text - 1);

	cr_assert_eq(leg_print_invite(leg, &cfg, login, STR("z9hG4bKo"), &b), 0);
	text[b.n] = '\0';
	return text;
}

static const char *invite(void)
{
	return invite_of(&nobody);
}

static int print_prack(struct leg *l, struct str branch, struct buf *b)
{
	return leg_print_prack(l, &nobody, branch, b);
}

static void dial_it(void)
{
	struct leg_call c = call_of(TO);

	cr_assert_null(dial(&c));
	cr_assert_not_null(invite());
	feed(LEG_EV_DIAL, OURS_AT);
}

#define HAS(line) cr_expect(strstr(text, line) != NULL, "%s in\n%s", line, text)
#define HAS_NOT(line) cr_expect(strstr(text, line) == NULL, "%s in\n%s", line, text)

Test(leg_dial, C200_invite_fields)
{
	struct leg_call c = call_of(TO);

	c.from_display = STR("Al \"x\"");
	cr_assert_null(dial(&c));
	invite();
	cr_expect(str_has_prefix(str_of(text), STR("INVITE " TO " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKo;rport\r\n")));
	HAS("\r\nMax-Forwards: 70\r\n");
	HAS("\r\nFrom: \"Al \\\"x\\\"\" <sip:192.0.2.9>;tag=ourtag\r\n");
	HAS("\r\nTo: <" TO ">\r\n");
	HAS("\r\nCall-ID: c2\r\n");
	HAS("\r\nCSeq: 1 INVITE\r\n");
	HAS("\r\nContact: <sip:192.0.2.9:5060>\r\n");
	HAS("\r\nSupported: 100rel, timer, replaces\r\n");
	HAS("\r\nAllow: ");
	HAS("\r\nContent-Type: application/sdp\r\n");
	HAS("m=audio 30000 RTP/AVP 0 8 101\r\n");
	HAS("a=ptime:20\r\n");
	HAS("c=IN IP4 192.0.2.9\r\n");
	HAS_NOT("Route:");
	HAS_NOT("User-Agent:");
	cr_expect_eq(leg->r.attempt.cseq, 1u);
	cr_expect_eq(leg->r.deadline_ms, OURS_AT + 60000u, "the configured one");
	cr_expect_eq(leg->r.answer_version, 1u);
}

Test(leg_dial, C201_invite_options)
{
	static const struct leg_config named = {.families = SDP_FAMILIES, .user_agent = {"tipring", 7}};
	struct leg_call c = call_of(TO);
	struct buf b = buf_of(text, sizeof text - 1);

	c.from_uri = STR("sip:al@example.org");
	c.to_uri = STR("sip:bo@example.org;x=1");
	c.headers[0] = (struct leg_line){STR("X-Room-ID"), STR("r7")};
	c.headers[1] = (struct leg_line){STR("x-odd"), STR("a, b")};
	c.header_count = 2;
	c.codecs[0] = SDP_PCMA;
	c.codec_count = 1;
	c.ptime_ms = 40;
	c.ringing_ms = 1234;
	c.context = STR("con\0text");
	cr_assert_null(dial(&c));
	cr_assert_eq(leg_print_invite(leg, &named, &nobody, STR("z9hG4bKo"), &b), 0);
	text[b.n] = '\0';
	HAS("\r\nFrom: <sip:al@example.org>;tag=ourtag\r\n");
	HAS("\r\nTo: <sip:bo@example.org;x=1>\r\n");
	HAS("\r\nX-Room-ID: r7\r\nx-odd: a, b\r\n");
	HAS("\r\nUser-Agent: tipring\r\n");
	HAS("m=audio 30000 RTP/AVP 8 101\r\n");
	HAS("a=ptime:40\r\n");
	cr_expect_eq(leg->r.deadline_ms, OURS_AT + 1234u);
	cr_expect(str_eq((struct str){(const char *)leg->r.context, leg->r.context_bytes}, STR("con\0text")));
	cr_expect_str_eq(leg->r.from_uri, "sip:al@example.org");
	cr_expect_str_eq(leg->r.to_uri, "sip:bo@example.org;x=1");
}

Test(leg_dial, of_the_other_family)
{
	struct leg_call c = call_of("sip:bo@[2001:db8::1]:5070");

	c.next_hop = (struct addr){.family = ADDR_V6, .port = 5070, .ip = {0x20, 1, 0xd, 0xb8, [15] = 1}};
	c.local = c.local_rtp = (struct addr){.family = ADDR_V6, .port = 5060, .ip = {0x20, 1, 0xd, 0xb8, [15] = 9}};
	cr_assert_null(dial(&c));
	invite();
	HAS("INVITE sip:bo@[2001:db8::1]:5070 SIP/2.0\r\n");
	HAS("\r\nFrom: <sip:[2001:db8::9]>;tag=ourtag\r\n");
	HAS("\r\nContact: <sip:[2001:db8::9]:5060>\r\n");
	HAS("c=IN IP6 2001:db8::9\r\n");
}

/* What is refused says what is wrong, and what is at its limit is taken. */
Test(leg_dial, what_is_wrong_with_it)
{
	static const struct leg_config v6 = {.families = SDP_FAMILY(ADDR_V6)};
	struct leg_call c;
	const char *why;
#define WRONG(change, word)                                                                      \
	c = call_of(TO);                                                                         \
	change;                                                                                  \
	why = dial(&c);                                                                          \
	cr_expect(why != NULL && strstr(why, word) != NULL, "%s: %s", #change, why)
	WRONG(c.request_uri = STR(""), "request_uri");
	WRONG(c.request_uri = STR("bo"), "request_uri");
	WRONG(c.request_uri = STR("tel:+1234"), "request_uri");
	WRONG(c.request_uri = STR("sips:bo@192.0.2.1"), "sips");
	WRONG(c.request_uri = STR(TO "?Subject=x"), "headers");
	WRONG(c.request_uri = STR(TO "\r\nX: y"), "request_uri");
	WRONG(c.from_uri = STR("bo"), "from_uri");
	WRONG(c.from_uri = STR("sip:a@b>\r\n"), "from_uri");
	WRONG(c.from_display = STR("a\r\nX: y"), "from");
	WRONG(c.to_uri = STR("bo"), "to_uri");
	WRONG(c.local_rtp.family = ADDR_NONE, "local_rtp");
	WRONG(c.local_rtp.port = 0, "local_rtp");
	WRONG(memset(c.local_rtp.ip, 0, 16), "local_rtp");
	WRONG(c.codec_count = SDP_CODECS + 1, "codecs");
	WRONG((c.codec_count = 2, c.codecs[0] = c.codecs[1] = SDP_PCMA), "codecs");
	WRONG((c.codec_count = 1, c.codecs[0] = SDP_CODECS), "codecs");
	WRONG(c.ptime_ms = 15, "ptime_ms");
	WRONG(c.ptime_ms = 70, "ptime_ms");
	WRONG(c.ringing_ms = LEG_RINGING_MAX_MS + 1, "ringing");
	WRONG(c.call_id = 0, "call_id");
	WRONG(c.header_count = LEG_DIAL_HEADERS_MAX + 1, "headers");
	WRONG((c.header_count = 1, c.headers[0] = (struct leg_line){STR("Via"), STR("x")}), "header");
	WRONG((c.header_count = 1, c.headers[0] = (struct leg_line){STR("t"), STR("x")}), "header");
	WRONG((c.header_count = 1, c.headers[0] = (struct leg_line){STR("X y"), STR("x")}), "header");
	WRONG((c.header_count = 1, c.headers[0] = (struct leg_line){STR("X-a"), STR("x\r\nX-b: y")}), "header");
	c = call_of(TO);
	memset(leg, 0, sizeof *leg);
	cr_expect_not_null(leg_dial(leg, &v6, &c, OURS_AT), "media has no IPv4");
}

Test(leg_dial, at_its_limits)
{
	static char uri[256] = "sip:bo@192.0.2.1;x=", value[LEG_TEXT_BYTES], context[LEG_CONTEXT_BYTES + 1];
	struct leg_call c;

	memset(uri + 19, 'u', 255 - 19);
	c = call_of(uri);
	c.ringing_ms = LEG_RINGING_MAX_MS;
	c.context = (struct str){context, LEG_CONTEXT_BYTES};
	for (uint32_t i = 0; i < LEG_DIAL_HEADERS_MAX; i++)
		c.headers[i] = (struct leg_line){STR("X-a"), STR("b")};
	c.header_count = LEG_DIAL_HEADERS_MAX;
	cr_expect_null(dial(&c));
	invite();
	HAS(uri);
	c.context.n++;
	cr_expect_not_null(dial(&c));
	c = call_of(uri);
	c.request_uri.n = 256;
	c.request_uri.p = value;
	memset(value, 'u', sizeof value);
	memcpy(value, uri, 19);
	cr_expect_not_null(dial(&c));
	c = call_of(TO);
	memset(value, 'v', sizeof value);
	for (uint32_t i = 0; i < 4; i++)
		c.headers[i] = (struct leg_line){STR("X-a"), {value, 1021}};
	c.header_count = 4;
	cr_expect_null(dial(&c));
	invite();
	c.headers[3].value.n = 1022;
	cr_expect_not_null(dial(&c), "headers are too long together");
}

/* ---- responses ---- */

/* C202, C231: nothing of a 100; a tag and ringing of a 180; an answer and its ACK of a 200. */
Test(leg_dial, C231_a_call_from_end_to_end)
{
	dial_it();
	cr_expect_eq(leg->r.state, (uint32_t)LEG_DIALLING);
	cr_assert_eq(provisional(RESPONSE("100 Trying", "", "", "")), LEG_EV_TRYING);
	feed(LEG_EV_TRYING, 200);
	cr_expect_eq(leg->r.attempt.state, (uint32_t)ATTEMPT_PROCEEDING);
	cr_expect_eq(leg->r.dialled.code, 0u);
	cr_assert_eq(provisional(RING), LEG_EV_PROGRESS);
	feed(LEG_EV_PROGRESS, 300);
	cr_expect(did(LEG_FX_PROGRESS) && !did(LEG_FX_SEND_PRACK));
	cr_expect_eq(leg->r.attempt.state, (uint32_t)ATTEMPT_EARLY);
	cr_expect_eq(leg->r.dialled.code, 180u);
	cr_expect_str_eq(leg->r.dialled.reason, "Ringing");
	cr_expect_str_eq(leg->r.dialog.remote_tag, "a");
	cr_expect_eq(leg->r.dialled.generation, 0u);
	cr_assert_eq(picked_up(RESPONSE("200 OK", ";tag=a", "Contact: <sip:bo@192.0.2.1:5066>\r\nX-Peer: p\r\n", ANSWER)), LEG_EV_PICKED_UP);
	feed(LEG_EV_PICKED_UP, 400);
	cr_expect(did(LEG_FX_SEND_ACK) && did(LEG_FX_PICKED_UP));
	cr_expect(leg_was_picked_up(leg));
	cr_expect_eq(leg->r.state, (uint32_t)LEG_CONFIRMED);
	cr_expect_eq(leg->r.choice.rtp.port, 4000);
	cr_expect_eq(leg->r.dialled.generation, 1u);
	cr_assert_eq(leg->r.header_count, 1u);
	cr_expect(str_eq(leg_header_name(leg, 0), STR("X-Peer")));
	feed(LEG_EV_BYE, 500);
	cr_expect_eq(leg->r.over.who, (uint32_t)LEG_BY_CALLER);
	cr_expect_eq(leg->r.over.code, 200u);
	cr_expect_eq(leg->r.over.outcome, (uint32_t)LEG_OUT_ANSWERED);
	cr_expect_eq(leg->r.state, (uint32_t)LEG_ENDED);
	feed(LEG_EV_SETTLED, 600);
	cr_expect(did(LEG_FX_FREE));
}

Test(leg_dial, C203_fields_of_the_ack)
{
	dial_it();
	leg->r.dialog.local_cseq = 4; /* PRACKs went before */
	cr_assert_eq(picked_up(RESPONSE("200 OK", ";tag=a",
					"Contact: <sip:bo@192.0.2.1:5066>\r\nRecord-Route: <sip:192.0.2.3;lr>, <sip:192.0.2.4;lr>\r\n", ANSWER)),
		     LEG_EV_PICKED_UP);
	printed(leg_print_ack);
	cr_expect(str_has_prefix(str_of(text), STR("ACK sip:bo@192.0.2.1:5066 SIP/2.0\r\n")), "%s", text);
	HAS("\r\nCSeq: 1 ACK\r\n");
	HAS("\r\nRoute: <sip:192.0.2.4;lr>, <sip:192.0.2.3;lr>\r\n");
	HAS("\r\nTo: <" TO ">;tag=a\r\n");
	HAS("\r\nFrom: <sip:192.0.2.9>;tag=ourtag\r\n");
	HAS("\r\nContent-Length: 0\r\n\r\n");
	cr_expect_eq(leg->r.dialog.local_cseq, 4u);
}

/* C205, C208, C229 */
Test(leg_dial, C205_a_refusal)
{
	dial_it();
	cr_assert_eq(declined(RESPONSE("486 Busy Here", ";tag=a", "Reason: Q.850;cause=17\r\n", "")), LEG_EV_DECLINED);
	feed(LEG_EV_DECLINED, 200);
	cr_expect_eq(leg->r.over.code, 486u);
	cr_expect_eq(leg->r.over.outcome, (uint32_t)LEG_OUT_BUSY);
	cr_expect_eq(leg->r.over.q850, 17u);
	cr_expect_str_eq(leg->r.over.reason, "Busy Here");
	cr_expect_not(leg_was_picked_up(leg));
	dial_it();
	cr_assert_eq(declined(RESPONSE("302 Moved Temporarily", ";tag=a", "Contact: <sip:x@192.0.2.5>\r\n", "")), LEG_EV_DECLINED);
	feed(LEG_EV_DECLINED, 200);
	cr_expect_eq(leg->r.over.code, 302u);
	cr_expect_eq(leg->r.over.outcome, (uint32_t)LEG_OUT_REJECTED);
	dial_it();
	cr_assert_eq(declined(RESPONSE("603 A reason that is longer than the record has room for it", "", "", "")), LEG_EV_DECLINED);
	feed(LEG_EV_DECLINED, 200);
	cr_expect_str_eq(leg->r.over.reason, "A reason that is longer than the re");
	dial_it(); /* C219: without credentials */
	cr_assert_eq(declined(RESPONSE("401 Unauthorized", "", "WWW-Authenticate: Basic realm=x\r\n", "")), LEG_EV_DECLINED);
	feed(LEG_EV_DECLINED, 200);
	cr_expect_eq(leg->r.over.outcome, (uint32_t)LEG_OUT_AUTH_FAILED);
}

/* C202: what says the same again is not told again; what changes is. */
Test(leg_dial, C202_ringing_again)
{
	dial_it();
	cr_assert_eq(provisional(RING), LEG_EV_PROGRESS);
	cr_expect_eq(provisional(RING), LEG_EV_TRYING);
	cr_expect_eq(provisional(RESPONSE("181 Call Is Being Forwarded", ";tag=a", "", "")), LEG_EV_PROGRESS);
	cr_expect_eq(leg->r.dialled.code, 181u);
	cr_expect_eq(provisional(RING), LEG_EV_PROGRESS);
	cr_expect_eq(provisional(RESPONSE("180 Ringing", "", "", "")), LEG_EV_TRYING, "an old proxy has no tag");
	cr_expect_eq(provisional(RESPONSE("182 Queued", "", "", "")), LEG_EV_PROGRESS);
}

/* C225: one PRACK for each, in order; none without RSeq. */
Test(leg_dial, C225_reliable_provisionals)
{
#define RELIABLE(n) RESPONSE("180 Ringing", ";tag=a", "Contact: <sip:bo@192.0.2.1:5066>\r\nRequire: 100rel\r\nRSeq: " n "\r\n", "")
	dial_it();
	cr_assert_eq(provisional(RELIABLE("7")), LEG_EV_PROGRESS);
	cr_expect_eq(leg->prack, 7u);
	printed(print_prack);
	cr_expect(str_has_prefix(str_of(text), STR("PRACK sip:bo@192.0.2.1:5066 SIP/2.0\r\n")), "%s", text);
	HAS("\r\nRAck: 7 1 INVITE\r\n");
	HAS("\r\nCSeq: 2 PRACK\r\n");
	HAS("\r\nTo: <" TO ">;tag=a\r\n");
	cr_expect_eq(provisional(RELIABLE("7")), LEG_EV_TRYING);
	cr_expect_eq(provisional(RELIABLE("7")), LEG_EV_TRYING);
	cr_expect_eq(leg->prack, 0u);
	cr_expect_eq(provisional(RELIABLE("9")), LEG_EV_TRYING, "8 is missing");
	cr_expect_eq(provisional(RELIABLE("8")), LEG_EV_PROGRESS);
	cr_expect_eq(leg->prack, 8u);
	cr_expect_not(leg->news);
	printed(print_prack);
	HAS("\r\nRAck: 8 1 INVITE\r\n");
	HAS("\r\nCSeq: 3 PRACK\r\n");
	cr_expect_eq(provisional(RESPONSE("183 Session Progress", ";tag=a", "RSeq: 9\r\n", "")), LEG_EV_PROGRESS);
	cr_expect_eq(leg->prack, 0u, "nobody requires it");
	cr_expect_eq(provisional(RESPONSE("183 Session Progress", ";tag=a", "Require: 100rel\r\n", "")), LEG_EV_TRYING);
	cr_expect_eq(leg->prack, 0u);
}

/* C226: the dialog of the 2xx is the leg's, whichever rang. */
Test(leg_dial, C226_another_fork_answers)
{
	dial_it();
	cr_assert_eq(provisional(RESPONSE("180 Ringing", ";tag=a",
					  "Contact: <sip:bo@192.0.2.1:5066>\r\nRecord-Route: <sip:192.0.2.3;lr>\r\n", "")), LEG_EV_PROGRESS);
	feed(LEG_EV_PROGRESS, 200);
	cr_assert_eq(picked_up(RESPONSE("200 OK", ";tag=b", "Contact: <sip:bo@192.0.2.1:5077>\r\n", ANSWER)), LEG_EV_PICKED_UP);
	printed(leg_print_ack);
	cr_expect(str_has_prefix(str_of(text), STR("ACK sip:bo@192.0.2.1:5077 SIP/2.0\r\n")), "%s", text);
	HAS("\r\nTo: <" TO ">;tag=b\r\n");
	HAS_NOT("Route:");
}

/* C228: facts of the dialog that spoke last; the number grows with every change and with nothing else. */
Test(leg_dial, C228_early_media)
{
	dial_it();
	cr_assert_eq(provisional(RESPONSE("183 Session Progress", ";tag=a", "", ANSWER)), LEG_EV_PROGRESS);
	cr_expect_eq(leg->r.dialled.generation, 1u);
	cr_expect_eq(leg->r.choice.rtp.port, 4000);
	cr_expect_eq(provisional(RESPONSE("183 Session Progress", ";tag=a", "", ANSWER)), LEG_EV_TRYING);
	cr_expect_eq(leg->r.dialled.generation, 1u);
	cr_assert_eq(provisional(RESPONSE("183 Session Progress", ";tag=b", "", HELD)), LEG_EV_PROGRESS);
	cr_expect_eq(leg->r.dialled.generation, 2u);
	cr_expect_eq(leg->r.choice.rtp.port, 4002);
	cr_expect_eq(leg->r.choice.codec, (uint32_t)SDP_PCMA);
	cr_assert_eq(provisional(RESPONSE("180 Ringing", ";tag=b", "", "")), LEG_EV_PROGRESS);
	cr_expect_eq(leg->r.dialled.generation, 2u);
	/* a 2xx without an answer: that of its dialog counts */
	cr_assert_eq(picked_up(RESPONSE("200 OK", ";tag=a", "", "")), LEG_EV_PICKED_UP);
	cr_expect_eq(leg->r.dialled.generation, 3u);
	cr_expect_eq(leg->r.choice.rtp.port, 4000);
}

Test(leg_dial, C228_the_same_facts_again_are_no_change)
{
	dial_it();
	cr_assert_eq(provisional(RESPONSE("183 Session Progress", ";tag=a", "", ANSWER)), LEG_EV_PROGRESS);
	cr_assert_eq(picked_up(RESPONSE("200 OK", ";tag=a", "", ANSWER)), LEG_EV_PICKED_UP);
	cr_expect_eq(leg->r.dialled.generation, 1u);
}

/* What is no answer in a provisional waits for the 2xx; in the 2xx it ends the call, by ACK and BYE. */
Test(leg_dial, answers_that_can_not_be_used)
{
	static const char *const bad[] = {
		RESPONSE("200 OK", ";tag=a", "", ""),
		RESPONSE("200 OK", ";tag=a", "", "hello"),
		RESPONSE("200 OK", ";tag=a", "", HEAD "m=audio 0 RTP/AVP 0\r\n"),
		RESPONSE("200 OK", ";tag=a", "", HEAD "m=audio 4000 RTP/AVP 18\r\n"),
		RESPONSE("200 OK", ";tag=a", "", HEAD "m=audio 4000 RTP/SAVP 0\r\n"),
		RESPONSE("200 OK", ";tag=a", "Contact: <bad\r\n", ANSWER),
		RESPONSE("200 OK", ";tag=b", "", ""), /* another dialog than the one with early media */
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		dial_it();
		cr_assert_eq(provisional(RESPONSE("183 Session Progress", ";tag=a", "", HEAD "m=audio 0 RTP/AVP 0\r\n")), LEG_EV_PROGRESS);
		cr_expect_eq(leg->r.dialled.generation, 0u);
		if (i == 6)
			cr_assert_eq(provisional(RESPONSE("183 Session Progress", ";tag=a", "", ANSWER)), LEG_EV_PROGRESS);
		cr_assert_eq(picked_up(bad[i]), LEG_EV_MISFIT, "%zu", i);
		feed(LEG_EV_MISFIT, 200);
		cr_expect(did(LEG_FX_SEND_ACK) && did(LEG_FX_SEND_BYE) && did(LEG_FX_OVER) && !did(LEG_FX_PICKED_UP));
		cr_expect_eq(leg->r.over.outcome, (uint32_t)LEG_OUT_MEDIA_REFUSED);
		cr_expect_str_eq(leg->r.dialog.remote_tag, i == 6 ? "b" : "a", "there is somebody to say it to");
		printed(leg_print_ack);
	}
}

/* As many dialogs as are kept; one more rings and is not listened to. */
Test(leg_dial, a_fork_too_many)
{
	char with_tag[1024];

	dial_it();
	for (unsigned i = 0; i < SIP_EARLY_MAX; i++) {
		snprintf(with_tag, sizeof with_tag, RESPONSE("183 Session Progress", ";tag=%u", "", "%sa=ptime:%u\r\n"), i, ANSWER, 10 + 10 * (i % 2));
		cr_assert_eq(provisional(with_tag), LEG_EV_PROGRESS, "%u", i);
		cr_expect_eq(leg->r.dialled.known, i + 1);
		cr_expect_eq(leg->r.dialled.generation, i + 1);
	}
	cr_expect_eq(provisional(RESPONSE("183 Session Progress", ";tag=x", "", HELD)), LEG_EV_TRYING);
	cr_expect_eq(leg->r.dialled.generation, SIP_EARLY_MAX);
	cr_expect_eq(leg->r.dialled.known, SIP_EARLY_MAX);
	cr_assert_eq(picked_up(RESPONSE("200 OK", ";tag=x", "", HELD)), LEG_EV_PICKED_UP, "it may answer all the same");
}

/* After the answer it is a leg like any other: a re-INVITE that changes nothing is one. */
Test(leg_dial, C230_a_refresh_by_the_one_we_called)
{
	dial_it();
	cr_assert_eq(picked_up(RESPONSE("200 OK", ";tag=f1", "Contact: <sip:al@192.0.2.1:5060>\r\n", ANSWER)), LEG_EV_PICKED_UP);
	feed(LEG_EV_PICKED_UP, 200);
	cr_expect_eq(reinvite(9, SDP), 0u);
	feed(LEG_EV_REFRESH, 300);
	cr_expect_eq(leg->r.dialled.ours, 0u, "the last offer is theirs");
	cr_expect_eq(leg_restore(leg, &cfg, 300), 0);
	cr_expect_not(leg->mended);
	feed(LEG_EV_ACK, 400);
	cr_expect_eq(leg->r.state, (uint32_t)LEG_CONFIRMED);
	cr_expect_not(did(LEG_FX_CONFIRMED));
}

/* ---- credentials ---- */

#define ASKED(n, realm, more) "WWW-Authenticate: Digest realm=\"" realm "\", nonce=\"" n "\", qop=\"auth\"" more "\r\n"
#define PROXY(n, realm)       "Proxy-Authenticate: Digest realm=\"" realm "\", nonce=\"" n "\", qop=\"auth\"\r\n"

static enum leg_event refused_as(const struct sip_login *login, const char *response)
{
	return leg_refused(leg, login, &read_answer_of(response)->msg, 0x1234);
}

/* C217, C218: the same call again, with one number more, its headers and its offer. */
Test(leg_dial, C217_C218_a_challenge_is_answered_once)
{
	struct leg_call c = call_of(TO);

	c.headers[0] = (struct leg_line){STR("X-Room-ID"), STR("r7")};
	c.header_count = 1;
	cr_assert_null(dial(&c));
	invite_of(&al);
	HAS_NOT("uthorization:");
	feed(LEG_EV_DIAL, OURS_AT);
	cr_assert_eq(refused_as(&al, RESPONSE("401 Unauthorized", ";tag=x", ASKED("n1", "r", ""), "")), LEG_EV_CHALLENGED);
	feed(LEG_EV_CHALLENGED, 200);
	cr_expect(did(LEG_FX_SEND_INVITE) && !did(LEG_FX_OVER) && !did(LEG_FX_DIALLED));
	cr_expect_eq(leg->r.attempt.state, (uint32_t)ATTEMPT_CALLING);
	invite_of(&al);
	HAS("\r\nCSeq: 2 INVITE\r\n");
	HAS("\r\nTo: <" TO ">\r\n");
	HAS("\r\nFrom: <sip:192.0.2.9>;tag=ourtag\r\n");
	HAS("\r\nCall-ID: c2\r\n");
	HAS("\r\nX-Room-ID: r7\r\n");
	HAS("\r\nAuthorization: Digest ");
	HAS("username=\"al\"");
	HAS("nonce=\"n1\"");
	HAS("uri=\"" TO "\"");
	HAS("nc=00000001");
	HAS("m=audio 30000 RTP/AVP 0 8 101\r\n");
	HAS_NOT("secret");
	cr_expect_eq(leg->r.attempt.cseq, 2u);
	/* C219: a second one is a refusal */
	cr_assert_eq(refused_as(&al, RESPONSE("401 Unauthorized", ";tag=x", ASKED("n2", "r", ""), "")), LEG_EV_DECLINED);
	feed(LEG_EV_DECLINED, 300);
	cr_expect_eq(leg->r.over.outcome, (uint32_t)LEG_OUT_AUTH_FAILED);
	cr_expect_eq(leg->r.over.code, 401u);
}

/* The ACK of the 2xx has what its INVITE had, and so have later requests, each its own. */
Test(leg_dial, C217_credentials_in_the_dialog)
{
	char in_invite[1024], lines[2048];
	struct buf b = buf_of(lines, sizeof lines - 1);

	dial_it();
	cr_assert_eq(refused_as(&al, RESPONSE("407 Proxy Authentication Required", ";tag=x", PROXY("n1", "r"), "")), LEG_EV_CHALLENGED);
	feed(LEG_EV_CHALLENGED, 200);
	invite_of(&al);
	HAS("\r\nProxy-Authorization: Digest ");
	snprintf(in_invite, sizeof in_invite, "%s", strstr(text, "\r\nProxy-Authorization:"));
	in_invite[strcspn(in_invite + 2, "\r") + 2] = '\0';
	cr_assert_eq(picked_up(RESPONSE("200 OK", ";tag=a", "Contact: <sip:bo@192.0.2.1:5066>\r\n", ANSWER)), LEG_EV_PICKED_UP);
	printed(leg_print_ack);
	HAS("\r\nCSeq: 2 ACK\r\n");
	HAS(in_invite);
	leg_put_credentials(leg, &al, STR("BYE"), &b);
	lines[b.n] = '\0';
	cr_expect(strstr(lines, "Proxy-Authorization: Digest ") == lines, "%s", lines);
	cr_expect(strstr(lines, "nc=00000002") != NULL && strstr(lines, "uri=\"sip:bo@192.0.2.1:5066\"") != NULL, "%s", lines);
	b = buf_of(lines, 40); /* no room: none, and what is there stays whole */
	buf_z(&b, "X: y\r\n");
	leg_put_credentials(leg, &al, STR("BYE"), &b);
	cr_expect(buf_ok(&b) && b.n == 6);
	leg_put_credentials(leg, &nobody, STR("BYE"), &b);
	cr_expect_eq(b.n, 6u);
}

/* C220, C221 */
Test(leg_dial, C220_stale_and_C221_401_then_407)
{
	dial_it();
	cr_assert_eq(refused_as(&al, RESPONSE("401 Unauthorized", "", ASKED("n1", "r", ""), "")), LEG_EV_CHALLENGED);
	invite_of(&al);
	cr_assert_eq(refused_as(&al, RESPONSE("401 Unauthorized", "", ASKED("n2", "r", ", stale=true"), "")), LEG_EV_CHALLENGED);
	invite_of(&al);
	HAS("nonce=\"n2\"");
	HAS("\r\nCSeq: 3 INVITE\r\n");
	cr_expect_eq(refused_as(&al, RESPONSE("401 Unauthorized", "", ASKED("n3", "r", ", stale=true"), "")), LEG_EV_DECLINED);
	dial_it();
	cr_assert_eq(refused_as(&al, RESPONSE("401 Unauthorized", "", ASKED("n1", "r", ""), "")), LEG_EV_CHALLENGED);
	invite_of(&al);
	cr_assert_eq(refused_as(&al, RESPONSE("407 Proxy Authentication Required", "", PROXY("n9", "p"), "")), LEG_EV_CHALLENGED);
	invite_of(&al);
	HAS("\r\nAuthorization: Digest ");
	HAS("\r\nProxy-Authorization: Digest ");
}

/* C219: nobody who could answer, nothing to answer, or nobody who wants it any more. */
Test(leg_dial, C219_challenges_that_end_it)
{
	dial_it();
	cr_expect_eq(refused_as(&nobody, RESPONSE("401 Unauthorized", "", ASKED("n1", "r", ""), "")), LEG_EV_DECLINED);
	cr_expect_eq(refused_as(&al, RESPONSE("401 Unauthorized", "", "", "")), LEG_EV_DECLINED);
	cr_expect_eq(refused_as(&al, RESPONSE("401 Unauthorized", "", "WWW-Authenticate: Basic realm=\"r\"\r\n", "")), LEG_EV_DECLINED);
	cr_expect_eq(refused_as(&al, RESPONSE("403 Forbidden", "", ASKED("n1", "r", ""), "")), LEG_EV_DECLINED);
	feed(LEG_EV_HANGUP, 200);
	cr_expect_eq(refused_as(&al, RESPONSE("401 Unauthorized", "", ASKED("n1", "r", ""), "")), LEG_EV_DECLINED);
	feed(LEG_EV_DECLINED, 300);
	cr_expect_eq(leg->r.over.outcome, (uint32_t)LEG_OUT_CANCELLED);
}

/* What rang before the challenge is another INVITE's. */
Test(leg_dial, C217_early_dialogs_end_with_their_invite)
{
	dial_it();
	cr_assert_eq(provisional(RESPONSE("183 Session Progress", ";tag=a", "Require: 100rel\r\nRSeq: 7\r\nContact: <sip:bo@192.0.2.1:5066>\r\n", ANSWER)),
		     LEG_EV_PROGRESS);
	cr_assert_eq(refused_as(&al, RESPONSE("401 Unauthorized", ";tag=a", ASKED("n1", "r", ""), "")), LEG_EV_CHALLENGED);
	invite_of(&al);
	cr_expect(str_has_prefix(str_of(text), STR("INVITE " TO " SIP/2.0\r\n")), "%s", text);
	HAS("\r\nTo: <" TO ">\r\n");
	cr_assert_eq(provisional(RESPONSE("183 Session Progress", ";tag=a", "Require: 100rel\r\nRSeq: 1\r\n", ANSWER)), LEG_EV_PROGRESS);
	cr_expect_eq(leg->prack, 1u);
	cr_expect_eq(leg->r.dialled.generation, 1u, "the facts are the same");
}
