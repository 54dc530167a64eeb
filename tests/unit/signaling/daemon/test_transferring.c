/* test_transferring.c - mirrors signaling/daemon/from_refer.c: transfers as peer, control and successor see them. */
#include <criterion/criterion.h>

#include "common/base/log.h"
#include "signaling/leg/refer.h"
#include "tests/unit/signaling/daemon/scene.h"

static void world(void)
{
	scene_open(81);
}

TestSuite(transferring, .init = world, .fini = storm_close);

/* All that was sent since it was asked last. */
static const char *said_all(void)
{
	static char text[8 * STORM_BYTES];
	size_t n = 0;

	for (uint32_t i = 0; i < storm->net_count; i++) {
		const struct storm_packet *k = &storm->net[i];

		cr_assert(!k->to_us && n + k->n < sizeof text);
		memcpy(text + n, k->p, k->n);
		n += k->n;
	}
	text[n] = '\0';
	storm->net_count = 0;
	return text;
}

static const char *replied(const char *request, const char *status)
{
	reply(request, status);
	return said_all();
}

/* From the peer, with this CSeq and branch. */
static const char *say(const char *method, unsigned cseq, const char *lines, const char *body)
{
	char text[STORM_BYTES];
	int n = snprintf(text, sizeof text,
			 "%s sip:echo@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKt%u\r\nFrom: <sip:a@192.0.2.1>;tag=f0\r\n"
			 "To: <sip:echo@192.0.2.9>;tag=%s\r\nCall-ID: 0-0\r\nCSeq: %u %s\r\nContact: <sip:a@192.0.2.1:5062>\r\n%s"
			 "Content-Length: %zu\r\n\r\n%s",
			 method, cseq, storm->callers[0].to_tag, cseq, method, lines, strlen(body), body);

	cr_assert_lt((size_t)n, sizeof text);
	storm_post(true, 0, text, (size_t)n);
	storm_deliver(0, false, true);
	return said_all();
}

static const char *progress(uint32_t id, uint32_t code)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegReferProgress p = TIPRING__V1__LEG_REFER_PROGRESS__INIT;

	p.leg_id = leg()->r.handle;
	p.refer_id = id;
	p.code = code;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_REFER_PROGRESS;
	e.leg_refer_progress = &p;
	storm_command(&e);
	return said_all();
}

static const char *wish(const char *command, const char *target)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegRefer r = TIPRING__V1__LEG_REFER__INIT;

	r.leg_id = leg()->r.handle;
	r.command = (char *)(uintptr_t)command;
	r.target = (char *)(uintptr_t)target;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_REFER;
	e.leg_refer = &r;
	storm_command(&e);
	return said_all();
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

#define TO "Refer-To: <sip:carol@192.0.2.7>\r\n"

/* C259 C261 C263 */
Test(transferring, C261_theirs_and_a_kill_behind_every_step)
{
	char notify[STORM_BYTES];
	const char *all;

	scene_call_up();
	all = say("REFER", 5, TO, "");
	cr_assert(has(all, "SIP/2.0 202 ") && has(all, "NOTIFY sip:a@192.0.2.1:5062 SIP/2.0\r\n"), "%s", all);
	(void)strcpy(notify, strstr(all, "NOTIFY sip:"));
	cr_expect(has(notify, "\r\nCSeq: 1 NOTIFY\r\n") && has(notify, "SIP/2.0 100 Trying\r\n"), "%s", notify);
	storm_kill();
	storm->net_count = 0;
	storm_pass(500);
	cr_expect_str_eq(said_all(), notify, "the same again");
	all = say("REFER", 5, TO, "");
	cr_expect(has(all, "SIP/2.0 202 ") && !has(all, "NOTIFY"), "its transaction is lost, its answer is not: %s", all);
	cr_expect_str_eq(replied(notify, "200 OK"), "");
	all = progress(5, 180);
	cr_expect(has(all, "\r\nCSeq: 2 NOTIFY\r\n") && has(all, "SIP/2.0 180 Ringing\r\n"), "%s", all);
	(void)strcpy(notify, all);
	cr_expect_str_eq(progress(5, 200), "", "one is out");
	storm_kill();
	storm->net_count = 0;
	all = replied(notify, "200 OK");
	cr_expect(has(all, "\r\nCSeq: 3 NOTIFY\r\n") && has(all, "SIP/2.0 200 OK\r\n") && has(all, "terminated"), "%s", all);
	(void)strcpy(notify, all);
	cr_expect_str_eq(replied(notify, "200 OK"), "");
	storm_kill();
	storm_pass(1000);
	cr_expect_str_eq(said_all(), "");
	cr_expect_eq(storm->values[STAT_signaling_legs_impossible], 0u);
}

/* C260 */
Test(transferring, C260_nobody_decides)
{
	const char *all;

	scene_call_up();
	all = say("REFER", 5, TO, "");
	cr_expect_str_eq(replied(strstr(all, "NOTIFY sip:"), "200 OK"), "");
	cr_expect(has(say("REFER", 6, TO, ""), "SIP/2.0 491 "));
	storm_kill();
	storm_pass(REFER_DECIDE_MS + REFER_GRACE_MS + 100);
	all = said_all();
	cr_expect(has(all, "SIP/2.0 603 Decline\r\n") && has(all, "terminated"), "%s", all);
	cr_expect(has(say("REFER", 7, "", ""), "SIP/2.0 400 "));
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
}

/* C258 C262 */
Test(transferring, C258_ours_and_a_kill_behind_every_step)
{
	static const char state[] = "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\nContent-Type: message/sipfrag\r\n";
	char refer[STORM_BYTES];

	scene_call_up();
	(void)strcpy(refer, wish("x-1", "sip:carol@192.0.2.7"));
	cr_assert(has(refer, "REFER sip:a@192.0.2.1:5062 SIP/2.0\r\n") && has(refer, "\r\n" TO) && has(refer, "\r\nCSeq: 1 REFER\r\n"), "%s",
		  refer);
	storm_kill();
	storm->net_count = 0;
	cr_expect_str_eq(wish("x-1", "sip:carol@192.0.2.7"), "", "it is known");
	cr_expect_str_eq(wish("x-2", "sip:dave@192.0.2.7"), "", "one at a time");
	storm_pass(500);
	cr_expect_str_eq(said_all(), refer);
	cr_expect_str_eq(replied(refer, "202 Accepted"), "");
	cr_expect_eq(leg()->r.refer.out_state, (uint32_t)REFER_OUT_TRYING);
	storm_kill();
	cr_expect(has(say("NOTIFY", 5, state, "SIP/2.0 486 Busy Here\r\n"), "SIP/2.0 200 OK\r\n"));
	storm_kill();
	cr_expect(has(say("NOTIFY", 5, state, "SIP/2.0 486 Busy Here\r\n"), "SIP/2.0 200 OK\r\n"), "again, and its transaction is lost");
	cr_expect_eq(leg()->r.refer.out_state, (uint32_t)REFER_OUT_DONE);
	cr_expect_eq(leg()->r.refer.out_code, 486u);
	cr_expect(has(wish("x-2", "sip:dave@192.0.2.7"), "\r\nCSeq: 2 REFER\r\n"));
	cr_expect_eq(storm->values[STAT_signaling_legs_impossible], 0u);
}

/* RFC 3891 */
Test(transferring, a_call_that_replaces)
{
	struct storm_caller *c = &storm->callers[0];
	struct leg *second;
	char text[STORM_BYTES], tag[64];
	uint32_t at = 0;
	int n;

	scene_call_up();
	(void)snprintf(tag, sizeof tag, "%s", c->to_tag);
	n = snprintf(text, sizeof text,
		     "INVITE sip:echo@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5063;branch=z9hG4bKr\r\nFrom: <sip:b@192.0.2.1>;tag=f9\r\n"
		     "To: <sip:echo@192.0.2.9>\r\nCall-ID: other\r\nCSeq: 1 INVITE\r\nContact: <sip:b@192.0.2.1:5063>\r\nRequire: replaces\r\n"
		     "Replaces: 0-0;to-tag=%s;from-tag=f0\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
		     tag, strlen(storm_sdp), storm_sdp);
	storm_post(true, 1, text, (size_t)n);
	storm_deliver(0, false, true);
	(void)said_all();
	storm_kill();
	while ((second = pool_each(&storm->s.legs, &at)) != NULL && second->r.refer.replaces == 0)
		;
	cr_assert(second != NULL);
	cr_expect_eq(second->r.refer.replaces, pool_handle(&storm->s.legs, leg()), "across a death");
}
