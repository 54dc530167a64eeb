/* test_late.c - mirrors signaling/leg/late.c: offers of ours in a 2xx, and answers in the ACK. */
#include <string.h>

#include "tests/unit/signaling/leg/kit.h"

static void setup_late(void)
{
	leg = calloc(1, sizeof *leg);
	cr_assert_eq(open_leg("", ""), 0);
	leg->r.handle = 0x10000000f;
	leg->r.local_rtp = (struct addr){.family = ADDR_V4, .port = 30000, .ip = {198, 51, 100, 7}};
}

TestSuite(leg_late, .init = setup_late, .fini = teardown);

#define ANSWER HEAD "m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"

static const char *offer(void)
{
	static char text[LEG_LATE_BYTES];
	struct buf b = buf_of(text, sizeof text - 1);

	cr_assert(leg_owes_offer(leg));
	cr_assert_eq(leg_print_offer(leg, &b), 0);
	text[b.n] = '\0';
	return text;
}

static unsigned version_of(const char *sdp)
{
	unsigned v = 0;

	cr_assert_eq(sscanf(sdp, "v=0\r\no=- %*u %u IN", &v), 1);
	return v;
}

static void answer_it(void)
{
	feed(LEG_EV_INVITE, 100);
	feed(LEG_EV_ANSWER, 200);
	cr_assert_eq(code_of(LEG_FX_RESPOND), 200u);
}

static void confirm_it(void)
{
	answer_it();
	(void)offer();
	feed(acknowledged(ANSWER), 300);
	cr_assert_eq(leg->r.state, (uint32_t)LEG_CONFIRMED);
}

/* C188 S25, RFC 6337 pattern 3: INVITE, 2xx with the offer, ACK with the answer. */
Test(leg_late, C188_an_invite_without_an_offer)
{
	const char *sdp;

	cr_expect_not(leg_is_agreed(&leg->r));
	answer_it();
	sdp = offer();
	cr_expect_eq(version_of(sdp), 1u);
	cr_expect(strstr(sdp, "m=audio 30000 RTP/AVP 0 8 101\r\n") != NULL, "%s", sdp);
	cr_expect(strstr(sdp, "a=sendrecv\r\n") != NULL);
	cr_assert_eq(acknowledged(ANSWER), LEG_EV_ACK_AGREED);
	feed(LEG_EV_ACK_AGREED, 300);
	cr_expect(did(LEG_FX_AGREED) && did(LEG_FX_CONFIRMED));
	cr_expect(leg_is_agreed(&leg->r));
	cr_expect_eq(leg_generation(&leg->r), 1u);
	cr_expect_eq(leg->r.choice.codec, (uint32_t)SDP_PCMA);
	cr_expect_eq(leg->r.choice.rtp.port, 4000u);
	cr_expect_eq(acknowledged(ANSWER), LEG_EV_ACK, "the ACK again");
	cr_expect_eq(acknowledged(HEAD "m=audio 4002 RTP/AVP 8\r\n"), LEG_EV_ACK, "and another one");
	cr_expect_eq(leg->r.choice.rtp.port, 4000u);
}

/* RFC 3262 5: a reliable 180 would have to make the offer. */
Test(leg_late, ringing_that_only_control_hears_of)
{
	leg->r.reliable.caller = RELIABLE_REQUIRED;
	feed(LEG_EV_INVITE, 100);
	leg->ring_code = 180;
	feed(LEG_EV_RING, 200);
	cr_expect(did(LEG_FX_RINGING) && !did(LEG_FX_RESPOND));
	cr_expect_eq(leg->r.state, (uint32_t)LEG_RINGING);
	cr_expect_eq(leg->r.reliable.out.waits, 0u);
	feed(LEG_EV_TIMER, 200 + 60000);
	cr_expect_not(did(LEG_FX_REPEAT));
	feed(LEG_EV_ANSWER, 61000);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 200u);
	cr_expect(strstr(offer(), "m=audio") != NULL);
}

Test(leg_late, C188_answers_that_end_it)
{
	static const char *const bodies[] = {
		"", "v=0\r\n", HEAD, HEAD "m=audio 0 RTP/AVP 8\r\n", HEAD "m=audio 4000 RTP/AVP 18\r\n",
		HEAD "m=video 4000 RTP/AVP 96\r\n", HEAD "m=audio 4000 RTP/AVP 8\r\nm=video 4000 RTP/AVP 96\r\n",
		HEAD "m=audio 4000 RTP/SAVP 8\r\n",
	};

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		teardown();
		setup_late();
		answer_it();
		(void)offer();
		cr_assert_eq(acknowledged(bodies[i]), LEG_EV_ACK_MISFIT, "%zu", i);
		feed(LEG_EV_ACK_MISFIT, 300);
		cr_expect(did(LEG_FX_SEND_BYE) && did(LEG_FX_OVER));
		cr_expect_not(did(LEG_FX_CONFIRMED));
		cr_expect_eq(leg->r.state, (uint32_t)LEG_ENDING);
		cr_expect_eq(leg->r.over.code, 488u);
		cr_expect_not(leg_is_agreed(&leg->r));
	}
}

Test(leg_late, no_offer_that_can_be_made)
{
	struct buf b = buf_of((char[64]){0}, 64);

	answer_it();
	cr_expect_neq(leg_print_offer(leg, &b), 0, "no room");
	cr_expect_not(leg_owes_offer(leg));
	feed(LEG_EV_UNSENT, 200);
	cr_expect_eq(code_of(LEG_FX_RESPOND), 500u);
}

/* RFC 3261 14.2: what is in force is offered, all that we can of it; the version counts changes. */
Test(leg_late, C188_a_reinvite_without_an_offer)
{
	const char *sdp;
	unsigned first;

	bring_to(LEG_CONFIRMED); /* their offer, without telephone-event */
	leg->r.local_rtp = (struct addr){.family = ADDR_V4, .port = 30000, .ip = {198, 51, 100, 7}};
	cr_assert_eq(leg_print_answer(leg, &(struct buf){.p = (char[1024]){0}, .cap = 1024}), 0);
	cr_expect_eq(leg->r.answer_version, 1u);
	cr_assert_eq(reinvite(8, ""), 0);
	cr_expect_eq(todo, LEG_REFRESH_NOW);
	feed(LEG_EV_REFRESH, 1000);
	sdp = offer();
	first = version_of(sdp);
	cr_expect_eq(first, 2u, "the list is longer than the answer was");
	cr_expect(strstr(sdp, "m=audio 30000 RTP/AVP 0 8 101\r\n") != NULL, "%s", sdp);
	cr_expect_str_eq(leg->r.dialog.target, contact, "C149");
	feed(acknowledged(SDP), 1100);
	cr_expect_not(did(LEG_FX_AGREED), "it is what was in force");
	cr_expect_eq(leg_generation(&leg->r), 1u);
	cr_assert_eq(reinvite(9, ""), 0);
	feed(LEG_EV_REFRESH, 1200);
	cr_expect_eq(version_of(offer()), first, "the same again");
	feed(acknowledged(SDP "a=sendonly\r\n"), 1300);
	cr_expect(did(LEG_FX_AGREED));
	cr_expect_not(did(LEG_FX_CONFIRMED));
	cr_expect_eq(leg_generation(&leg->r), 2u);
	cr_expect_eq(leg->r.choice.direction, (uint32_t)SDP_RECVONLY);
	cr_assert_eq(reinvite(10, ""), 0);
	feed(LEG_EV_REFRESH, 1400);
	cr_expect(strstr(offer(), "a=sendrecv\r\n") != NULL, "who is held does not hold (RFC 6337 5.3)");
	feed(acknowledged(HEAD "m=audio 4004 RTP/AVP 8\r\n"), 1500);
	cr_expect_eq(leg_generation(&leg->r), 3u);
	cr_expect_eq(leg->r.choice.codec, (uint32_t)SDP_PCMA);
	cr_assert_eq(reinvite(11, SDP), 0, "then one of theirs");
	cr_expect_eq(todo, LEG_ASK);
	feed(LEG_EV_OFFER, 1600);
	feed(LEG_EV_ACCEPT, 1700);
	cr_expect_eq(leg_generation(&leg->r), 4u);
	cr_expect_eq(leg->r.late.ours, 0u);
}

Test(leg_late, a_reinvite_whose_answer_does_not_fit)
{
	static const char *const bodies[] = {"", HEAD "m=audio 0 RTP/AVP 0\r\n", HEAD "m=audio 4002 RTP/AVP 18\r\n"};

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		bring_to(LEG_CONFIRMED);
		leg->r.local_rtp = (struct addr){.family = ADDR_V4, .port = 30000, .ip = {198, 51, 100, 7}};
		cr_assert_eq(reinvite(8, ""), 0);
		feed(LEG_EV_REFRESH, 1000);
		(void)offer();
		cr_expect_eq(acknowledged(bodies[i]), LEG_EV_ACK, "%zu", i);
		feed(LEG_EV_ACK, 1100);
		cr_expect_eq(leg->r.state, (uint32_t)LEG_CONFIRMED, "the session stays");
		cr_expect_eq(leg->r.choice.rtp.port, 4000u);
		cr_expect_eq(leg_generation(&leg->r), 1u);
		cr_expect_eq(reinvite(9, SDP), 0);
	}
}

/* RFC 3264 8, 8.3.2: lines and numbers stay. */
Test(leg_late, the_offer_has_the_lines_of_before)
{
	const char *sdp;

	cr_assert_eq(open_leg("Content-Type: application/sdp\r\n",
			      HEAD "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
				   "m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/8000\r\n"), 0);
	leg->r.local_rtp = (struct addr){.family = ADDR_V4, .port = 30000, .ip = {198, 51, 100, 7}};
	answer_it();
	feed(LEG_EV_ACK, 300);
	cr_assert_eq(reinvite(8, ""), 0);
	feed(LEG_EV_REFRESH, 1000);
	sdp = offer();
	cr_expect(strstr(sdp, "m=video 0 RTP/AVP 96\r\nm=audio 30000 RTP/AVP 0 8 97\r\n") != NULL, "%s", sdp);
	feed(acknowledged(HEAD "m=video 0 RTP/AVP 96\r\nm=audio 4002 RTP/AVP 0 97\r\n"), 1100);
	cr_expect_eq(leg->r.choice.media, 1u);
	cr_expect_eq(leg->r.choice.rtp.port, 4002u);
	cr_expect_eq(leg->r.choice.dtmf_payload_type, 97u);
	cr_expect_eq(leg_restore(leg, &cfg, 1200), 0);
}

Test(leg_late, a_reinvite_at_a_bad_time_owes_nothing)
{
	for (unsigned state = LEG_ROUTING; state < LEG_STATES; state++) {
		bring_to((enum leg_state)state);
		cr_expect_eq(reinvite(20, "") == 0, state == LEG_CONFIRMED, "%s", leg_state_name((enum leg_state)state));
		cr_expect_eq(leg_owes_offer(leg), state == LEG_CONFIRMED);
	}
}

Test(leg_late, hanging_up_waits_for_the_ack)
{
	answer_it();
	(void)offer();
	feed(LEG_EV_HANGUP, 250);
	cr_assert_eq(acknowledged(""), LEG_EV_ACK, "whatever is in it");
	feed(LEG_EV_ACK, 300);
	cr_expect(did(LEG_FX_SEND_BYE));
}

/* ---- its record ---- */

static void successor(void)
{
	static char packed[LEG_PACKED_BYTES];
	static struct sip_client_record client;
	size_t n = leg_pack(&leg->r, NULL, packed);
	bool has_client;

	memset(leg, 0x55, sizeof leg->r);
	cr_assert_eq(leg_unpack(packed, n, &leg->r, &client, &has_client), 0);
	cr_assert_eq(leg_restore(leg, &cfg, 400), 0);
	cr_expect_not(leg->mended);
}

Test(leg_late, it_goes_on_after_every_death)
{
	feed(LEG_EV_INVITE, 100);
	successor();
	cr_assert(leg_owes_offer(leg));
	feed(LEG_EV_ANSWER, 200);
	(void)offer();
	successor();
	feed(acknowledged(ANSWER), 300);
	cr_assert_eq(leg->r.state, (uint32_t)LEG_CONFIRMED);
	successor();
	cr_expect(leg_is_agreed(&leg->r));
	cr_expect_eq(leg->r.choice.codec, (uint32_t)SDP_PCMA);
	cr_assert_eq(reinvite(8, ""), 0);
	feed(LEG_EV_REFRESH, 400);
	(void)offer();
	successor();
	feed(acknowledged(SDP), 400);
	cr_expect_eq(leg_generation(&leg->r), 2u);
	successor();
	cr_expect_eq(leg_generation(&leg->r), 2u);
}

Test(leg_late, what_is_no_record_of_it)
{
	static struct leg_record good;

	confirm_it();
	good = leg->r;
	leg->r.late.stage = LEG_LATE_STAGES;
	cr_expect_eq(leg_restore(leg, &cfg, 400), ERR_CORRUPT);
	leg->r = good;
	leg->r.late.bytes = LEG_LATE_BYTES + 1;
	cr_expect_eq(leg_restore(leg, &cfg, 400), ERR_CORRUPT);
	leg->r = good;
	leg->r.late.stage = LEG_LATE_OUT;
	leg->r.late.bytes = 3;
	cr_expect_eq(leg_restore(leg, &cfg, 400), ERR_CORRUPT);
	leg->r = good;
	leg->r.choice.rtp.family = ADDR_NONE;
	cr_expect_eq(leg_restore(leg, &cfg, 400), ERR_CORRUPT, "confirmed, and nothing agreed on");
	leg->r = good;
	leg->r.choice.codec = SDP_CODECS;
	cr_expect_eq(leg_restore(leg, &cfg, 400), ERR_CORRUPT);
}
