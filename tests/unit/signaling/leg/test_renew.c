/* test_renew.c - mirrors signaling/leg/renew.c: what we want to change in mid-call. */
#include <string.h>

#include "signaling/leg/renew.h"
#include "tests/unit/signaling/leg/kit.h"

TestSuite(leg_renew, .init = setup, .fini = teardown);

static const struct addr rtp = {.family = ADDR_V4, .port = 30000, .ip = {198, 51, 100, 7}};
static const struct sip_login alice = {.username = {"alice", 5}, .password = {"secret", 6}};

/* A call that is up, and whose descriptions are numbered. */
static void call_up(bool ours)
{
	char text[2048];
	struct buf b = buf_of(text, sizeof text);

	if (ours) {
		bring_to(LEG_DIALLING);
		cr_assert_eq(picked_up(RESPONSE("200 OK", ";tag=f1",
						"Contact: <sip:bo@192.0.2.1:5070>\r\nRecord-Route: <sip:p2;lr>\r\nRecord-Route: <sip:p1;lr>\r\n", SDP)),
			     LEG_EV_PICKED_UP);
		feed(LEG_EV_PICKED_UP, 200);
		leg->r.dialog.local_cseq = 1; /* of the INVITE */
		return;
	}
	bring_to(LEG_CONFIRMED);
	leg->r.local_rtp = rtp;
	cr_assert_eq(leg_print_answer(leg, &b), 0);
}

static void want(enum renewal_kind kind, uint64_t number)
{
	cr_assert(leg_renew(leg, &(struct renewal_wish){.number = number, .kind = kind}));
	feed(LEG_EV_RENEW, 1000);
}

/* What goes out, as text. */
static const char *sent(void)
{
	static char text[SIP_REQUEST_BYTES];
	struct buf b = buf_of(text, sizeof text - 1);
	struct leg_renew_how how = {.login = alice, .branch = STR("z9hG4bKr"), .lines = {"", 0}};

	cr_assert(did(LEG_FX_RENEW));
	cr_assert_eq(leg_print_renewal(leg, &cfg, &how, &b), 0);
	text[b.n] = '\0';
	return text;
}

static const char *due(uint64_t now)
{
	cr_assert_leq(leg_renewal_due_ms(leg), now);
	feed(LEG_EV_RENEW_DUE, now);
	return sent();
}

static const char *ack(void)
{
	static char text[2048];
	struct buf b = buf_of(text, sizeof text - 1);

	cr_assert(did(LEG_FX_RENEW_ACK));
	cr_assert_eq(leg_print_renewal_ack(leg, STR("z9hG4bKs"), &b), 0);
	text[b.n] = '\0';
	return text;
}

#define ANSWER(status, headers, body)                                                                                    \
	"SIP/2.0 " status "\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKr\r\nFrom: <sip:192.0.2.9>;tag=ourtag\r\n"  \
	"To: <sip:bo@192.0.2.1>;tag=f1\r\nCall-ID: c2\r\nCSeq: 2 INVITE\r\n" headers                                     \
	"Content-Type: application/sdp\r\n\r\n" body

static enum leg_event hear(const char *text, uint64_t now)
{
	const struct answer *a = read_answer_of(text);
	enum leg_event ev = a->msg.status < 300 ? leg_renewed(leg, &cfg, &a->msg, &a->core)
						: leg_renewal_refused(leg, &alice, &a->msg, now, 77);

	feed(ev, now);
	return ev;
}

static unsigned version_in(const char *text)
{
	const char *o = strstr(text, "\r\no=- ");
	unsigned v = 0;

	cr_assert(o != NULL && sscanf(o, "\r\no=- %*u %u IN", &v) == 1, "%s", text);
	return v;
}

static bool has(const char *text, const char *what)
{
	return strstr(text, what) != NULL;
}

/* C214 C216 C143: both roles, with the route set, and what belongs to it. */
Test(leg_renew, C214_a_hold)
{
	for (unsigned ours = 0; ours < 2; ours++) {
		const char *text;
		uint32_t cseq;

		call_up(ours);
		cseq = leg->r.dialog.local_cseq;
		want(RENEWAL_OF_HOLD, 5);
		cr_expect_eq(out.n, 0u);
		text = due(1000);
		cr_expect(has(text, "a=sendonly\r\n") && has(text, " RTP/AVP 0"), "%s", text);
		cr_expect_eq(leg->r.dialog.local_cseq, cseq + 1, "C143");
		cr_expect_eq(version_in(text), 2u);
		if (ours) {
			cr_expect(strncmp(text, "INVITE sip:bo@192.0.2.1:5070 SIP/2.0\r\n", 38) == 0, "%s", text);
			cr_expect(has(text, "\r\nRoute: <sip:p1;lr>") && has(text, "<sip:p2;lr>"), "C213: %s", text);
		}
		cr_assert_eq(hear(ANSWER("200 OK", "Contact: <sip:bo@192.0.2.1:5099>\r\n", SDP "a=recvonly\r\n"), 1100), LEG_EV_RENEWED);
		cr_expect(did(LEG_FX_AGREED) && did(LEG_FX_RENEWED));
		cr_expect(leg->r.renewal.told == 5 && leg->r.renewal.code == 200 && leg->r.renewal.holds == 1);
		cr_expect_eq(leg_generation(&leg->r), 2u);
		cr_expect_eq(leg->r.choice.direction, (uint32_t)SDP_SENDONLY);
		cr_expect_str_eq(leg->r.dialog.target, "sip:bo@192.0.2.1:5099", "C149");
		text = ack();
		cr_expect(strncmp(text, "ACK sip:bo@192.0.2.1:5099 SIP/2.0\r\n", 35) == 0, "%s", text);
		cr_expect_eq(leg->r.renewal.cseq, cseq + 1);
		cr_expect_eq(leg->r.state, (uint32_t)LEG_CONFIRMED);
		cr_assert_eq(leg_restore(leg, &cfg, 1200), 0);
		cr_expect_not(leg->mended);

		want(RENEWAL_OF_UNHOLD, 6);
		text = due(1200);
		cr_expect(has(text, "a=sendrecv\r\n"), "%s", text);
		cr_expect_eq(version_in(text), 3u);
		cr_assert_eq(hear(ANSWER("200 OK", "", SDP), 1300), LEG_EV_RENEWED);
		cr_expect(leg->r.renewal.holds == 0 && leg->r.choice.direction == SDP_SENDRECV);
		cr_expect_eq(leg_generation(&leg->r), 3u);
	}
}

/* C215: everything stays, and what was refused is offered again under its number. */
Test(leg_renew, C215_refused)
{
	static const char *const refusals[] = {ANSWER("488 Not Acceptable Here", "", ""), ANSWER("503 Down", "Retry-After: 3\r\n", ""),
					       ANSWER("302 Moved", "", ""), ANSWER("500 Bad", "Retry-After: 11\r\n", ""), ANSWER("401 Who", "", "")};

	for (unsigned i = 0; i < 2 * sizeof refusals / sizeof refusals[0]; i++) {
		struct leg_record before;

		call_up(i % 2);
		before = leg->r;
		want(RENEWAL_OF_HOLD, 5);
		cr_expect_eq(version_in(due(1000)), 2u);
		cr_assert_eq(hear(refusals[i / 2], 1100), LEG_EV_RENEW_OVER, "%u", i);
		cr_expect(did(LEG_FX_RENEWED) && !did(LEG_FX_AGREED));
		cr_expect_eq(leg->r.renewal.code, read_answer_of(refusals[i / 2])->msg.status);
		cr_expect_eq(leg->r.state, (uint32_t)LEG_CONFIRMED);
		cr_expect_eq(memcmp(&leg->r.choice, &before.choice, sizeof before.choice), 0);
		cr_expect_eq(memcmp(leg->r.offer, before.offer, sizeof before.offer), 0);
		cr_expect_eq(leg->r.answer_version, before.answer_version);
		cr_expect_eq(leg->r.renewal.holds, 0u);
		want(RENEWAL_OF_HOLD, 6);
		cr_expect_eq(version_in(due(1200)), 2u, "the same offer");
		(void)hear(refusals[0], 1300);
		want(RENEWAL_OF_CODECS, 7);
		cr_expect_eq(version_in(due(1400)), 3u, "another one");
	}
}

/* C215: 491, and the windows of RFC 3261 14.1. */
Test(leg_renew, C215_met_by_an_offer)
{
	static const char glare[] = ANSWER("491 Request Pending", "", "");

	for (unsigned ours = 0; ours < 2; ours++) {
		unsigned tries = 0;
		uint64_t now = 1000;

		call_up(ours);
		want(RENEWAL_OF_HOLD, 5);
		(void)due(now);
		while (hear(glare, now) == LEG_EV_RENEW_LATER) {
			uint64_t wait = leg_renewal_due_ms(leg) - now;

			cr_expect(ours ? wait >= 2100 && wait <= 4000 : wait <= 2000, "%lu", wait);
			cr_expect_not(did(LEG_FX_RENEWED));
			now += wait;
			cr_expect_eq(version_in(due(now)), 2u);
			tries++;
		}
		cr_expect_eq(tries, LEG_RENEW_TRIES - 1);
		cr_expect_eq(leg->r.renewal.code, 491u);
		want(RENEWAL_OF_HOLD, 6);
		(void)due(now + 1000);
		cr_expect_eq(hear(ANSWER("500 Later", "Retry-After: 7;duration=3\r\n", ""), now), LEG_EV_RENEW_LATER, "RFC 3261 14.2");
		cr_expect_eq(leg_renewal_due_ms(leg), now + 7000);
	}
}

/* C185: ours is out, theirs is refused; in the window between theirs is taken, and ours goes on behind it. */
Test(leg_renew, C185_theirs_meets_ours)
{
	call_up(false);
	want(RENEWAL_OF_HOLD, 5);
	(void)due(1000);
	cr_expect_eq(reinvite(8, SDP "a=inactive\r\n"), 491);
	cr_expect_eq(update(9, SDP "a=inactive\r\n"), 491);
	cr_expect_eq(update(10, ""), 0, "the target alone");
	(void)hear(ANSWER("491 Request Pending", "", ""), 1000);
	cr_assert_eq(reinvite(11, SDP "a=sendonly\r\n"), 0);
	feed(LEG_EV_OFFER, 1100);
	cr_expect_eq(leg_renewal_due_ms(leg), UINT64_MAX, "not before theirs is done");
	feed(LEG_EV_ACCEPT, 1200);
	cr_expect_eq(leg_renewal_due_ms(leg), UINT64_MAX);
	feed(LEG_EV_ACK, 1300);
	cr_expect(has(due(4000), "a=inactive\r\n"), "they hold us, too");
	cr_assert_eq(hear(ANSWER("200 OK", "", SDP "a=inactive\r\n"), 4100), LEG_EV_RENEWED);
	cr_expect_eq(leg->r.choice.direction, (uint32_t)SDP_INACTIVE);
}

/* Theirs while we hold: never more than we want. */
Test(leg_renew, C214_both_hold)
{
	call_up(false);
	want(RENEWAL_OF_HOLD, 5);
	(void)due(1000);
	(void)hear(ANSWER("200 OK", "", SDP "a=recvonly\r\n"), 1100);
	cr_assert_eq(reinvite(8, SDP "a=sendonly\r\n"), 0);
	cr_expect_eq(leg->r.change_choice.direction, (uint32_t)SDP_INACTIVE);
	feed(LEG_EV_OFFER, 1200);
	feed(LEG_EV_ACCEPT, 1200);
	feed(LEG_EV_ACK, 1200);
	cr_expect_eq(leg->r.renewal.ours, 0u);
	cr_assert_eq(reinvite(9, SDP), 0);
	cr_expect_eq(leg->r.change_choice.direction, (uint32_t)SDP_SENDONLY, "they resume, we do not");
	feed(LEG_EV_OFFER, 1300);
	feed(LEG_EV_ACCEPT, 1300);
	feed(LEG_EV_ACK, 1300);
	want(RENEWAL_OF_UNHOLD, 6);
	cr_expect(has(due(1400), "a=sendrecv\r\n"));
	(void)hear(ANSWER("200 OK", "", SDP "a=sendonly\r\n"), 1500);
	cr_expect_eq(leg->r.choice.direction, (uint32_t)SDP_RECVONLY, "what the peer lets us have");
}

Test(leg_renew, C216_the_answer_again)
{
	call_up(true);
	want(RENEWAL_OF_HOLD, 5);
	(void)due(1000);
	(void)hear(ANSWER("200 OK", "", SDP "a=recvonly\r\n"), 1100);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(hear(ANSWER("200 OK", "", SDP "a=recvonly\r\n"), 1200), LEG_EV_RENEW_ACK);
		cr_expect(has(ack(), "\r\nCSeq: 2 ACK\r\n"));
		cr_expect_eq(out.n, 1u, "nothing is told twice");
	}
}

/* What is no answer to our offer leaves us with what we had; it has its ACK all the same. */
Test(leg_renew, C215_an_answer_that_can_not_be_used)
{
	static const char *const answers[] = {ANSWER("200 OK", "", ""), ANSWER("200 OK", "", HEAD "m=audio 0 RTP/AVP 0\r\n"),
					      ANSWER("200 OK", "", HEAD "m=audio 4000 RTP/AVP 18\r\n"), ANSWER("200 OK", "", SDP "m=video 1 RTP/AVP 31\r\n"),
					      ANSWER("200 OK", "", "x")};

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		call_up(i % 2);
		want(RENEWAL_OF_HOLD, 5);
		(void)due(1000);
		cr_assert_eq(hear(answers[i], 1100), LEG_EV_RENEWED);
		(void)ack();
		cr_expect(did(LEG_FX_RENEWED) && !did(LEG_FX_AGREED));
		cr_expect_eq(leg->r.renewal.code, 488u);
		cr_expect_eq(leg->r.choice.direction, (uint32_t)SDP_SENDRECV);
		cr_expect_eq(leg->r.renewal.holds, 0u);
	}
}

/* RFC 3261 12.2.1.2 */
Test(leg_renew, a_peer_that_is_gone)
{
	static const char *const texts[] = {ANSWER("481 No Such Call", "", ""), ANSWER("408 Timeout", "", ""), NULL};

	for (size_t i = 0; i < 3; i++) {
		call_up(i % 2);
		want(RENEWAL_OF_HOLD, 5);
		(void)due(1000);
		if (texts[i] != NULL)
			cr_expect_eq(hear(texts[i], 1100), LEG_EV_RENEW_DEAD);
		else
			feed(leg_renewal_unanswered(leg), 33000);
		cr_expect(did(LEG_FX_RENEWED) && did(LEG_FX_SEND_BYE) && did(LEG_FX_OVER));
		cr_expect_eq(leg->r.over.who, (uint32_t)LEG_BY_SYSTEM);
		cr_expect_eq(leg->r.state, (uint32_t)LEG_ENDING);
	}
}

Test(leg_renew, it_has_a_minute)
{
	call_up(false);
	want(RENEWAL_OF_HOLD, 5);
	(void)due(1000);
	cr_expect_eq(leg_renewal_due_ms(leg), 1000u + LEG_RENEW_MS);
	feed(LEG_EV_RENEW_DUE, 61000);
	cr_expect(did(LEG_FX_RENEW_CANCEL));
	cr_expect_eq(reinvite(8, SDP "a=sendonly\r\n"), 491);
	cr_expect_eq(hear(ANSWER("487 Terminated", "", ""), 61100), LEG_EV_RENEW_OVER);
	cr_expect(did(LEG_FX_RENEWED) && leg->r.renewal.code == 487);
	cr_expect_eq(leg->r.state, (uint32_t)LEG_CONFIRMED);
}

/* C217: once, with what the peer asked for; the ACK has it, too. */
Test(leg_renew, C217_challenged)
{
	static const char asks[] = ANSWER("407 Who", "Proxy-Authenticate: Digest realm=\"x\", nonce=\"n\"\r\n", "");
	const char *text;

	call_up(true);
	want(RENEWAL_OF_HOLD, 5);
	cr_expect_not(has(due(1000), "Proxy-Authorization"));
	cr_assert_eq(hear(asks, 1100), LEG_EV_RENEW_AGAIN);
	text = sent();
	cr_expect(has(text, "\r\nProxy-Authorization: Digest username=\"alice\"") && has(text, "\r\nCSeq: 3 INVITE\r\n"), "%s", text);
	cr_expect_eq(version_in(text), 2u);
	cr_expect_eq(hear(asks, 1200), LEG_EV_RENEW_OVER);
	cr_expect_eq(leg->r.renewal.code, 407u);
	want(RENEWAL_OF_HOLD, 6);
	cr_expect(has(due(1300), "Proxy-Authorization"), "what was asked is known");
	(void)hear(ANSWER("200 OK", "", SDP "a=recvonly\r\n"), 1400);
	cr_expect(has(ack(), "\r\nProxy-Authorization: "));
}

/* Our last description once more, octet for octet. */
Test(leg_renew, the_same_again)
{
	for (unsigned ours = 0; ours < 2; ours++) {
		static char last[4096];
		struct buf b = buf_of(last, sizeof last - 1);
		const char *text;

		call_up(ours);
		if (ours)
			buf_bytes(&b, leg->r.offer, leg->r.offer_bytes);
		else
			cr_assert_eq(leg_print_answer(leg, &b), 0);
		last[b.n] = '\0';
		want(RENEWAL_OF_SAME, 0);
		text = due(1000);
		cr_expect_str_eq(strstr(text, "\r\n\r\n") + 4, last);
		cr_assert_eq(hear(ANSWER("200 OK", "", SDP), 1100), LEG_EV_RENEWED);
		cr_expect_not(did(LEG_FX_AGREED) || did(LEG_FX_RENEWED), "nobody has to hear of it");
		cr_assert_eq(leg_restore(leg, &cfg, 1100), 0);
		want(RENEWAL_OF_SAME, 0);
		cr_expect_str_eq(strstr(due(1200), "\r\n\r\n") + 4, last);
		cr_assert_eq(hear(ANSWER("200 OK", "", HEAD "m=audio 4002 RTP/AVP 0\r\n"), 1300), LEG_EV_RENEWED);
		cr_expect(did(LEG_FX_AGREED), "the peer has moved");
		cr_expect_eq(leg->r.choice.rtp.port, 4002u);
		want(RENEWAL_OF_HOLD, 5);
		cr_expect_eq(version_in(due(1400)), 2u);
	}
}

/* RFC 3264 8: lines stay in their places, numbers keep their meaning. */
Test(leg_renew, other_codecs)
{
	const char *text;

	cr_assert_eq(open_leg("Content-Type: application/sdp\r\n",
			      HEAD "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\nm=audio 4000 RTP/AVP 0 8 99\r\na=rtpmap:99 telephone-event/8000\r\n"),
		     0);
	feed(LEG_EV_INVITE, 100);
	leg->r.local_rtp = rtp;
	feed(LEG_EV_ANSWER, 100);
	feed(LEG_EV_ACK, 100);
	cr_assert(leg_renew(leg, &(struct renewal_wish){.number = 5, .kind = RENEWAL_OF_CODECS, .count = 1, .codecs = {SDP_PCMA}}));
	feed(LEG_EV_RENEW, 1000);
	text = due(1000);
	cr_expect(has(text, "m=video 0 RTP/AVP 96\r\nm=audio 30000 RTP/AVP 8 99\r\n"), "%s", text);
	(void)hear(ANSWER("200 OK", "", HEAD "m=video 0 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 8\r\n"), 1100);
	cr_expect_eq(leg->r.choice.codec, (uint32_t)SDP_PCMA);
	cr_expect_eq(leg->r.choice.media, 1u);
	cr_assert_eq(leg_restore(leg, &cfg, 1100), 0);
	cr_expect_eq(leg->r.choice.media, 1u);
	want(RENEWAL_OF_CODECS, 6);
	text = due(1200);
	cr_expect(has(text, "RTP/AVP 0 8 "), "all: %s", text);
}

Test(leg_renew, one_at_a_time_and_one_behind_it)
{
	struct renewal_wish hold = {.number = 5, .kind = RENEWAL_OF_HOLD}, same = {.kind = RENEWAL_OF_SAME}, third = {.number = 7, .kind = RENEWAL_OF_UNHOLD};

	call_up(false);
	cr_expect(leg_renew(leg, &same));
	feed(LEG_EV_RENEW, 1000);
	(void)due(1000);
	cr_expect(leg_renew(leg, &hold));
	cr_expect_not(leg_renew(leg, &hold), "known");
	cr_expect_not(leg_renew(leg, &third));
	cr_expect_not(leg_renew(leg, &same));
	feed(LEG_EV_RENEW, 1050);
	(void)hear(ANSWER("488 No", "", ""), 1100);
	cr_expect(has(due(1100), "a=sendonly\r\n"));
	(void)hear(ANSWER("200 OK", "", SDP "a=recvonly\r\n"), 1200);
	cr_expect_eq(leg->r.renewal.told, 5u);
}

/* It ends while ours is out: a 2xx has its ACK, and that is all. */
Test(leg_renew, the_end_meets_it)
{
	for (unsigned ours = 0; ours < 2; ours++) {
		call_up(false);
		want(RENEWAL_OF_HOLD, 5);
		(void)due(1000);
		feed(ours ? LEG_EV_HANGUP : LEG_EV_BYE, 1100);
		cr_expect_eq(did(LEG_FX_SEND_BYE), (bool)ours);
		cr_expect_eq(leg_renewal_due_ms(leg), UINT64_MAX);
		(void)hear(ANSWER("200 OK", "", SDP "a=recvonly\r\n"), 1200);
		(void)ack();
		cr_expect_eq(leg->r.state, (uint32_t)(ours ? LEG_ENDING : LEG_ENDED));
	}
}

/* ---- over a death ---- */

static char packed[LEG_PACKED_BYTES];
static struct sip_client_record client, client_back;

static bool die(uint64_t now_ms)
{
	size_t n = leg_pack(&leg->r, leg->r.renewal.has_client ? &client : NULL, packed);
	bool has_client;

	memset(leg, 0, sizeof *leg);
	cr_assert_eq(leg_unpack(packed, n, &leg->r, &client_back, &has_client), 0);
	cr_assert_eq(leg_restore(leg, &cfg, now_ms), 0);
	return has_client;
}

Test(leg_renew, goes_on_over_a_death)
{
	for (unsigned ours = 0; ours < 2; ours++) {
		call_up(ours);
		want(RENEWAL_OF_HOLD, 5);
		cr_expect_not(die(1000));
		cr_expect_eq(leg->r.renewal.state, (uint32_t)RENEWAL_WAITING);
		(void)due(1000);
		client.head.request_bytes = 6;
		memcpy(client.request, "INVITE", 6);
		leg->r.renewal.has_client = 1;
		cr_expect(die(1100));
		cr_expect_eq(memcmp(&client, &client_back, sizeof client), 0);
		cr_expect_not(leg->mended);
		cr_expect_eq(leg_renewal_due_ms(leg), 1000u + LEG_RENEW_MS);
		(void)hear(ANSWER("200 OK", "", SDP "a=recvonly\r\n"), 1200);
		cr_expect_eq(leg->r.choice.direction, (uint32_t)SDP_SENDONLY);
		cr_expect(die(1300));
		cr_expect(leg->r.renewal.told == 5 && leg->r.renewal.code == 200 && leg->r.renewal.holds && leg->r.renewal.ours);
		cr_expect_eq(leg->r.choice.direction, (uint32_t)SDP_SENDONLY);
		cr_expect_eq(leg_generation(&leg->r), 2u);
		(void)ack();
		leg->r.renewal.has_client = 0;
		want(RENEWAL_OF_UNHOLD, 6);
		cr_expect_eq(version_in(due(1400)), 3u);
		feed(leg_renewal_lost(leg, 1500), 1500);
		cr_expect_eq(version_in(due(1500)), 3u, "its transaction is lost: once more");
	}
}

Test(leg_renew, damaged_records_lose_only_it)
{
#define DAMAGED(what)                                                                                    \
	call_up(false);                                                                                  \
	want(RENEWAL_OF_HOLD, 5);                                                                        \
	what;                                                                                            \
	cr_assert_eq(leg_restore(leg, &cfg, 1500), 0, #what);                                            \
	cr_expect(leg->mended, #what);                                                                   \
	cr_expect_eq(leg->r.renewal.state, (uint32_t)RENEWAL_NONE, #what);                               \
	cr_expect_eq(leg->r.state, (uint32_t)LEG_CONFIRMED)

	DAMAGED(leg->r.renewal.state = RENEWAL_STATES);
	DAMAGED(leg->r.renewal.now.kind = RENEWAL_KINDS);
	DAMAGED(leg->r.renewal.now.kind = RENEWAL_OF_NOTHING);
	DAMAGED(leg->r.renewal.next.kind = RENEWAL_KINDS);
	DAMAGED(leg->r.renewal.now.count = SDP_CODECS + 1);
	DAMAGED((leg->r.renewal.now.count = 1, leg->r.renewal.now.codecs[0] = SDP_CODECS));
	DAMAGED(leg->r.renewal.now.count = 2);
	DAMAGED(memset(leg->r.renewal.reason, 'x', sizeof leg->r.renewal.reason));
	call_up(false);
	want(RENEWAL_OF_HOLD, 5);
	leg->r.renewal.at_ms = UINT64_MAX;
	cr_assert_eq(leg_restore(leg, &cfg, 1500), 0);
	cr_expect_eq(leg_renewal_due_ms(leg), 1500u + LEG_RENEW_MS, "it can not wait for ever");
}
