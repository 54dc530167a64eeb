/* test_redirect.c - mirrors signaling/leg/redirect.c: where a 3xx points to, and the INVITE that goes there. */
#include <string.h>

#include "tests/unit/signaling/leg/kit.h"

static void setup_redirect(void)
{
	leg = calloc(1, sizeof *leg);
	bring_to(LEG_DIALLING);
}

TestSuite(leg_redirect, .init = setup_redirect, .fini = teardown);

#define MOVED(contacts) RESPONSE("302 Moved", ";tag=a", contacts, "")

static bool contact_is(uint32_t i, const char *uri)
{
	return i < leg->r.redirect.count && str_eq(leg_contact(&leg->r, i), str_of(uri));
}

static bool follow_to(const char *uri)
{
	return leg_follow(leg, &(struct leg_next){.request_uri = str_of(uri),
						  .next_hop = {.family = ADDR_V4, .port = 5070, .ip = {192, 0, 2, 3}},
						  .local = {.family = ADDR_V4, .port = 5060, .ip = {192, 0, 2, 9}},
						  .flow = {.listener = 2}});
}

static const char *invite(void)
{
	static char text[SIP_REQUEST_BYTES];
	static const struct sip_login nobody;
	struct buf b = buf_of(text, sizeof text - 1);

	cr_assert_eq(leg_print_invite(leg, &cfg, &nobody, STR("z9hG4bKo"), &b), 0);
	text[b.n] = '\0';
	return text;
}

/* C229: the best first, of equals the first; what can not be called is left out. */
Test(leg_redirect, C229_contacts_in_order)
{
	cr_assert_eq(redirected(MOVED("Contact: <sip:a@192.0.2.3>;q=0.2, <sip:b@192.0.2.3>;q=0.75\r\n"
				      "Contact: sip:c@192.0.2.3, \"D\" <sip:d@192.0.2.3;transport=udp>;expires=3;q=0.75\r\n"
				      "Contact: <sips:e@192.0.2.3>, <tel:+15550100>, <sip:f@192.0.2.3?subject=x>, <sip:g@192.0.2.3>;q=0\r\n"
				      "Contact: nothing at all\r\nContact: <sip:h@192.0.2.3>;q=1.000\r\n")),
		     LEG_EV_REDIRECTED);
	cr_expect_eq(leg->r.redirect.count, 6u);
	cr_expect(contact_is(0, "sip:c@192.0.2.3"));
	cr_expect(contact_is(1, "sip:h@192.0.2.3"));
	cr_expect(contact_is(2, "sip:b@192.0.2.3"));
	cr_expect(contact_is(3, "sip:d@192.0.2.3;transport=udp"));
	cr_expect(contact_is(4, "sip:a@192.0.2.3"));
	cr_expect(contact_is(5, "sip:g@192.0.2.3"));
	cr_expect_eq(leg->r.redirect.v[0].q, 0u);
	cr_expect_eq(leg->r.redirect.v[1].q, 1000u);
	cr_expect_eq(leg->r.redirect.v[2].q, 750u);
	cr_expect_eq(leg->r.redirect.v[5].q, 1u);
	cr_expect_eq(leg->r.redirect.hop, 1u);
}

Test(leg_redirect, at_most_eight_and_a_kilobyte)
{
	char text[4096], uri[300];
	struct buf b = buf_of(text, sizeof text - 1);

	buf_z(&b, "SIP/2.0 302 Moved\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKo\r\nFrom: <sip:192.0.2.9>;tag=ourtag\r\n"
		  "To: <sip:bo@192.0.2.1>;tag=a\r\nCall-ID: c2\r\nCSeq: 1 INVITE\r\n");
	for (int i = 0; i < 10; i++) {
		snprintf(uri, sizeof uri, "Contact: <sip:%d@192.0.2.3>\r\n", i);
		buf_z(&b, uri);
	}
	buf_z(&b, "\r\n");
	text[b.n] = '\0';
	cr_expect_eq(redirected(text), LEG_EV_REDIRECTED);
	cr_expect_eq(leg->r.redirect.count, LEG_CONTACTS_MAX);
	cr_expect(contact_is(7, "sip:7@192.0.2.3"));
	b = buf_of(text, sizeof text - 1);
	buf_z(&b, "SIP/2.0 302 Moved\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKo\r\nFrom: <sip:192.0.2.9>;tag=ourtag\r\n"
		  "To: <sip:bo@192.0.2.1>;tag=a\r\nCall-ID: c2\r\nCSeq: 1 INVITE\r\n");
	for (int i = 0; i < 6; i++) {
		snprintf(uri, sizeof uri, "Contact: <sip:%0*d@192.0.2.3>\r\n", i == 0 ? 242 : 230, i);
		buf_z(&b, uri);
	}
	buf_z(&b, "\r\n");
	text[b.n] = '\0';
	leg->r.state = LEG_DIALLING;
	cr_expect_eq(redirected(text), LEG_EV_REDIRECTED);
	cr_expect_eq(leg->r.redirect.count, 4u, "%u", leg->r.redirect.count);
	cr_expect_leq(leg->r.contact_bytes, LEG_CONTACTS_BYTES);
	cr_expect(leg_redirect_is_sound(&leg->r));
}

/* Nobody to be asked about: it is a refusal like any other. */
Test(leg_redirect, C229_what_leads_nowhere)
{
	static const char *const answers[] = {
		MOVED(""), MOVED("Contact: <sips:a@192.0.2.3>\r\n"), MOVED("Contact: *\r\n"),
		MOVED("Contact: <sip:bo@192.0.2.1>\r\n"), MOVED("Contact: <sip:bo@192.0.2.1:5060;user=phone>\r\n"),
	};

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		bring_to(LEG_DIALLING);
		cr_assert_eq(redirected(answers[i]), LEG_EV_DECLINED, "%zu", i);
		feed(LEG_EV_DECLINED, 1000);
		cr_expect_eq(leg->r.over.code, 302u);
		cr_expect_eq(leg->r.over.outcome, (uint32_t)LEG_OUT_REJECTED);
		cr_expect_str_eq(leg->r.over.reason, "Moved");
	}
	bring_to(LEG_CANCELLING);
	cr_expect_eq(redirected(MOVED("Contact: <sip:a@192.0.2.3>\r\n")), LEG_EV_DECLINED, "nobody waits for it");
}

/* RFC 3261 8.1.3.4: the same Call-ID, From, To and headers, another CSeq and Request-URI. */
Test(leg_redirect, C229_the_invite_that_follows)
{
	struct leg_call c = call_of("sip:bo@192.0.2.1");
	const char *text;

	c.headers[0] = (struct leg_line){STR("X-Room-ID"), STR("r7")};
	c.header_count = 1;
	cr_assert_null(dial(&c));
	(void)invite();
	feed(LEG_EV_DIAL, OURS_AT);
	feed(provisional(RESPONSE("180 Ringing", ";tag=a", "Contact: <sip:bo@192.0.2.1:5066>\r\nRecord-Route: <sip:192.0.2.8;lr>\r\n", "")), 200);
	feed(redirected(MOVED("Contact: <sip:cy@192.0.2.3:5070>\r\n")), 300);
	cr_assert_eq(leg->r.state, (uint32_t)LEG_REDIRECTED);
	cr_expect_eq(leg->r.early.count, 0u, "their dialogs are over");
	memcpy(leg->r.credentials, "x", 2);
	cr_assert(follow_to("sip:cy@192.0.2.3:5070"));
	cr_expect_eq(leg->r.credentials[0], '\0', "not for somebody else");
	feed(LEG_EV_FOLLOW, 400);
	cr_expect(did(LEG_FX_SEND_INVITE));
	cr_expect_eq(leg->r.attempt.state, (uint32_t)ATTEMPT_CALLING);
	text = invite();
	cr_expect(str_has_prefix(str_of(text), STR("INVITE sip:cy@192.0.2.3:5070 SIP/2.0\r\n")), "%s", text);
	cr_expect(strstr(text, "\r\nTo: <sip:bo@192.0.2.1>\r\n") != NULL, "%s", text);
	cr_expect(strstr(text, "\r\nCall-ID: c2\r\n") != NULL);
	cr_expect(strstr(text, "\r\nCSeq: 2 INVITE\r\n") != NULL);
	cr_expect(strstr(text, "\r\nX-Room-ID: r7\r\n") != NULL);
	cr_expect(strstr(text, "Route:") == NULL);
	cr_expect_eq(leg->r.source.port, 5070u);
	cr_expect_eq(leg->r.flow.listener, 2u);
	cr_expect_eq(leg->r.deadline_ms, OURS_AT + 60000u, "it rings no longer than it might have");
}

/* Five hops, and nobody twice. */
Test(leg_redirect, C229_loops_and_hops)
{
	char text[1024], uri[64];

	for (unsigned hop = 1; hop <= LEG_HOPS_MAX; hop++) {
		snprintf(uri, sizeof uri, "sip:n%u@192.0.2.3", hop);
		snprintf(text, sizeof text, MOVED("Contact: <sip:BO@192.0.2.1>, <%s>\r\n"), uri);
		feed(redirected(text), 200);
		cr_assert_eq(leg->r.redirect.hop, hop);
		cr_expect_not(follow_to("sip:bo@192.0.2.1"), "a loop");
		if (hop > 1)
			cr_expect_not(follow_to("sip:n1@192.0.2.3"), "a loop");
		cr_assert(follow_to(uri), "%u", hop);
		feed(LEG_EV_FOLLOW, 300);
	}
	cr_expect_eq(redirected(MOVED("Contact: <sip:n6@192.0.2.3>\r\n")), LEG_EV_DECLINED, "one too many");
	cr_expect(contact_is(0, "sip:n6@192.0.2.3"), "but it is told");
}

/* What becomes of the INVITE that went there. */
static enum leg_event refused_there(const char *text)
{
	return leg_elsewhere(leg, leg_declined(leg, &read_answer_of(text)->msg));
}

#define BUSY     RESPONSE("486 Busy Here", ";tag=b", "", "")
#define DECLINED RESPONSE("603 Decline", ";tag=b", "", "")

/* RFC 3261 8.1.3.4: one after the other, until somebody takes it. */
Test(leg_redirect, C229_the_next_one_when_that_is_busy)
{
	feed(redirected(MOVED("Contact: <sip:a@192.0.2.3>;q=0.9, <sip:b@192.0.2.3>;q=0.5, <sip:c@192.0.2.3>;q=0.1\r\n")), 200);
	cr_assert(follow_to("sip:a@192.0.2.3"));
	feed(LEG_EV_FOLLOW, 300);
	feed(refused_there(BUSY), 400);
	cr_assert_eq(leg->r.state, (uint32_t)LEG_REDIRECTED);
	cr_expect(did(LEG_FX_REDIRECTED));
	cr_expect_eq(leg->r.redirect.hop, 2u);
	cr_expect_eq(leg->r.redirect.code, 486u);
	cr_expect(leg_contact_is_known(&leg->r, 0));
	cr_expect_not(leg_contact_is_known(&leg->r, 1));
	cr_assert(follow_to("sip:b@192.0.2.3"));
	feed(LEG_EV_FOLLOW, 500);
	cr_expect(did(LEG_FX_SEND_INVITE));
	cr_assert_eq(leg_elsewhere(leg, LEG_EV_NOBODY), LEG_EV_REDIRECTED);
	cr_expect_eq(leg->r.redirect.code, 408u);
	feed(LEG_EV_REDIRECTED, 600);
	cr_assert(follow_to("sip:c@192.0.2.3"));
	feed(LEG_EV_FOLLOW, 700);
	cr_assert_eq(refused_there(BUSY), LEG_EV_DECLINED, "that was the last one");
	feed(LEG_EV_DECLINED, 800);
	cr_expect_eq(leg->r.over.code, 486u);
	cr_expect_eq(leg->r.over.outcome, (uint32_t)LEG_OUT_BUSY);
}

Test(leg_redirect, C229_the_last_refusal_counts_when_none_of_the_others_may_be_called)
{
	feed(redirected(MOVED("Contact: <sip:a@192.0.2.3>, <sip:b@192.0.2.3>\r\n")), 200);
	cr_assert(follow_to("sip:a@192.0.2.3"));
	feed(LEG_EV_FOLLOW, 300);
	feed(refused_there(BUSY), 400);
	feed(LEG_EV_NO_FOLLOW, 500);
	cr_expect_eq(leg->r.over.code, 486u);
	cr_expect_str_eq(leg->r.over.reason, "Busy Here");
}

Test(leg_redirect, C229_who_declines_for_everybody_ends_it)
{
	cr_expect_eq(refused_there(BUSY), LEG_EV_DECLINED, "it was not sent on");
	feed(redirected(MOVED("Contact: <sip:a@192.0.2.3>, <sip:b@192.0.2.3>\r\n")), 200);
	cr_assert(follow_to("sip:a@192.0.2.3"));
	feed(LEG_EV_FOLLOW, 300);
	cr_expect_eq(refused_there(DECLINED), LEG_EV_DECLINED);
	cr_expect_eq(leg_elsewhere(leg, LEG_EV_MISFIT), LEG_EV_MISFIT, "it was answered");
	feed(LEG_EV_HANGUP, 400);
	cr_expect_eq(refused_there(BUSY), LEG_EV_DECLINED, "nobody waits for it");
}

Test(leg_redirect, where_it_can_not_go)
{
	feed(redirected(MOVED("Contact: <sip:cy@192.0.2.3>\r\n")), 200);
	cr_expect_not(follow_to("sips:cy@192.0.2.3"));
	cr_expect_not(follow_to("cy"));
	cr_expect_not(follow_to("sip:cy@192.0.2.3?Subject=x"));
	cr_expect_not(leg_follow(leg, &(struct leg_next){.request_uri = STR("sip:cy@192.0.2.3")}), "no hop");
	cr_expect_str_eq(leg->r.request_uri, "sip:bo@192.0.2.1");
}

Test(leg_redirect, control_is_away)
{
	unsigned asked = 0;

	feed(redirected(MOVED("Contact: <sip:cy@192.0.2.3>\r\n")), 200);
	while (leg->r.state == LEG_REDIRECTED) {
		asked += did(LEG_FX_REDIRECTED);
		cr_assert_leq(leg->r.deadline_ms, OURS_AT + 60000u);
		feed(LEG_EV_TIMER, leg->r.deadline_ms);
	}
	cr_expect_eq(asked, 30u);
	cr_expect_eq(leg->r.over.code, 302u);
	cr_expect(contact_is(0, "sip:cy@192.0.2.3"));
}

/* ---- lines of ours ---- */

Test(leg_redirect, C229_contacts_of_ours)
{
	static const struct {
		const char *uri;
		uint32_t q;
		const char *line;
	} rows[] = {
		{"sip:a@192.0.2.3", 0, "Contact: <sip:a@192.0.2.3>\r\n"},
		{"sip:a@192.0.2.3", 1000, "Contact: <sip:a@192.0.2.3>;q=1\r\n"},
		{"sip:a@192.0.2.3", 75, "Contact: <sip:a@192.0.2.3>;q=0.075\r\n"},
		{"sip:a@192.0.2.3", 1001, ""},
		{"sips:a@192.0.2.3", 0, ""},
		{"sip:a@192.0.2.3\r\nX: y", 0, ""},
		{"sip:a@192.0.2.3>;q=1,<sip:b@192.0.2.3", 0, ""},
		{"sip:a@192.0.2.3?x=y", 0, ""},
		{"", 0, ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[512];
		struct buf b = buf_of(text, sizeof text - 1);
		bool good = leg_put_contact(&b, str_of(rows[i].uri), rows[i].q);

		text[b.n] = '\0';
		cr_expect_eq(good, rows[i].line[0] != '\0', "%zu", i);
		if (good)
			cr_expect_str_eq(text, rows[i].line);
	}
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
}

Test(leg_redirect, it_waits_over_a_death)
{
	feed(redirected(MOVED("Contact: <sip:cy@192.0.2.3>;q=0.5\r\n")), 200);
	successor();
	cr_expect_not(leg->mended);
	cr_assert_eq(leg->r.state, (uint32_t)LEG_REDIRECTED);
	cr_expect(contact_is(0, "sip:cy@192.0.2.3"));
	cr_expect_eq(leg->r.redirect.v[0].q, 500u);
	cr_expect_not(follow_to("sip:bo@192.0.2.1"));
	cr_assert(follow_to("sip:cy@192.0.2.3"));
	feed(LEG_EV_FOLLOW, 500);
	successor();
	feed(redirected(MOVED("Contact: <sip:bo@192.0.2.1>, <sip:cy@192.0.2.3>\r\n")), 500);
	cr_expect_eq(leg->r.state, (uint32_t)LEG_ENDED, "it knows where it was");
}

Test(leg_redirect, C229_the_others_are_known_over_a_death)
{
	feed(redirected(MOVED("Contact: <sip:a@192.0.2.3>, <sip:b@192.0.2.3>\r\n")), 200);
	cr_assert(follow_to("sip:a@192.0.2.3"));
	feed(LEG_EV_FOLLOW, 300);
	successor();
	feed(refused_there(BUSY), 500);
	cr_assert_eq(leg->r.state, (uint32_t)LEG_REDIRECTED);
	cr_expect(follow_to("sip:b@192.0.2.3"));
}

Test(leg_redirect, a_damaged_record_ends_like_a_refusal)
{
	feed(redirected(MOVED("Contact: <sip:cy@192.0.2.3>\r\n")), 200);
	leg->r.redirect.v[0].n = 2000;
	successor();
	cr_expect(leg->mended);
	cr_assert_leq(leg->r.deadline_ms, 400u);
	feed(LEG_EV_TIMER, 400);
	cr_expect_eq(leg->r.state, (uint32_t)LEG_ENDED);
	cr_expect_eq(leg->r.over.code, 300u);
}
