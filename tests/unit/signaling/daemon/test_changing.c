/* test_changing.c - mirrors signaling/daemon/from_change.c: single scenes of calls that change, as peer, control and successor see
 * them. */
#include <criterion/criterion.h>

#include "common/base/log.h"
#include "tests/unit/signaling/daemon/scene.h"

static void world(void)
{
	scene_open(78);
}

TestSuite(changing, .init = world, .fini = storm_close);

static struct storm_leg *control(void)
{
	struct storm_leg *l = storm_known(leg()->r.handle);

	cr_assert(l != NULL);
	return l;
}

/* What the peer sends arrives; its answer stays on the net. */
static void arrive(void)
{
	for (uint32_t n = storm->net_count; n > 0; n--)
		storm_deliver(0, false, true);
}

static bool is(const char *message, const char *line)
{
	return strncmp(message, line, strlen(line)) == 0;
}

static const char other[] = "m=audio 30000 RTP/AVP 8\r\n";

/* C184: after the word of control and not before; asked again every two seconds. */
Test(changing, C184_by_reinvite)
{
	const char *text;

	scene_call_up();
	storm_invite(0, storm_other_sdp);
	arrive();
	cr_expect(is(said(), "SIP/2.0 100 "));
	cr_expect_eq(control()->offered, 2u);
	control()->offered = 0;
	storm_pass(2000);
	cr_expect_eq(control()->offered, 2u, "again");
	cr_expect_str_eq(said(), "");
	storm_decide(control(), true);
	text = said();
	cr_expect(is(text, "SIP/2.0 200 ") && strstr(text, other) != NULL && strstr(text, "a=recvonly\r\n") != NULL, "%s", text);
	storm_pass(500);
	cr_expect(is(said(), "SIP/2.0 200 "), "until the ACK");
	storm_decide(control(), false);
	cr_expect_str_eq(said(), "", "it waits no more");
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_REFRESHED);
}

/* C184 C215 */
Test(changing, C184_refused)
{
	scene_call_up();
	storm_invite(0, storm_other_sdp);
	arrive();
	(void)said();
	storm_decide(control(), false);
	cr_expect(is(said(), "SIP/2.0 488 "));
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
	storm->callers[0].invites[2].final = 488;
	storm_ack(0);
	arrive();
	storm_pass(60000);
	cr_expect_eq(storm->values[STAT_signaling_legs_impossible], 0u);
	cr_expect_eq(leg()->r.choice.rtp.port, 4000u);
}

/* C181 C185 */
Test(changing, C181_by_update)
{
	const char *text;

	scene_call_up();
	storm_say(0, "UPDATE", storm_other_sdp);
	arrive();
	cr_expect_str_eq(said(), "", "it waits");
	storm_say(0, "UPDATE", storm_other_sdp);
	arrive();
	text = said();
	cr_expect(is(text, "SIP/2.0 500 ") && strstr(text, "\r\nRetry-After: ") != NULL, "%s", text);
	storm_say(0, "UPDATE", "");
	arrive();
	text = said();
	cr_expect(is(text, "SIP/2.0 200 ") && strstr(text, "Content-Length: 0\r\n") != NULL, "the target alone: %s", text);
	storm_decide(control(), true);
	text = said();
	cr_expect(is(text, "SIP/2.0 200 ") && strstr(text, other) != NULL && strstr(text, "\r\nContact: <sip:") != NULL, "%s", text);
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
	storm_pass(60000);
	cr_expect_str_eq(said(), "", "an UPDATE has no ACK");
}

/* Whatever dies, and whenever: the same request gets the answer. */
Test(changing, C184_over_deaths)
{
	for (unsigned update = 0; update < 2; update++) {
		struct storm_packet again;
		const char *text;

		storm_close();
		world();
		scene_call_up();
		if (update)
			storm_say(0, "UPDATE", storm_other_sdp);
		else
			storm_invite(0, storm_other_sdp);
		again = storm->net[0];
		arrive();
		(void)said();
		storm_kill();
		cr_assert_eq(leg()->r.state, (uint32_t)LEG_OFFERED);
		cr_expect_eq(control()->offered, 2u, "in the roster");
		storm_post(true, 0, again.p, again.n);
		arrive();
		cr_expect(update ? storm->net_count == 0 : is(said(), "SIP/2.0 100 "));
		storm_decide(control(), true);
		text = said();
		cr_expect(is(text, "SIP/2.0 200 ") && strstr(text, other) != NULL, "%s", text);
		storm_kill();
		cr_expect_eq(control()->agreed, 2u, "in the roster, too");
		storm->net_count = 0;
		storm_post(true, 0, again.p, again.n);
		arrive();
		if (!update)
			storm_pass(500); /* RFC 6026: by time alone */
		text = said();
		cr_expect(is(text, "SIP/2.0 200 ") && strstr(text, other) != NULL, "lost on its way, and asked for again: %s", text);
	}
}

/* An UPDATE that was decided on while its transaction was lost. */
Test(changing, an_answer_without_a_question)
{
	struct storm_packet again;

	scene_call_up();
	storm_say(0, "UPDATE", storm_other_sdp);
	again = storm->net[0];
	arrive();
	storm_kill();
	storm_decide(control(), false);
	cr_expect_str_eq(said(), "");
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
	storm_post(true, 0, again.p, again.n);
	arrive();
	cr_expect(is(said(), "SIP/2.0 488 "));
}

Test(changing, withdrawn)
{
	scene_call_up();
	storm_invite(0, storm_other_sdp);
	arrive();
	(void)said();
	storm_request(0, "CANCEL", 2, storm->callers[0].invites[2].branch, "");
	arrive();
	cr_expect(is(said(), "SIP/2.0 487 "));
	cr_expect_eq(control()->agreed, 3u);
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
	storm->callers[0].invites[2].final = 487;
	storm_ack(0);
	arrive();
	storm->control_up = false;
	storm_invite(0, storm_other_sdp);
	arrive();
	(void)said();
	storm_pass(31000);
	cr_expect(is(said(), "SIP/2.0 500 "), "nobody decided");
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
}
