/* test_asking.c - mirrors signaling/daemon/ask_effects.c and from_asks.c: requests of ours in a dialog, as peer and successor see
 * them. */
#include <criterion/criterion.h>

#include "common/base/log.h"
#include "signaling/daemon/ask_effects.h"
#include "tests/unit/signaling/daemon/scene.h"

static void world(void)
{
	scene_open(79);
}

TestSuite(asking, .init = world, .fini = storm_close);

static int ask(enum ask_kind kind, uint64_t token)
{
	struct ask_request r = {.kind = kind, .token = token, .type = STR("text/plain"), .body = STR("hi")};

	if (kind == ASK_NOTIFY)
		r.lines = STR("Event: refer\r\nSubscription-State: active\r\n");
	return asks_send(&storm->s, leg(), &r);
}

static bool is(const char *message, const char *line)
{
	return strncmp(message, line, strlen(line)) == 0;
}

Test(asking, one_is_asked_and_answered)
{
	char first[STORM_BYTES];

	scene_call_up();
	cr_assert_eq(ask(ASK_INFO, 7), 0);
	(void)strcpy(first, said());
	cr_expect(is(first, "INFO sip:") && strstr(first, "\r\nCSeq: 1 INFO\r\n") != NULL, "%s", first);
	cr_expect_eq(ask(ASK_INFO, 8), ERR_AGAIN);
	storm_pass(500);
	cr_expect_str_eq(said(), first, "until it is answered");
	reply(first, "200 OK");
	cr_expect_eq(leg()->r.ask_last[ASK_INFO].token, 7u);
	cr_expect_eq(leg()->r.ask_last[ASK_INFO].code, 200u);
	cr_assert_eq(ask(ASK_INFO, 8), 0);
	cr_expect(strstr(said(), "\r\nCSeq: 2 INFO\r\n") != NULL);
}

Test(asking, before_the_ack_it_waits)
{
	storm_invite(0, storm_sdp);
	deliver_all();
	storm_control(1, leg()->r.handle);
	deliver_all();
	cr_assert_eq(leg()->r.state, (uint32_t)LEG_ANSWERED);
	cr_assert_eq(ask(ASK_INFO, 7), 0);
	cr_expect_str_eq(said(), "");
	storm_ack(0);
	storm_kill();
	storm_deliver(0, false, true);
	cr_expect(is(said(), "INFO sip:"));
}

Test(asking, a_successor_sends_the_same_again)
{
	char first[STORM_BYTES];

	scene_call_up();
	cr_assert_eq(ask(ASK_INFO, 7), 0);
	(void)strcpy(first, said());
	storm_kill();
	storm_pass(500); /* what left in the same instant is lost */
	cr_expect_str_eq(said(), first);
	reply(first, "200 OK");
	cr_expect_eq(leg()->r.ask_last[ASK_INFO].code, 200u);
	storm_kill();
	cr_expect_str_eq(said(), "", "what was answered is not sent again");
	cr_expect_eq(leg()->r.ask_last[ASK_INFO].token, 7u);
	cr_expect_eq(storm->values[STAT_signaling_legs_impossible], 0u);
}

Test(asking, notifies_follow_each_other)
{
	char text[STORM_BYTES];

	scene_call_up();
	for (unsigned i = 0; i < ASK_NOTIFY_SLOTS; i++)
		cr_assert_eq(ask(ASK_NOTIFY, 10 + i), 0);
	cr_expect_eq(ask(ASK_NOTIFY, 99), ERR_AGAIN);
	for (unsigned i = 0; i < ASK_NOTIFY_SLOTS; i++) {
		char cseq[64];

		(void)snprintf(cseq, sizeof cseq, "\r\nCSeq: %u NOTIFY\r\n", i + 1);
		if (i == 2) {
			storm_kill();
			storm_pass(500);
		}
		(void)strcpy(text, said());
		cr_expect(strstr(text, cseq) != NULL, "%s", text);
		reply(text, "200 OK");
		cr_expect_eq(leg()->r.ask_last[ASK_NOTIFY].token, 10u + i);
	}
	cr_expect_str_eq(said(), "");
}

/* RFC 5057: the dialog is gone for the peer. */
Test(asking, who_knows_no_call_is_told_goodbye)
{
	scene_call_up();
	cr_assert_eq(ask(ASK_MESSAGE, 1), 0);
	reply(said(), "481 Gone");
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED, "a message is nothing to the call");
	cr_assert_eq(ask(ASK_INFO, 1), 0);
	reply(said(), "500 No");
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
	cr_assert_eq(ask(ASK_INFO, 2), 0);
	reply(said(), "481 Gone");
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_ENDING);
	cr_expect_eq(leg()->r.over.code, 481u);
	cr_expect(is(said(), "BYE sip:"));
}

Test(asking, nobody_answers)
{
	scene_call_up();
	cr_assert_eq(ask(ASK_UPDATE, 1), 0);
	for (unsigned i = 0; i < 40 && leg()->r.state == LEG_CONFIRMED; i++) {
		storm->net_count = 0;
		storm_pass(1000);
	}
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_ENDING);
	cr_expect_eq(leg()->r.over.code, 408u);
	cr_expect_eq(leg()->r.ask_last[ASK_UPDATE].code, 408u);
}

/* The call ends while something is out: its answer is nothing to anybody, and the BYE has its own. */
Test(asking, an_end_in_between)
{
	char first[STORM_BYTES], bye[STORM_BYTES];

	scene_call_up();
	cr_assert_eq(ask(ASK_INFO, 1), 0);
	(void)strcpy(first, said());
	storm_control(3, leg()->r.handle);
	(void)strcpy(bye, said());
	cr_expect(is(bye, "BYE sip:"));
	reply(first, "481 Gone");
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_ENDING, "not the answer to the BYE");
	reply(bye, "401 Who");
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_ENDED, "there is no login");
	cr_expect_eq(storm->values[STAT_signaling_legs_impossible], 0u);
}

Test(asking, a_challenge_without_login_is_the_answer)
{
	scene_call_up();
	cr_assert_eq(ask(ASK_INFO, 3), 0);
	reply(said(), "407 Who");
	cr_expect_str_eq(said(), "");
	cr_expect_eq(leg()->r.ask_last[ASK_INFO].code, 407u);
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
}
