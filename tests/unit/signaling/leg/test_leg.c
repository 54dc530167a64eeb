/* test_leg.c - mirrors signaling/leg: every state, every event, and going on from a record at each state. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "signaling/leg/leg.h"

#define INVITE                                                                                   \
	"INVITE sip:echo@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;rport\r\n"        \
	"From: \"Al\" <sip:al@192.0.2.1>;tag=f1\r\nTo: <sip:echo@192.0.2.9>\r\nCall-ID: c1\r\nCSeq: 7 INVITE\r\n"  \
	"Contact: <sip:al@192.0.2.1:5060>\r\nX-Room-ID: r7\r\nx-odd: a\r\nSubject: s\r\n"
#define SDP "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"

static const struct leg_config cfg = {.answer_timeout_ms = 30000};
static struct leg *leg;
static struct leg_effects out;

static int open_leg(const char *headers, const char *body)
{
	static char text[8192];
	static struct sip_msg msg;
	static struct sip_core core;
	static struct sip_packet packet;
	struct sip_effect e = {.kind = SIP_GOT_REQUEST, .txn = 5, .packet = &packet, .msg = &msg, .core = &core};
	int n = snprintf(text, sizeof text, INVITE "%sContent-Length: %zu\r\n\r\n%s", headers, strlen(body), body);

	packet = (struct sip_packet){.p = text, .n = (size_t)n, .source = {.family = ADDR_V4, .port = 5060}};
	cr_assert_eq(sip_parse(text, (size_t)n, &msg), 0);
	cr_assert_eq(sip_validate(&msg, &core).status, 0);
	memset(leg, 0, sizeof *leg);
	return leg_open(leg, &e, STR("ourtag"));
}

/* What a re-INVITE with this offer is answered; 0: 200. */
static int reinvite(unsigned cseq, const char *body)
{
	static char text[8192];
	static struct sip_msg msg;
	static struct sip_core core;
	static struct sip_packet packet;
	struct sip_effect e = {.kind = SIP_GOT_REQUEST, .txn = 6, .packet = &packet, .msg = &msg, .core = &core};
	int n = snprintf(text, sizeof text,
			 "INVITE sip:192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKb\r\n"
			 "From: <sip:al@192.0.2.1>;tag=f1\r\nTo: <sip:echo@192.0.2.9>;tag=ourtag\r\nCall-ID: c1\r\n"
			 "CSeq: %u INVITE\r\nContact: <sip:al@192.0.2.1:5099>\r\nContent-Type: application/sdp\r\n"
			 "Content-Length: %zu\r\n\r\n%s",
			 cseq, strlen(body), body);

	cr_assert_eq(sip_parse(text, (size_t)n, &msg), 0);
	cr_assert_eq(sip_validate(&msg, &core).status, 0);
	return leg_refresh(leg, &e);
}

static void setup(void)
{
	leg = calloc(1, sizeof *leg); /* 30 KB */
	cr_assert_eq(open_leg("Content-Type: application/sdp\r\n", SDP), 0);
}

static void teardown(void)
{
	free(leg);
}

TestSuite(leg, .init = setup, .fini = teardown);

static bool did(enum leg_fx_kind kind)
{
	for (uint32_t i = 0; i < out.n; i++)
		if (out.v[i].kind == kind)
			return true;
	return false;
}

static uint32_t code_of(enum leg_fx_kind kind)
{
	for (uint32_t i = 0; i < out.n; i++)
		if (out.v[i].kind == kind)
			return out.v[i].code;
	return 0;
}

static void feed(enum leg_event ev, uint64_t now)
{
	cr_assert(leg_input(leg, ev, &cfg, now, &out), "%s in %s", leg_event_name(ev), leg_state_name((enum leg_state)leg->r.state));
}

Test(leg, keeps_what_control_wants_to_know) /* C034 C163 */
{
	cr_expect_str_eq(leg->r.from_uri, "sip:al@192.0.2.1");
	cr_expect_str_eq(leg->r.from_display, "Al");
	cr_expect_str_eq(leg->r.request_uri, "sip:echo@192.0.2.9");
	cr_assert_eq(leg->r.header_count, 2u, "X- headers only");
	cr_expect(str_eq(leg_header_name(leg, 1), STR("x-odd")), "original casing");
	cr_expect(str_eq(leg_header_value(leg, 0), STR("r7")));
	cr_expect_eq(leg->choice.codec, SDP_PCMU);
}

Test(leg, refuses_what_it_can_not_answer)
{
	cr_expect_eq(open_leg("", ""), 488, "no offer");
	cr_expect_eq(open_leg("Content-Type: application/sdp\r\n", "v=0\r\nm=audio x RTP/AVP 0\r\n"), 400, "C097");
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
		"v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n",
		SDP "a=sendonly\r\n", SDP "a=ptime:30\r\n", SDP "a=rtpmap:x\r\n", "",
	};

	feed(LEG_EV_INVITE, 0);
	cr_expect_eq(reinvite(8, SDP), 500, "RFC 3261 14.2: the first one has no answer yet");
	feed(LEG_EV_ANSWER, 0);
	cr_expect_eq(reinvite(8, SDP), 491);
	feed(LEG_EV_ACK, 0);
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
		cr_expect_eq(reinvite(8, changes[i]), 488, "%zu", i);
	cr_expect_eq(leg->r.invite_cseq, 7u, "a refusal changes nothing");
	cr_expect_eq(leg->txn, 5u);

	cr_assert_eq(reinvite(9, SDP "a=sendrecv\r\n"), 0);
	cr_expect_eq(leg->r.invite_cseq, 9u);
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

static void bring_to(enum leg_state state)
{
	static const enum leg_event path[LEG_STATES][4] = {
		[LEG_ROUTING] = {LEG_EV_INVITE},
		[LEG_RINGING] = {LEG_EV_INVITE, LEG_EV_RING},
		[LEG_ANSWERED] = {LEG_EV_INVITE, LEG_EV_ANSWER},
		[LEG_HANGING] = {LEG_EV_INVITE, LEG_EV_ANSWER, LEG_EV_HANGUP},
		[LEG_CONFIRMED] = {LEG_EV_INVITE, LEG_EV_ANSWER, LEG_EV_ACK},
		[LEG_REFRESHED] = {LEG_EV_INVITE, LEG_EV_ANSWER, LEG_EV_ACK, LEG_EV_REFRESH},
		[LEG_ENDING] = {LEG_EV_INVITE, LEG_EV_ANSWER, LEG_EV_ACK, LEG_EV_HANGUP},
		[LEG_REFUSED] = {LEG_EV_INVITE, LEG_EV_CANCEL},
		[LEG_ENDED] = {LEG_EV_INVITE, LEG_EV_CANCEL, LEG_EV_REFUSAL_DONE},
	};

	cr_assert_eq(open_leg("Content-Type: application/sdp\r\n", SDP), 0);
	for (int i = 0; i < 4 && (i == 0 || path[state][i] != 0); i++)
		feed(path[state][i], 100);
	cr_assert_eq(leg->r.state, (uint32_t)state);
}

Test(leg, goes_on_from_its_record_in_every_state)
{
	for (unsigned state = LEG_ROUTING; state < LEG_STATES; state++) {
		for (unsigned ev = 1; ev < LEG_EVENTS; ev++) {
			struct leg_effects first, second;
			struct leg *copy = calloc(1, sizeof *copy);
			bool a, b;

			bring_to((enum leg_state)state);
			copy->r = leg->r;
			cr_assert_eq(leg_restore(copy, 200), 0, "%s", leg_state_name((enum leg_state)state));
			copy->wish = leg->wish;
			copy->ring_code = leg->ring_code;
			a = leg_input(leg, (enum leg_event)ev, &cfg, 200, &first);
			b = leg_input(copy, (enum leg_event)ev, &cfg, 200, &second);
			cr_expect_eq(a, b);
			cr_expect_eq(leg->r.state, copy->r.state);
			cr_expect_eq(first.n, second.n);
			free(copy);
		}
	}
}

static char packed[sizeof(struct leg_record)];

Test(leg, records_are_kept_without_what_is_unused)
{
	struct leg_record *back = malloc(sizeof *back);
	size_t n;

	bring_to(LEG_RINGING);
	memcpy(leg->r.context, "context", 7);
	leg->r.context_bytes = 7;
	for (unsigned i = 0; i < 2; i++) {
		n = leg_pack(&leg->r, packed);
		cr_expect_lt(n, 9000u, "%zu", n);
		cr_assert_eq(leg_unpack(packed, n, back), 0);
		cr_expect_eq(memcmp(back, &leg->r, sizeof *back), 0);
		for (size_t cut = 0; cut < n; cut++)
			cr_assert_eq(leg_unpack(packed, cut, back), ERR_CORRUPT);
		cr_assert_eq(leg_unpack(packed, n + 1, back), ERR_CORRUPT);
		leg->r.has_txn = 1; /* the second time with its transaction */
		leg->r.server.skeleton.bytes = 5;
		memcpy(leg->r.server.skeleton.text, "abcde", 5);
		leg->r.server.head.response_bytes = 3;
		memcpy(leg->r.server.response, "xyz", 3);
	}
	/* all of it fits, and not one octet more */
	leg->r.text_used = LEG_TEXT_BYTES;
	leg->r.offer_bytes = LEG_OFFER_BYTES;
	leg->r.context_bytes = LEG_CONTEXT_BYTES;
	leg->r.server.skeleton.bytes = SIP_SKELETON_BYTES;
	leg->r.server.head.response_bytes = SIP_RESPONSE_BYTES;
	n = leg_pack(&leg->r, packed);
	cr_assert_leq(n, sizeof packed);
	cr_assert_eq(leg_unpack(packed, n, back), 0);
	cr_expect_eq(memcmp(back->server.response, leg->r.server.response, SIP_RESPONSE_BYTES), 0);
	free(back);
}

Test(leg, packed_records_are_hostile)
{
	struct leg_record *back = malloc(sizeof *back);

	bring_to(LEG_ANSWERED);
	srand(3);
	for (unsigned round = 0; round < 20000; round++) {
		size_t n = leg_pack(&leg->r, packed), size = (size_t)rand() % sizeof packed;
		char *exact;

		for (unsigned i = 0; i < 6; i++)
			packed[(size_t)rand() % n] = (char)rand();
		size = round % 2 == 0 ? n : size;
		exact = malloc(size + 1);
		memcpy(exact, packed, size);
		(void)!leg_unpack(exact, size, back);
		free(exact);
	}
	free(back);
}

Test(leg, damaged_records_are_refused)
{
	struct leg *copy = calloc(1, sizeof *copy);

	bring_to(LEG_CONFIRMED);
#define REFUSED(change)                                                                          \
	copy->r = leg->r;                                                                        \
	change;                                                                                  \
	cr_expect_eq(leg_restore(copy, 200), ERR_CORRUPT, #change)
	REFUSED(copy->r.version++);
	REFUSED(copy->r.state = LEG_ENDED); /* and nothing is owed */
	REFUSED(copy->r.state = 1000);
	REFUSED(copy->r.deadline_ms = 0);
	REFUSED(copy->r.state = LEG_ANSWERED); /* it would never end */
	REFUSED((copy->r.state = LEG_ANSWERED, copy->r.deadline_ms = 300, copy->r.interval_ms = 0));
	REFUSED((copy->r.state = LEG_ANSWERED, copy->r.deadline_ms = 300, copy->r.give_up_ms = UINT64_MAX));
	REFUSED(copy->r.source.family = ADDR_FAMILIES);
	REFUSED(copy->r.flow.transport = SIP_TRANSPORTS);
	REFUSED(copy->r.local_rtp.family = ADDR_FAMILIES);
	REFUSED(memset(copy->r.over.reason, 'x', sizeof copy->r.over.reason));
	REFUSED(copy->r.offer_bytes = LEG_OFFER_BYTES + 1);
	REFUSED(copy->r.offer_bytes = 3);
	REFUSED(copy->r.context_bytes = LEG_CONTEXT_BYTES + 1);
	REFUSED(copy->r.header_count = LEG_HEADERS_MAX + 1);
	REFUSED(copy->r.header_at[0][2] = LEG_TEXT_BYTES);
	REFUSED(memset(copy->r.dialog.call_id, 'x', sizeof copy->r.dialog.call_id));
	REFUSED(memset(copy->r.from_uri, 'x', sizeof copy->r.from_uri));
	free(copy);
}

Test(leg, answer_is_made_from_the_stored_offer)
{
	char text[2048];
	struct buf b = buf_of(text, sizeof text - 1);
	struct addr local = {.family = ADDR_V4, .port = 30000, .ip = {198, 51, 100, 7}};

	cr_assert_eq(leg_print_answer(leg, &local, &b), 0);
	text[b.n] = '\0';
	cr_expect(strstr(text, "m=audio 30000 RTP/AVP 0\r\n") != NULL);
}
