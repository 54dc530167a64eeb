/* test_leg.c - mirrors signaling/leg/leg.c and leg_rules.c: what a leg makes of an INVITE, and what it does when. */
#include "tests/unit/signaling/leg/kit.h"

TestSuite(leg, .init = setup, .fini = teardown);

Test(leg, keeps_what_control_wants_to_know) /* C034 C163 */
{
	cr_expect_str_eq(leg->r.from_uri, "sip:al@192.0.2.1");
	cr_expect_str_eq(leg->r.from_display, "Al");
	cr_expect_str_eq(leg->r.to_uri, "sip:echo@192.0.2.9");
	cr_expect_str_eq(leg->r.request_uri, "sip:echo@192.0.2.9");
	cr_expect_eq(leg->r.flow.listener, 3);
	cr_expect_eq(leg->r.source.port, 5060);
	cr_expect_eq(leg->r.invite_cseq, 7u);
	cr_expect_eq(leg->txn, 5u);
	cr_assert_eq(leg->r.header_count, 2u, "X- headers only");
	cr_expect(str_eq(leg_header_name(leg, 1), STR("x-odd")), "original casing");
	cr_expect(str_eq(leg_header_value(leg, 0), STR("r7")));
	cr_expect_eq(leg->r.choice.codec, SDP_PCMU);
}

/* Texts for people are cut at their room, and never lost. */
Test(leg, long_names_are_cut)
{
	for (size_t n = sizeof leg->r.from_display - 2; n <= sizeof leg->r.from_display + 1; n++) {
		size_t kept = n < sizeof leg->r.from_display ? n : sizeof leg->r.from_display - 1;
		char headers[512], name[256];

		memset(name, 'n', n);
		name[n] = '\0';
		snprintf(headers, sizeof headers, "Content-Type: application/sdp\r\n");
		from = name;
		cr_assert_eq(open_leg(headers, SDP), 0);
		from = "Al";
		cr_expect_eq(strlen(leg->r.from_display), kept, "%zu", n);
		cr_expect_eq(strspn(leg->r.from_display, "n"), kept);
	}
}

Test(leg, long_uris_are_cut)
{
	for (size_t n = sizeof leg->r.from_uri - 2; n <= sizeof leg->r.from_uri + 1; n++) {
		size_t kept = n < sizeof leg->r.from_uri ? n : sizeof leg->r.from_uri - 1;
		char text[512] = "\" <sip:", *at = text + strlen(text);

		memset(at, 'u', n - strlen("sip:"));
		strcpy(at + n - strlen("sip:"), ">;tag=f1\r\nSubject: \"");
		from = text;
		cr_assert_eq(open_leg("Content-Type: application/sdp\r\n", SDP), 0);
		from = "Al";
		cr_expect_eq(strlen(leg->r.from_uri), kept, "%zu", n);
		cr_expect(str_has_prefix(str_of(leg->r.from_uri), STR("sip:uuu")));
	}
}

/* A folded header is one line for the backend, and what has no room is left out. */
Test(leg, x_headers)
{
	static char many[8192];
	char *at = many;

	cr_assert_eq(open_leg("X-Long: a\r\n b\r\nX-: none\r\nXY-Other: x\r\nX: y\r\nContent-Type: application/sdp\r\n", SDP), 0);
	cr_assert_eq(leg->r.header_count, 3u);
	cr_expect(str_eq(leg_header_name(leg, 2), STR("X-Long")));
	cr_expect(str_eq(leg_header_value(leg, 2), STR("a   b")), "'%.*s'", (int)leg_header_value(leg, 2).n, leg_header_value(leg, 2).p);

	at += sprintf(at, "Content-Type: application/sdp\r\n");
	for (unsigned i = 0; i < LEG_HEADERS_MAX; i++)
		at += sprintf(at, "X-%u: v%u\r\n", i, i);
	cr_assert_eq(open_leg(many, SDP), 0);
	cr_assert_eq(leg->r.header_count, LEG_HEADERS_MAX);
	cr_expect(str_eq(leg_header_value(leg, LEG_HEADERS_MAX - 1), STR("v29")), "the first of them, with two of every INVITE here");
}

/* What is behind the last header was another request's. */
Test(leg, x_headers_are_of_this_request)
{
	static char many[4096];
	char *at = many;

	at += sprintf(at, "Subject: %01000d\r\nContent-Type: application/sdp\r\n", 0);
	for (unsigned i = 0; i < 8; i++)
		at += sprintf(at, "X-%u: v%u\r\n", i, i);
	cr_assert_eq(open_leg(many, SDP), 0);
	cr_assert_eq(leg->r.header_count, 10u);
	cr_assert_eq(open_leg("Content-Type: application/sdp\r\n", SDP), 0);
	cr_expect_eq(leg->r.header_count, 2u);
}

Test(leg, x_headers_fill_their_room)
{
	static char text[8192], big[LEG_TEXT_BYTES];
	/* what every INVITE here has: X-Room-ID r7, x-odd a */
	size_t left = LEG_TEXT_BYTES - strlen("X-Room-IDr7x-odda") - strlen("X-Big");

	for (size_t over = 0; over < 2; over++) {
		memset(big, 'b', left + over);
		big[left + over] = '\0';
		snprintf(text, sizeof text, "X-Big: %s\r\nContent-Type: application/sdp\r\n", big);
		cr_assert_eq(open_leg(text, SDP), 0);
		cr_expect_eq(leg->r.header_count, over ? 2u : 3u);
		cr_expect_eq(leg->r.text_used, over ? strlen("X-Room-IDr7x-odda") : LEG_TEXT_BYTES);
	}
}

static const char *long_text(size_t n)
{
	static char text[1024];

	memset(text, 'l', n);
	text[n] = '\0';
	return text;
}

static const char *long_offer(size_t n)
{
	static char text[LEG_OFFER_BYTES + 16];

	memset(text, 'o', n);
	memcpy(text, SDP "a=", strlen(SDP "a="));
	text[n] = '\0';
	return text;
}

Test(leg, refuses_what_it_can_not_answer)
{
	cr_expect_eq(open_leg("Content-Type: multipart/mixed;boundary=b\r\n", "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n"), 488, "no offer, and not none");
	cr_expect_eq(open_leg("Content-Type: application/sdp\r\n", "v=0\r\nm=audio x RTP/AVP 0\r\n"), 400, "no o=");
	cr_expect_eq(open_leg("Content-Type: application/sdp\r\n", HEAD "m=audio x RTP/AVP 0\r\n"), 488, "C097");
	call_id = long_text(SIP_CALL_ID_BYTES - 1);
	cr_expect_eq(open_leg("Content-Type: application/sdp\r\n", SDP), 0);
	call_id = long_text(SIP_CALL_ID_BYTES);
	cr_expect_eq(open_leg("Content-Type: application/sdp\r\n", SDP), 513, "a dialog that does not fit");
	call_id = "c1";
	cr_expect_eq(open_leg("Content-Type: application/sdp\r\n", long_offer(LEG_OFFER_BYTES)), 0);
	cr_expect_eq(leg->r.offer_bytes, LEG_OFFER_BYTES);
	cr_expect_eq(open_leg("Content-Type: application/sdp\r\n", long_offer(LEG_OFFER_BYTES + 1)), 513);
	cr_expect_eq(open_leg("Content-Type: application/sdp\r\n",
			      "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 18\r\n"), 488, "C082");
}

Test(leg, a_call_from_invite_to_bye) /* C160 C161 C164 C165 */
{
	feed(LEG_EV_INVITE, 0);
	cr_expect(did(LEG_FX_INCOMING));
	leg->ring_code = 180;
	feed(LEG_EV_RING, 10);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 180u);
	feed(LEG_EV_ANSWER, 20);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 200u);
	feed(LEG_EV_ACK, 30);
	cr_expect(did(LEG_FX_CONFIRMED));
	cr_expect_eq(leg->r.deadline_ms, UINT64_MAX, "C164: nothing is repeated after the ACK");
	feed(LEG_EV_BYE, 40);
	cr_expect(did(LEG_FX_OVER) && !did(LEG_FX_FREE), "kept until control knows");
	feed(LEG_EV_SETTLED, 50);
	cr_expect(did(LEG_FX_FREE));
	cr_expect_eq(leg->r.deadline_ms, UINT64_MAX);
}

Test(leg, repeats_the_200_until_it_gives_up) /* C170 C171 */
{
	static const uint64_t want[] = {500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500};

	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_ANSWER, 0);
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		cr_assert_eq(leg->r.deadline_ms, want[i], "repeat %zu at %lu", i, leg->r.deadline_ms);
		feed(LEG_EV_TIMER, want[i]);
		cr_assert(did(LEG_FX_REPEAT));
	}
	feed(LEG_EV_TIMER, leg->r.deadline_ms);
	cr_expect(did(LEG_FX_SEND_BYE) && did(LEG_FX_OVER));
	cr_expect_eq(leg->r.over.code, 408u);
}

Test(leg, bye_before_ack_stops_everything) /* C173 */
{
	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_ANSWER, 0);
	feed(LEG_EV_BYE, 100);
	cr_expect_eq(leg->r.state, (uint32_t)LEG_ENDED);
	feed(LEG_EV_TIMER, leg->r.deadline_ms);
	cr_expect_not(did(LEG_FX_REPEAT));
}

Test(leg, hanging_up_before_and_after_the_answer) /* C162 C190 */
{
	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_HANGUP, 10);
	cr_expect_not(did(LEG_FX_SEND_BYE), "there is no dialog to end");
	cr_expect_eq(code_of(LEG_FX_RESPOND), 480u);
	teardown();
	setup();
	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_ANSWER, 0);
	feed(LEG_EV_ACK, 0);
	feed(LEG_EV_HANGUP, 10);
	cr_expect(did(LEG_FX_SEND_BYE));
	feed(LEG_EV_SETTLED, 11);
	feed(LEG_EV_TIMER, leg->r.deadline_ms);
	cr_expect(did(LEG_FX_FREE), "even when nobody answers the BYE");
}

Test(leg, what_comes_after_the_end_changes_nothing) /* C146 */
{
	static const enum leg_event late[] = {LEG_EV_ACK, LEG_EV_ANSWER, LEG_EV_RING, LEG_EV_BYE, LEG_EV_REFRESH, LEG_EV_RESUME};

	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_ANSWER, 0);
	feed(LEG_EV_BYE, 10);
	for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
		cr_expect_not(leg_input(leg, late[i], &cfg, 20, &out));
		cr_expect_eq(out.n, 0u);
		cr_expect_eq(leg->r.state, (uint32_t)LEG_ENDED);
	}
}

Test(leg, hanging_up_waits_for_the_ack)
{
	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_ANSWER, 0);
	feed(LEG_EV_HANGUP, 10);
	cr_expect_not(did(LEG_FX_SEND_BYE), "RFC 3261 15: not before the ACK");
	feed(LEG_EV_ACK, 20);
	cr_expect(did(LEG_FX_SEND_BYE));
	feed(LEG_EV_SETTLED, 25);
	feed(LEG_EV_BYE_DONE, 30);
	cr_expect(did(LEG_FX_FREE));
}

Test(leg, cancel_before_and_after_the_answer) /* C166 */
{
	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_CANCEL, 10);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 487u);
	teardown();
	setup();
	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_ANSWER, 10);
	feed(LEG_EV_CANCEL, 20);
	cr_expect_eq(out.n, 0u, "the call is unaffected");
}

Test(leg, nobody_answers)
{
	feed(LEG_EV_INVITE, 1000);
	cr_expect_eq(leg->r.deadline_ms, 31000u);
	feed(LEG_EV_TIMER, 31000);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 480u);
}

/* The end is said again until control has it, and is the same each time. */
Test(leg, the_end_is_owed_until_control_knows)
{
	struct leg_end first;

	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_CANCEL, 10);
	first = leg->r.over;
	for (unsigned i = 0; i < 5; i++) {
		uint64_t at = leg->r.deadline_ms;

		feed(LEG_EV_TIMER, at);
		cr_assert(did(LEG_FX_OVER) && !did(LEG_FX_FREE));
		cr_expect_eq(out.n, 1u);
		cr_expect_eq(leg->r.deadline_ms, at + 2000);
		cr_expect_eq(memcmp(&first, &leg->r.over, sizeof first), 0);
	}
	feed(LEG_EV_REFUSAL_DONE, 15000);
	cr_expect_eq(out.n, 0u);
	feed(LEG_EV_SETTLED, 90000);
	cr_expect(did(LEG_FX_FREE) && out.n == 1);
}

/* A successor has to repeat it: the record stays until the ACK, or until nobody can be waiting for it any more. */
Test(leg, a_refusal_is_kept_until_its_ack) /* C139 C189 */
{
	for (int acknowledged = 0; acknowledged < 2; acknowledged++) {
		teardown();
		setup();
		feed(LEG_EV_INVITE, 0);
		feed(LEG_EV_CANCEL, 10);
		feed(LEG_EV_SETTLED, 20);
		cr_assert_not(did(LEG_FX_FREE));
		cr_expect(leg_is_over(leg));
		if (acknowledged)
			feed(LEG_EV_REFUSAL_DONE, 30);
		while (!acknowledged && !did(LEG_FX_FREE)) {
			cr_assert_leq(leg->r.deadline_ms, 40000u);
			cr_expect_not(did(LEG_FX_OVER), "control knows");
			feed(LEG_EV_TIMER, leg->r.deadline_ms);
		}
		cr_expect(did(LEG_FX_FREE));
	}
}

/* RFC 3261 13.3.1.1: a provisional response every minute, as long as it may ring. */
Test(leg, ringing_is_said_again_every_minute)
{
	unsigned again = 0;

	leg->ring_code = 180;
	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_RING, 500);
	while (leg->r.state == LEG_RINGING) {
		uint64_t at = leg->r.deadline_ms;

		cr_assert_leq(at, 300500u);
		feed(LEG_EV_TIMER, at);
		again += did(LEG_FX_REPEAT);
	}
	cr_expect_eq(again, 4u);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 480u);
}

/* C184 C149, RFC 3261 14.2 */
Test(leg, a_reinvite_that_changes_nothing_is_a_refresh)
{
	static const char *const changes[] = {
		"v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\n",
		"v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
		HEAD "m=audio 4000 RTP/AVP 8\r\n",
		SDP "a=sendonly\r\n", SDP "a=ptime:30\r\n", SDP "no line\r\n",
		SDP "a=rtcp:4005\r\n", SDP "a=rtcp:4001 IN IP4 192.0.2.7\r\n",
		HEAD "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n",
		HEAD "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMU/8000\r\n", HEAD "m=video 0 RTP/AVP 96\r\n" "m=audio 4000 RTP/AVP 0\r\n",
	};

	feed(LEG_EV_INVITE, 0);
	cr_expect_eq(reinvite(8, SDP), 500, "RFC 3261 14.2: the first one has no answer yet");
	feed(LEG_EV_ANSWER, 0);
	cr_expect_eq(reinvite(8, SDP), 491);
	feed(LEG_EV_ACK, 0);
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		struct leg before = *leg;
		bool bad = strstr(changes[i], "no line") != NULL;

		cr_expect_eq(reinvite(8, changes[i]), bad ? 488u : 0u, "%zu", i);
		cr_expect(bad || todo == LEG_ASK, "%zu", i);
		cr_expect_str_eq(leg->r.dialog.target, before.r.dialog.target);
		cr_expect_eq(leg->r.invite_cseq, 7u, "what waits changes nothing");
		*leg = before;
	}

	cr_assert_eq(reinvite(9, SDP "a=sendrecv\r\n"), 0);
	cr_expect_eq(todo, LEG_REFRESH_NOW);
	cr_expect_eq(leg->r.invite_cseq, 9u);
	cr_expect_eq(leg->txn, 6u, "the one its answer belongs to");
	cr_expect_str_eq(leg->r.dialog.target, "sip:al@192.0.2.1:5099", "C149");
	feed(LEG_EV_REFRESH, 1000);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 200u);
	cr_expect_eq(leg->r.deadline_ms, 1500u, "C170 holds for it too");
	cr_expect_eq(reinvite(10, SDP), 491);
	feed(LEG_EV_TIMER, 1500);
	cr_expect(did(LEG_FX_REPEAT));
	feed(LEG_EV_ACK, 1600);
	cr_expect_eq(leg->r.state, (uint32_t)LEG_CONFIRMED);
	cr_expect_not(did(LEG_FX_CONFIRMED), "control knows already");
}

static const char *print_answer(void)
{
	static char text[2048];
	struct buf b = buf_of(text, sizeof text - 1);

	leg->r.local_rtp = (struct addr){.family = ADDR_V4, .port = 30000, .ip = {198, 51, 100, 7}};
	cr_assert_eq(leg_print_answer(leg, &b), 0);
	text[b.n] = '\0';
	return text;
}

static unsigned version_of(const char *sdp)
{
	unsigned v = 0;

	cr_assert_eq(sscanf(sdp, "v=0\r\no=- %*u %u IN", &v), 1, "%s", sdp);
	return v;
}

/* S26: the codec and the keys in use stay while they are offered, in whatever order. */
Test(leg, s26_a_refresh_in_another_order)
{
	static const char first[] = HEAD "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n",
			  again[] = HEAD "m=audio 4000 RTP/AVP 9 8 96 0 101\r\na=rtpmap:96 telephone-event/8000\r\n"
					 "a=rtpmap:101 telephone-event/8000\r\n";

	cr_assert_eq(open_leg("Content-Type: application/sdp\r\n", first), 0);
	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_ANSWER, 0);
	(void)print_answer();
	feed(LEG_EV_ACK, 0);
	cr_assert_eq(reinvite(8, again), 0);
	feed(LEG_EV_REFRESH, 0);
	cr_expect(strstr(print_answer(), "m=audio 30000 RTP/AVP 0 101\r\n") != NULL, "%s", print_answer());
	cr_expect_eq(version_of(print_answer()), 1u, "our side is what it was");
}

/* S22 C092, RFC 3264 8: one more when our description is another, and the same number for the same text. */
Test(leg, s22_the_version_counts_changes)
{
	static const char more[] = SDP "m=video 5000 RTP/AVP 96\r\n";
	char small[40];
	struct buf none = buf_of(small, sizeof small);

	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_ANSWER, 0);
	cr_expect_eq(leg_print_answer(leg, &none), ERR_NOSPC);
	cr_expect_eq(leg->r.answer_version, 0u, "nothing was said");
	cr_expect_eq(version_of(print_answer()), 1u);
	feed(LEG_EV_ACK, 0);
	cr_assert_eq(reinvite(8, more), 0);
	cr_expect_eq(version_of(print_answer()), 2u);
	cr_expect(strstr(print_answer(), "m=video 0 RTP/AVP 96\r\n") != NULL);
	cr_expect_eq(version_of(print_answer()), 2u);
	cr_assert_eq(reinvite(9, more), 0);
	cr_expect_eq(version_of(print_answer()), 2u, "a refresh");
	cr_assert_eq(reinvite(10, SDP), 0);
	cr_expect_eq(version_of(print_answer()), 3u, "back to what it was is a change, too");
}

/* S13: what a refusal lacks. */
Test(leg, the_same_number_for_another_codec_is_a_change)
{
	static const char first[] = HEAD "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMU/8000\r\n",
			  other[] = HEAD "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMA/8000\r\n";

	cr_assert_eq(open_leg("Content-Type: application/sdp\r\n", first), 0);
	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_ANSWER, 0);
	feed(LEG_EV_ACK, 0);
	cr_expect_eq(reinvite(8, other), 0);
	cr_expect_eq(todo, LEG_ASK);
	cr_expect_eq(reinvite(9, long_offer(LEG_OFFER_BYTES + 1)), 488, "no room for it");
	cr_expect_eq(reinvite(10, first), 0);
}

/* The answer is what stands in the buffer behind whatever was there. */
Test(leg, an_answer_is_appended)
{
	char text[2048];
	struct buf b = buf_of(text, sizeof text);

	(void)print_answer();
	buf_z(&b, "something before it");
	cr_assert_eq(leg_print_answer(leg, &b), 0);
	cr_expect_eq(leg->r.answer_version, 1u);
	cr_expect(str_has_prefix(buf_str(&b), STR("something before itv=0\r\n")));
	leg->r.offer_bytes = 3;
	cr_expect_eq(leg_print_answer(leg, &b), ERR_SYNTAX);
}

Test(leg, s13_refusals_say_why)
{
	static const struct {
		const char *body;
		enum sdp_fit fit;
	} rows[] = {
		{HEAD "m=audio 4000 RTP/AVP 18\r\n", SDP_NO_FORMAT}, {HEAD "m=audio 4000 RTP/SAVP 0\r\n", SDP_NO_TRANSPORT},
		{HEAD "m=video 4000 RTP/AVP 0\r\n", SDP_NO_MEDIA}, {SDP "c=IN IP4 phone.example.com\r\n", SDP_NO_ADDRESS},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bring_to(LEG_CONFIRMED);
		cr_expect_eq(reinvite(8, rows[i].body), 488, "%zu", i);
		cr_expect_eq(fit, rows[i].fit, "%zu", i);
		cr_expect_eq(open_leg("Content-Type: application/sdp\r\n", rows[i].body), 488, "%zu", i);
		cr_expect_eq(fit, rows[i].fit, "%zu", i);
	}
	cr_expect_eq(open_leg("Content-Type: multipart/mixed;boundary=b\r\n", "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n"), 488);
	cr_expect_eq(fit, SDP_FITS, "there was no offer that could lack anything");
}

Test(leg, a_refresh_that_can_not_be_answered_leaves_the_call)
{
	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_ANSWER, 0);
	feed(LEG_EV_ACK, 0);
	feed(LEG_EV_REFRESH, 1000);
	feed(LEG_EV_UNSENT, 1000);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 500u);
	cr_expect_eq(leg->r.state, (uint32_t)LEG_CONFIRMED);
	cr_expect_eq(leg->r.deadline_ms, UINT64_MAX);
}

/* Silence is no answer: not even when ours can not be printed. */
Test(leg, an_answer_that_can_not_be_made_ends_the_call)
{
	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_ANSWER, 0);
	feed(LEG_EV_UNSENT, 0);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 500u);
	cr_expect_eq(leg->r.over.code, 500u);
	cr_expect_eq(leg->r.state, (uint32_t)LEG_REFUSED);
}

Test(leg, every_state_survives_every_event_and_ends_once)
{
	for (unsigned seed = 0; seed < 3000; seed++) {
		unsigned overs = 0, frees = 0;
		bool owed = false;

		cr_assert_eq(open_leg("Content-Type: application/sdp\r\n", SDP), 0);
		srand(seed);
		leg->wish.code = 486;
		leg->ring_code = 180;
		feed(LEG_EV_INVITE, 0);
		for (uint64_t step = 1; step < 60 && frees == 0; step++) {
			enum leg_event ev = (enum leg_event)(1 + rand() % (LEG_EVENTS - 1));

			(void)leg_input(leg, ev, &cfg, step * 1500, &out);
			overs += !owed && leg->r.over.owed;
			owed = leg->r.over.owed;
			for (uint32_t i = 0; i < out.n; i++) {
				frees += out.v[i].kind == LEG_FX_FREE;
			}
			cr_assert_lt(leg->r.state, (uint32_t)LEG_STATES);
			cr_assert_leq(overs, 1u, "seed %u: told twice that it is over", seed);
		}
		cr_assert(frees == 0 || overs == 1, "seed %u: freed without a word", seed);
	}
}

Test(leg, answer_is_made_from_the_stored_offer)
{
	cr_expect(strstr(print_answer(), "m=audio 30000 RTP/AVP 0\r\n") != NULL);
}
