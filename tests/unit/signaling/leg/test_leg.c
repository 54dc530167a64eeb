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

Test(leg, keeps_what_control_wants_to_know) /* C163 */
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
	cr_expect(did(LEG_FX_OVER) && did(LEG_FX_FREE));
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
	cr_expect_eq(code_of(LEG_FX_OVER), 408u);
}

Test(leg, bye_before_ack_stops_everything) /* C173 */
{
	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_ANSWER, 0);
	feed(LEG_EV_BYE, 100);
	cr_expect(did(LEG_FX_FREE));
	cr_expect_eq(leg->r.deadline_ms, UINT64_MAX);
}

Test(leg, hanging_up_waits_for_the_ack)
{
	feed(LEG_EV_INVITE, 0);
	feed(LEG_EV_ANSWER, 0);
	feed(LEG_EV_HANGUP, 10);
	cr_expect_not(did(LEG_FX_SEND_BYE), "RFC 3261 15: not before the ACK");
	feed(LEG_EV_ACK, 20);
	cr_expect(did(LEG_FX_SEND_BYE));
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

Test(leg, every_state_survives_every_event_and_ends_once)
{
	for (unsigned seed = 0; seed < 3000; seed++) {
		unsigned overs = 0, frees = 0;

		cr_assert_eq(open_leg("Content-Type: application/sdp\r\n", SDP), 0);
		srand(seed);
		leg->wish.code = 486;
		leg->ring_code = 180;
		feed(LEG_EV_INVITE, 0);
		for (uint64_t step = 1; step < 60 && frees == 0; step++) {
			enum leg_event ev = (enum leg_event)(1 + rand() % (LEG_EVENTS - 1));

			(void)leg_input(leg, ev, &cfg, step * 1500, &out);
			for (uint32_t i = 0; i < out.n; i++) {
				overs += out.v[i].kind == LEG_FX_OVER;
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
		[LEG_ENDING] = {LEG_EV_INVITE, LEG_EV_ANSWER, LEG_EV_ACK, LEG_EV_HANGUP},
	};

	cr_assert_eq(open_leg("Content-Type: application/sdp\r\n", SDP), 0);
	for (int i = 0; i < 4 && (i == 0 || path[state][i] != 0); i++)
		feed(path[state][i], 100);
	cr_assert_eq(leg->r.state, (uint32_t)state);
}

Test(leg, goes_on_from_its_record_in_every_state)
{
	for (unsigned state = LEG_ROUTING; state < LEG_ENDED; state++) {
		for (unsigned ev = 1; ev < LEG_EVENTS; ev++) {
			struct leg_effects first, second;
			struct leg *copy = calloc(1, sizeof *copy);
			bool a, b;

			bring_to((enum leg_state)state);
			copy->r = leg->r;
			cr_assert_eq(leg_restore(copy), 0, "%s", leg_state_name((enum leg_state)state));
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

Test(leg, damaged_records_are_refused)
{
	struct leg *copy = calloc(1, sizeof *copy);

	bring_to(LEG_CONFIRMED);
#define REFUSED(change)                                                                          \
	copy->r = leg->r;                                                                        \
	change;                                                                                  \
	cr_expect_eq(leg_restore(copy), ERR_CORRUPT, #change)
	REFUSED(copy->r.version++);
	REFUSED(copy->r.state = LEG_STATES);
	REFUSED(copy->r.state = 1000);
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
