/* test_refer.c - mirrors signaling/leg/refer.c: transfers, ours and theirs. */
#include <string.h>

#include "signaling/leg/refer.h"
#include "tests/unit/signaling/leg/kit.h"

TestSuite(leg_refer, .init = setup, .fini = teardown);

static const struct sip_msg *request(const char *method, const char *lines, const char *body)
{
	static char text[16384];
	static struct sip_msg m;
	int n = snprintf(text, sizeof text,
			 "%s sip:192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKb\r\n"
			 "From: <sip:al@192.0.2.1>;tag=f1\r\nTo: <sip:echo@192.0.2.9>;tag=ourtag\r\nCall-ID: c1\r\n"
			 "CSeq: 8 %s\r\nContact: <sip:al@192.0.2.1>\r\n%sContent-Length: %zu\r\n\r\n%s",
			 method, method, lines, strlen(body), body);

	cr_assert_lt((size_t)n, sizeof text);
	cr_assert_eq(sip_parse(text, (size_t)n, &m), 0);
	return &m;
}

static uint32_t take(const char *lines, uint32_t cseq)
{
	return refer_take(leg, request("REFER", lines, ""), cseq, 1000);
}

static uint32_t notify(const char *state, const char *frag, bool *news)
{
	char lines[512];

	snprintf(lines, sizeof lines, "Event: refer\r\nSubscription-State: %s\r\nContent-Type: message/sipfrag\r\n", state);
	return refer_notified(leg, request("NOTIFY", lines, frag), 2000, news);
}

static const char *said(void)
{
	static char text[1024];
	struct buf b = buf_of(text, sizeof text - 1), body;

	refer_print_notify(leg, 1000, &b, &b);
	body = b;
	text[body.n] = '\0';
	refer_notify_begins(leg);
	return text;
}

#define TO "Refer-To: <sip:carol@192.0.2.7>\r\n"

/* C259 C261: 202 is the caller's; 100 at once, then what control says, until a final one. */
Test(leg_refer, C259_C261_theirs)
{
	bring_to(LEG_CONFIRMED);
	cr_assert_eq(take(TO "Referred-By: <sip:al@192.0.2.1>\r\n", 8), 0u);
	cr_expect_str_eq(leg->r.refer_target, "sip:carol@192.0.2.7");
	cr_expect_str_eq(leg->r.refer_by, "<sip:al@192.0.2.1>");
	cr_expect_str_eq(leg->r.refer_replaces, "");
	cr_assert(refer_wants_notify(leg));
	cr_expect_str_eq(said(), "Event: refer\r\nSubscription-State: active;expires=330\r\nSIP/2.0 100 Trying\r\n");
	cr_expect_not(refer_wants_notify(leg));
	cr_expect_eq(refer_deadline_ms(leg), 1000u + REFER_DECIDE_MS + REFER_GRACE_MS);
	cr_assert(refer_say(leg, 8, 100, STR(""), 1500));
	cr_expect_eq(refer_deadline_ms(leg), 1500u + REFER_GOES_MS);
	cr_assert(refer_say(leg, 8, 180, STR(""), 1500));
	cr_expect_not(refer_say(leg, 8, 180, STR(""), 1500), "said again");
	cr_expect_not(refer_say(leg, 7, 200, STR(""), 1500), "of another REFER");
	cr_expect_not(refer_wants_notify(leg), "one is out");
	refer_notify_ends(leg, 200);
	cr_assert(refer_wants_notify(leg));
	cr_expect(strstr(said(), "active;expires=") != NULL);
	cr_assert(refer_say(leg, 8, 200, STR(""), 1600));
	refer_notify_ends(leg, 200);
	cr_assert(refer_wants_notify(leg));
	cr_expect_str_eq(said(), "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\nSIP/2.0 200 OK\r\n");
	cr_expect_not(refer_say(leg, 8, 486, STR(""), 1600), "one final word");
	cr_expect_eq(refer_deadline_ms(leg), UINT64_MAX);
	refer_notify_ends(leg, 200);
	cr_expect_not(refer_wants_notify(leg));
	cr_assert_eq(take(TO, 9), 0u, "and another one");
	cr_expect(strstr(said(), "Event: refer;id=9\r\n") != NULL);
}

/* What was not said yet is passed over. */
Test(leg_refer, only_the_last_is_said)
{
	bring_to(LEG_CONFIRMED);
	cr_assert_eq(take(TO, 8), 0u);
	(void)said();
	cr_assert(refer_say(leg, 8, 180, STR(""), 1500));
	cr_assert(refer_say(leg, 8, 486, STR("Not now"), 1500));
	refer_notify_ends(leg, 200);
	cr_expect(strstr(said(), "SIP/2.0 486 Not now\r\n") != NULL);
}

/* C260 */
Test(leg_refer, C260_refused)
{
	static char longest[9000];
	static const struct {
		const char *lines;
		uint32_t code;
	} rows[] = {
		{"", 400},
		{"Refer-To: \r\n", 400},
		{"Refer-To: <sip:>\r\n", 400},
		{"Refer-To: <tel:+15550100>\r\n", 416},
		{"Refer-To: <sip:a@b;method=BYE>\r\n", 416},
		{"Refer-To: <sip:a@b?Replaces=x>\r\n", 400},
		{longest, 513},
	};

	bring_to(LEG_CONFIRMED);
	snprintf(longest, sizeof longest, "Refer-To: <sip:%08100d@192.0.2.7>\r\n", 7);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_expect_eq(take(rows[i].lines, 8), rows[i].code, "%zu: %u", i, take(rows[i].lines, 8));
	cr_expect_eq(leg->r.refer.in_id, 0u, "nothing has changed");
	cr_assert_eq(take(TO, 8), 0u);
	cr_expect_eq(take(TO, 9), 491u, "one at a time");
	cr_expect_eq(leg->r.refer.in_id, 8u);
}

Test(leg_refer, C260_at_another_time)
{
	bring_to(LEG_RINGING);
	cr_expect_eq(take(TO, 8), 491u);
	bring_to(LEG_ANSWERED);
	cr_expect_eq(take(TO, 8), 491u);
	bring_to(LEG_ENDING);
	cr_expect_eq(take(TO, 8), 481u);
}

/* Nobody decides: 603. It is accepted and control says no more: 408. */
Test(leg_refer, nobody_decides)
{
	bring_to(LEG_CONFIRMED);
	cr_assert_eq(take(TO, 8), 0u);
	(void)said();
	refer_notify_ends(leg, 200);
	cr_expect_not(refer_expired(leg, refer_deadline_ms(leg) - 1));
	cr_expect_not(refer_wants_notify(leg));
	cr_expect_not(refer_expired(leg, refer_deadline_ms(leg)));
	cr_assert(refer_wants_notify(leg));
	cr_expect(strstr(said(), "SIP/2.0 603 Decline\r\n") != NULL);
	refer_notify_ends(leg, 200);
	cr_assert_eq(take(TO, 9), 0u);
	(void)said();
	refer_notify_ends(leg, 200);
	cr_assert(refer_say(leg, 9, 180, STR(""), 1500));
	(void)said();
	refer_notify_ends(leg, 200);
	(void)refer_expired(leg, refer_deadline_ms(leg));
	cr_expect(strstr(said(), "SIP/2.0 408 Request Timeout\r\n") != NULL);
}

/* RFC 4488; and a peer that does not listen is told no more. */
Test(leg_refer, quiet)
{
	bring_to(LEG_CONFIRMED);
	cr_assert_eq(take(TO "Refer-Sub: false\r\n", 8), 0u);
	cr_expect_not(refer_wants_notify(leg));
	cr_assert(refer_say(leg, 8, 200, STR(""), 1500));
	cr_expect_not(refer_wants_notify(leg));
	cr_assert_eq(take(TO, 9), 0u, "the one before is over");
	(void)said();
	refer_notify_ends(leg, 481);
	cr_assert(refer_say(leg, 9, 180, STR(""), 1500));
	cr_expect_not(refer_wants_notify(leg));
}

/* ---- ours ---- */

static const char *print(const struct refer_wish *w)
{
	static char text[4096];
	struct buf b = buf_of(text, sizeof text - 1);
	const char *fault = refer_print(leg, w, &b);

	text[b.n] = '\0';
	return fault != NULL ? fault : text;
}

/* C258 */
Test(leg_refer, C258_blind)
{
	bring_to(LEG_CONFIRMED);
	cr_expect_str_eq(print(&(struct refer_wish){.command = STR("x-1"), .target = STR("sip:carol@192.0.2.7"), .lines = STR("X-A: b\r\n")}),
			 "Refer-To: <sip:carol@192.0.2.7>\r\nReferred-By: <sip:echo@192.0.2.9>\r\nX-A: b\r\n");
	cr_expect_str_eq(print(&(struct refer_wish){.command = STR("x-1"), .target = STR("sip:c@h"), .referred_by = STR("sip:me@h")}),
			 "Refer-To: <sip:c@h>\r\nReferred-By: <sip:me@h>\r\n");
	cr_expect(strstr(print(&(struct refer_wish){.command = STR("x-1"), .target = STR("sip:c@h>\r\nX: y")}), "target is no") != NULL);
	cr_expect(strstr(print(&(struct refer_wish){.command = STR("x-1")}), "either") != NULL);
	cr_expect(strstr(print(&(struct refer_wish){.command = STR(""), .target = STR("sip:c@h")}), "octets") != NULL);
	cr_expect(strstr(print(&(struct refer_wish){.command = STR("x"), .target = STR("sip:c@h"), .lines = STR("Via: x\r\n")}), "header") != NULL);
}

/* The tags stand as the other peer sees them. */
Test(leg_refer, C258_attended)
{
	struct leg *other = calloc(1, sizeof *other);

	bring_to(LEG_CONFIRMED);
	memcpy(&other->r, &leg->r, sizeof other->r);
	cr_expect_str_eq(print(&(struct refer_wish){.command = STR("x"), .other = other}),
			 "Refer-To: <sip:al@192.0.2.1:5060?Replaces=c1%3Bto-tag%3Df1%3Bfrom-tag%3Dourtag>\r\nReferred-By: <sip:echo@192.0.2.9>\r\n");
	other->r.state = LEG_RINGING;
	cr_expect(strstr(print(&(struct refer_wish){.command = STR("x"), .other = other}), "not answered") != NULL);
	free(other);
}

/* The other dialog is one of another worker: what that calls it is as good. */
Test(leg_refer, C258_attended_by_name)
{
	char uri[256], name[256];
	struct buf t = buf_of(uri, sizeof uri), r = buf_of(name, sizeof name);
	struct refer_wish w = {.command = STR("x")};

	bring_to(LEG_CONFIRMED);
	cr_assert_null(refer_name(leg, &t, &r));
	w.target = buf_str(&t);
	w.replaces = buf_str(&r);
	cr_expect_str_eq(print(&w), "Refer-To: <sip:al@192.0.2.1:5060?Replaces=c1%3Bto-tag%3Df1%3Bfrom-tag%3Dourtag>\r\nReferred-By: <sip:echo@192.0.2.9>\r\n");
	w.replaces = STR("c1;to-tag=f1");
	cr_expect_str_eq(print(&w), "replaces is no name of a dialog");
	w.replaces = STR("c1;to-tag=f1;from-tag=x\r\nX: y");
	cr_expect_str_eq(print(&w), "replaces is no name of a dialog");
	w.replaces = buf_str(&r);
	w.target = STR("sip:a@b?Subject=x");
	cr_expect_str_eq(print(&w), "the peer of the other call can not be named");
	leg->r.state = LEG_RINGING;
	cr_expect_str_eq(refer_name(leg, &t, &r), "the other call is not answered");
}

static void begin(void)
{
	bring_to(LEG_CONFIRMED);
	refer_begin(leg, STR("x-1"), 2, 1000);
	cr_assert(refer_is_busy(leg));
	cr_assert(refer_is_known(leg, STR("x-1")));
	cr_assert_not(refer_is_known(leg, STR("x-2")));
}

/* C258 C262 */
Test(leg_refer, C262_progress)
{
	bool news;

	begin();
	cr_expect_eq(refer_deadline_ms(leg), 1000u + REFER_WAIT_MS);
	cr_assert(refer_answered(leg, 202, request("X", "", ""), 1100));
	cr_expect_eq(leg->r.refer.out_state, (uint32_t)REFER_OUT_TRYING);
	cr_expect_eq(notify("active;expires=60", "SIP/2.0 100 Trying\r\n", &news), 200u);
	cr_expect(news);
	cr_expect_eq(refer_deadline_ms(leg), 62000u);
	cr_expect_eq(notify("active;expires=60", "SIP/2.0 100 Trying\r\n", &news), 200u);
	cr_expect_not(news);
	cr_expect_eq(notify("active", "SIP/2.0 180 Ringing\r\n", &news), 200u);
	cr_expect(news);
	cr_expect_eq(leg->r.refer.out_code, 180u);
	cr_expect_eq(notify("terminated;reason=noresource", "SIP/2.0 200 OK\r\n", &news), 200u);
	cr_expect(news);
	cr_expect_eq(leg->r.refer.out_code, 200u);
	cr_expect_eq(leg->r.refer.out_state, (uint32_t)REFER_OUT_DONE);
	cr_expect_not(refer_is_busy(leg));
	cr_expect_eq(notify("terminated;reason=noresource", "SIP/2.0 200 OK\r\n", &news), 200u);
	cr_expect_not(news, "said twice");
}

Test(leg_refer, C262_other_ends)
{
	bool news;

	begin();
	cr_assert(refer_answered(leg, 603, NULL, 1100));
	cr_expect_eq(leg->r.refer.out_code, 603u);
	cr_expect_str_eq(leg->r.refer.out_reason, "Decline");
	begin();
	cr_assert(refer_answered(leg, 202, request("X", "Refer-Sub: false\r\n", ""), 1100));
	cr_expect_eq(leg->r.refer.out_state, (uint32_t)REFER_OUT_DONE);
	cr_expect_eq(leg->r.refer.out_code, 202u);
	begin(); /* the NOTIFY comes first */
	cr_expect_eq(notify("terminated", "SIP/2.0 486 Busy Here\r\n", &news), 200u);
	cr_expect(news);
	cr_expect_not(refer_answered(leg, 202, NULL, 1100));
	cr_expect_eq(leg->r.refer.out_code, 486u);
	begin(); /* an end that says nothing */
	cr_expect_eq(notify("terminated;reason=giveup", "", &news), 200u);
	cr_expect_eq(leg->r.refer.out_code, 0u);
	cr_expect_str_eq(leg->r.refer.out_reason, "giveup");
	begin(); /* silence */
	cr_expect(refer_answered(leg, 200, NULL, 1000));
	cr_expect_not(refer_expired(leg, refer_deadline_ms(leg) - 1));
	cr_expect(refer_expired(leg, refer_deadline_ms(leg)));
	cr_expect_eq(leg->r.refer.out_state, (uint32_t)REFER_OUT_DONE);
}

Test(leg_refer, C262_what_is_no_notify_of_ours)
{
	bool news;

	bring_to(LEG_CONFIRMED);
	cr_expect_eq(notify("active", "SIP/2.0 100 Trying\r\n", &news), 481u, "there was no REFER");
	begin();
	cr_expect_eq(refer_notified(leg, request("NOTIFY", "Event: presence\r\nSubscription-State: active\r\n", ""), 0, &news), 489u);
	cr_expect_eq(refer_notified(leg, request("NOTIFY", "", ""), 0, &news), 489u);
	cr_expect_eq(refer_notified(leg, request("NOTIFY", "Event: refer\r\n", ""), 0, &news), 400u);
	cr_expect_eq(refer_notified(leg, request("NOTIFY", "Event: refer;id=1\r\nSubscription-State: active\r\n", ""), 0, &news), 481u,
		     "of one before");
	cr_expect_eq(refer_notified(leg, request("NOTIFY", "Event: refer;id=2\r\nSubscription-State: active\r\n", ""), 0, &news), 200u);
}

/* All of it goes on in a successor; what is no record of ours is none. */
Test(leg_refer, record)
{
	static struct leg_record back;
	static struct sip_client_record client;
	char *packed = malloc(LEG_PACKED_BYTES);
	bool has_client;
	size_t n;

	begin();
	cr_assert_eq(take("Refer-To: <sip:d@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\nReferred-By: <sip:x@y>\r\n", 9), 0u);
	leg->r.handle = 1;
	n = leg_pack(&leg->r, NULL, packed);
	cr_assert_eq(leg_unpack(packed, n, &back, &client, &has_client), 0);
	cr_expect_eq(memcmp(&back.refer, &leg->r.refer, sizeof back.refer), 0);
	cr_expect_str_eq(back.refer_target, "sip:d@h");
	cr_expect_str_eq(back.refer_replaces, "a;to-tag=1;from-tag=2");
	cr_expect_str_eq(back.refer_by, "<sip:x@y>");
	cr_expect(refer_restore(&back, 1000));
	back.refer.in_state = REFER_IN_STATES;
	cr_expect_not(refer_restore(&back, 1000));
	cr_expect_eq(back.refer.in_id, 0u);
	for (size_t cut = 0; cut < n; cut += 7) /* cut off anywhere, it is read or refused */
		(void)!leg_unpack(packed, cut, &back, &client, &has_client);
	free(packed);
}
