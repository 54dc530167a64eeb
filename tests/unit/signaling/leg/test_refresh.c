/* test_refresh.c - mirrors signaling/leg/refresh.c: RFC 4028 from header fields to deadlines. */
#include <string.h>

#include "tests/unit/signaling/leg/kit.h"

TestSuite(refresh, .init = setup, .fini = teardown);

#define NOW 5000u

static const struct refresh_config usual = {.session_expires_s = 1800, .min_se_s = 90};
static const struct refresh_config off = {.min_se_s = 90};
static struct refresh r;

static const struct sip_msg *message(const char *first, const char *headers)
{
	static char text[2048];
	static struct sip_msg m;
	int n = snprintf(text, sizeof text, "%s\r\nCSeq: 1 INVITE\r\n%s\r\n", first, headers);

	cr_assert_eq(sip_parse(text, (size_t)n, &m), 0);
	return &m;
}

static uint32_t asked(const struct refresh_config *c, const char *headers)
{
	return refresh_asked(&r, c, message("INVITE sip:a@192.0.2.1 SIP/2.0", headers));
}

static void agreed(const char *headers)
{
	refresh_agreed(&r, message("SIP/2.0 200 OK", headers), NOW);
}

static bool refused(uint32_t code, const char *headers)
{
	struct refresh_refusal why = {.code = code, .m = message("SIP/2.0 491 X", headers), .owner = true, .chance = 5};

	return refresh_refused(&r, &why, NOW);
}

static const char *answer(const struct refresh_config *c)
{
	static char text[REFRESH_LINES_BYTES + 1];
	struct buf b = buf_of(text, REFRESH_LINES_BYTES);

	refresh_answer(&r, c, NOW, &b);
	cr_assert(buf_ok(&b));
	text[b.n] = '\0';
	return text;
}

static const char *lines(const struct refresh_config *c)
{
	static char text[REFRESH_LINES_BYTES + 1];
	struct buf b = buf_of(text, REFRESH_LINES_BYTES);

	refresh_put(&r, c, &b);
	cr_assert(buf_ok(&b));
	text[b.n] = '\0';
	return text;
}

static void fresh(void)
{
	memset(&r, 0, sizeof r);
}

Test(refresh, C240_values_are_read_leniently)
{
	static const struct {
		const char *text;
		uint32_t s;
		enum refresh_side side;
	} rows[] = {
		{"1800", 1800, REFRESH_UNNAMED},
		{"1800;refresher=uac", 1800, REFRESH_UAC},
		{"90 ; refresher=UAS", 90, REFRESH_UAS},
		{"90;x=y;REFRESHER = uac ;z", 90, REFRESH_UAC},
		{"90;refresher=both", 90, REFRESH_UNNAMED},
		{"90;refresher", 90, REFRESH_UNNAMED},
		{"90;;;", 90, REFRESH_UNNAMED},
		{"garbage", 0, REFRESH_UNNAMED},
		{"garbage;refresher=uac", 0, REFRESH_UNNAMED},
		{"", 0, REFRESH_UNNAMED},
		{"-5", 0, REFRESH_UNNAMED},
		{"18 00", 0, REFRESH_UNNAMED},
		{"99999999999999999999", 0, REFRESH_UNNAMED},
		{"4294967295", 4294967295u, REFRESH_UNNAMED},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct refresh_value v = refresh_parse(str_of(rows[i].text));

		cr_expect_eq(v.s, rows[i].s, "%s: %u", rows[i].text, v.s);
		cr_expect_eq(v.side, rows[i].side, "%s", rows[i].text);
	}
}

Test(refresh, C241_how_long_before_the_end)
{
	cr_expect_eq(1800000 - refresh_guard_ms(1800), 1768000u);
	cr_expect_eq(90000 - refresh_guard_ms(90), 60000u);
	cr_expect_eq(refresh_guard_ms(UINT32_MAX), 32000u);
	cr_expect_eq(refresh_guard_ms(0), 0u);
}

/* C242, C246: what is answered, and who refreshes (RFC 4028 9, table 2). */
Test(refresh, C242_as_server)
{
	static const struct {
		const char *asked;
		const struct refresh_config *cfg;
		enum refresh_role role;
		const char *answer;
	} rows[] = {
		{"", &usual, REFRESH_OFF, ""},
		{"Supported: 100rel\r\n", &usual, REFRESH_OFF, ""},
		{"Supported: timer\r\n", &off, REFRESH_OFF, ""},
		{"Supported: timer\r\nAllow: INVITE, UPDATE\r\n", &usual, REFRESH_OURS, "Require: timer\r\nSession-Expires: 1800;refresher=uas\r\n"},
		{"k: 100rel,timer\r\nAllow: INVITE\r\n", &usual, REFRESH_THEIRS, "Require: timer\r\nSession-Expires: 1800;refresher=uac\r\n"},
		{"Supported: timer\r\n", &usual, REFRESH_THEIRS, "Require: timer\r\nSession-Expires: 1800;refresher=uac\r\n"},
		{"Supported: timer\r\nMin-SE: 3600\r\n", &usual, REFRESH_THEIRS, "Require: timer\r\nSession-Expires: 3600;refresher=uac\r\n"},
		{"Supported: timer\r\nx: 600\r\nAllow: UPDATE\r\n", &off, REFRESH_OURS, "Require: timer\r\nSession-Expires: 600;refresher=uas\r\n"},
		{"Supported: timer\r\nSession-Expires: 7200;refresher=uac\r\n", &usual, REFRESH_THEIRS, "Require: timer\r\nSession-Expires: 7200;refresher=uac\r\n"},
		{"Require: timer\r\nSession-Expires: 90;refresher=uas\r\nAllow: INVITE\r\n", &usual, REFRESH_OURS, "Require: timer\r\nSession-Expires: 90;refresher=uas\r\n"},
		/* of a proxy, before a caller that knows nothing of it */
		{"Session-Expires: 600\r\n", &usual, REFRESH_OURS, "Session-Expires: 600;refresher=uas\r\n"},
		{"Session-Expires: 5\r\n", &usual, REFRESH_OFF, ""},
		{"Session-Expires: garbage\r\n", &usual, REFRESH_OFF, ""},
		{"Supported: timer\r\nSession-Expires: garbage\r\nMin-SE: x\r\n", &usual, REFRESH_THEIRS, "Require: timer\r\nSession-Expires: 1800;refresher=uac\r\n"},
		/* lowered, but not below what it takes */
		{"Session-Expires: 4294967295\r\n", &usual, REFRESH_OURS, "Session-Expires: 86400;refresher=uas\r\n"},
		{"Session-Expires: 4294967295\r\nMin-SE: 90000\r\n", &usual, REFRESH_OURS, "Session-Expires: 4294967295;refresher=uas\r\n"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		fresh();
		cr_expect_eq(asked(rows[i].cfg, rows[i].asked), 0u, "%zu", i);
		cr_expect_eq(refresh_deadline_ms(&r), UINT64_MAX);
		cr_expect_str_eq(answer(rows[i].cfg), rows[i].answer, "%zu", i);
		cr_expect_eq(r.role, (uint32_t)rows[i].role, "%zu: %u", i, r.role);
		cr_expect_eq(refresh_deadline_ms(&r) == UINT64_MAX, rows[i].role == REFRESH_OFF, "%zu", i);
	}
}

/* C242: only who says that he knows what it means. */
Test(refresh, C242_too_short)
{
	char text[64];
	struct buf b = buf_of(text, sizeof text);

	fresh();
	cr_expect_eq(asked(&usual, "Supported: timer\r\nSession-Expires: 89\r\n"), 422u);
	cr_expect_eq(asked(&usual, "Supported: timer\r\nSession-Expires: 90\r\n"), 0u);
	fresh();
	cr_expect_eq(asked(&(struct refresh_config){.min_se_s = 0}, "Supported: timer\r\nSession-Expires: 89\r\n"), 422u);
	fresh();
	cr_expect_eq(asked(&usual, "Session-Expires: 89\r\n"), 0u);
	refresh_put_min_se(&usual, &b);
	cr_expect(str_eq(buf_str(&b), STR("Min-SE: 90\r\n")));
}

/* C243, C245 */
Test(refresh, C243_ours_goes_out_at_half_the_interval)
{
	fresh();
	cr_assert_eq(asked(&usual, "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n"), 0u);
	(void)answer(&usual);
	cr_expect_eq(r.due_ms, NOW + 300000u);
	cr_expect_eq(r.end_ms, NOW + 568000u);
	cr_expect_eq(refresh_due(&r, NOW + 299999), REFRESH_NOTHING);
	cr_expect_eq(refresh_due(&r, NOW + 300000), REFRESH_SEND);
	cr_expect_str_eq(lines(&usual), "Session-Expires: 600;refresher=uac\r\nMin-SE: 90\r\n");
	refresh_sent(&r);
	cr_expect_eq(refresh_due(&r, NOW + 567999), REFRESH_NOTHING);
	cr_expect_eq(refresh_due(&r, NOW + 568000), REFRESH_EXPIRED);
	/* what is answered goes on; also by a peer that has nothing to say about it */
	agreed("");
	cr_expect_eq(r.due_ms, NOW + 300000u);
	agreed("Session-Expires: 100;refresher=uas\r\n");
	cr_expect_eq(r.role, (uint32_t)REFRESH_THEIRS);
	cr_expect_eq(refresh_deadline_ms(&r), NOW + 100000u - 32000u);
}

Test(refresh, C244_theirs_runs_out)
{
	fresh();
	cr_assert_eq(asked(&usual, "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n"), 0u);
	(void)answer(&usual);
	cr_expect_eq(refresh_deadline_ms(&r), NOW + 60000u);
	cr_expect_eq(refresh_due(&r, NOW + 59999), REFRESH_NOTHING);
	cr_expect_eq(refresh_due(&r, NOW + 60000), REFRESH_EXPIRED);
}

/* C245: every INVITE and UPDATE that is answered starts it again, and changes only what it says. */
Test(refresh, C245_what_is_not_said_stays)
{
	fresh();
	cr_assert_eq(asked(&usual, "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n"), 0u);
	(void)answer(&usual);
	r.end_ms = 1;
	cr_assert_eq(asked(&usual, ""), 0u);
	cr_expect_str_eq(answer(&usual), "Require: timer\r\nSession-Expires: 600;refresher=uac\r\n");
	cr_expect_eq(r.end_ms, NOW + 568000u);
	cr_assert_eq(asked(&usual, "Session-Expires: 300\r\n"), 0u);
	cr_expect_str_eq(answer(&usual), "Require: timer\r\nSession-Expires: 300;refresher=uac\r\n");
	cr_assert_eq(asked(&usual, "Session-Expires: 300;refresher=uas\r\n"), 0u);
	cr_expect_str_eq(answer(&usual), "Require: timer\r\nSession-Expires: 300;refresher=uas\r\n");
	cr_expect_eq(asked(&usual, "Session-Expires: 30\r\n"), 422u);
	cr_expect_eq(r.interval_s, 300u);
}

Test(refresh, as_client)
{
	fresh();
	cr_expect_str_eq(lines(&off), "");
	cr_expect_str_eq(lines(&usual), "Session-Expires: 1800\r\nMin-SE: 90\r\n");
	agreed("Session-Expires: 1800;refresher=uac\r\nRequire: timer\r\nAllow: INVITE, UPDATE\r\n");
	cr_expect_eq(r.role, (uint32_t)REFRESH_OURS);
	cr_expect(r.supports && r.updates);
	fresh();
	agreed("Session-Expires: 1800\r\n");
	cr_expect_eq(r.role, (uint32_t)REFRESH_OURS, "who asked");
	fresh();
	agreed("Session-Expires: 1800;refresher=uas\r\n");
	cr_expect_eq(r.role, (uint32_t)REFRESH_THEIRS);
	cr_expect_str_eq(lines(&usual), "Session-Expires: 1800;refresher=uas\r\nMin-SE: 90\r\n", "of another request of ours");
	agreed("");
	cr_expect_eq(r.role, (uint32_t)REFRESH_OFF, "the peer has taken it back");
}

Test(refresh, C248_no_timer_without_the_field)
{
	fresh();
	agreed("");
	cr_expect_eq(r.role, (uint32_t)REFRESH_OFF);
	agreed("Session-Expires: soon\r\n");
	cr_expect_eq(refresh_deadline_ms(&r), UINT64_MAX);
}

/* What a peer says can not make us busy. */
Test(refresh, the_shortest)
{
	fresh();
	agreed("Session-Expires: 1;refresher=uac\r\n");
	cr_expect_eq(r.interval_s, 2u);
	cr_expect_eq(r.due_ms, NOW + 1000u);
	cr_expect_eq(r.end_ms, NOW + 2000u - 666u);
}

Test(refresh, C247_a_422_is_answered_with_more)
{
	fresh();
	cr_expect(refresh_too_short(&r, message("SIP/2.0 422 X", "Min-SE: 600\r\n")));
	cr_expect_str_eq(lines(&off), "Session-Expires: 600\r\nMin-SE: 600\r\n");
	cr_expect_str_eq(lines(&usual), "Session-Expires: 1800\r\nMin-SE: 600\r\n");
	cr_expect_not(refresh_too_short(&r, message("SIP/2.0 422 X", "Min-SE: 600\r\n")), "the same again");
	cr_expect_not(refresh_too_short(&r, message("SIP/2.0 422 X", "")));
	cr_expect_not(refresh_too_short(&r, message("SIP/2.0 422 X", "Min-SE: 100000\r\n")));
	cr_expect(refresh_too_short(&r, message("SIP/2.0 422 X", "min-se: 700 ;x\r\n")));
	cr_expect(refresh_too_short(&r, message("SIP/2.0 422 X", "Min-SE: 701\r\n")));
	cr_expect_not(refresh_too_short(&r, message("SIP/2.0 422 X", "Min-SE: 702\r\n")), "three times");
}

Test(refresh, C249_refused_refreshes)
{
	static const struct {
		uint32_t code;
		bool goes_on;
		uint64_t due_ms; /* from now */
	} rows[] = {
		{408, false, 0}, {481, false, 0}, {491, true, 2150}, {500, true, 30000}, {488, true, 30000}, {405, true, 0}, {501, true, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		fresh();
		agreed("Session-Expires: 1800;refresher=uac\r\nAllow: UPDATE\r\n");
		refresh_sent(&r);
		cr_expect_eq(refused(rows[i].code, ""), rows[i].goes_on, "%zu", i);
		cr_expect_eq(r.out, 0u);
		if (rows[i].goes_on)
			cr_expect_eq(r.due_ms, NOW + rows[i].due_ms, "%zu: %lu", i, r.due_ms);
	}
	cr_expect_eq(r.updates, 0u, "after a 501 by re-INVITE");
	cr_expect(refused(501, ""));
	cr_expect_eq(r.due_ms, NOW + 30000u, "but not without end");
	cr_expect(refused(422, "Min-SE: 2000\r\n"));
	cr_expect_eq(r.due_ms, NOW);
	cr_expect_str_eq(lines(&usual), "Session-Expires: 2000;refresher=uac\r\nMin-SE: 2000\r\n");
	r.end_ms = NOW + 100;
	cr_expect(refused(500, ""));
	cr_expect_eq(refresh_due(&r, NOW + 100), REFRESH_EXPIRED, "the end comes first");
	/* of one that is not ours any more */
	agreed("Session-Expires: 1800;refresher=uas\r\n");
	cr_expect(refused(500, ""));
	cr_expect_eq(r.due_ms, 0u);
	fresh();
	cr_expect(refused(481, ""), "there is no timer");
	cr_expect_eq(refresh_deadline_ms(&r), UINT64_MAX);
}

Test(refresh, from_a_record)
{
	struct refresh good, bad;

	fresh();
	cr_expect(refresh_restore(&r, NOW), "of a build without timers");
	agreed("Session-Expires: 1800;refresher=uac\r\n");
	good = r;
	cr_expect(refresh_restore(&r, NOW + 7));
	cr_expect_eq(memcmp(&r, &good, sizeof r), 0);
	refresh_sent(&r);
	cr_expect(refresh_restore(&r, NOW + 7));
	cr_expect_eq(r.due_ms, NOW + 7u, "whether it was answered is not known");
	for (unsigned i = 0; i < 6; i++) {
		bad = good;
		*(i == 0 ? &bad.role : i == 1 ? &bad.interval_s : &bad.tries) = i == 1 ? 1 : 77;
		if (i == 2)
			bad.end_ms = 0;
		if (i == 3)
			bad.end_ms = UINT64_MAX;
		if (i == 4)
			bad.due_ms = UINT64_MAX;
		if (i == 5)
			bad.role = REFRESH_THEIRS;
		cr_expect_not(refresh_restore(&bad, NOW), "%u", i);
		cr_expect_eq(refresh_deadline_ms(&bad), UINT64_MAX);
	}
}

/* ---- in a leg ---- */

Test(refresh, the_earlier_of_two_deadlines)
{
	bring_to(LEG_CONFIRMED);
	cr_expect_eq(leg_deadline_ms(leg), UINT64_MAX);
	leg->r.refresh = (struct refresh){.role = REFRESH_OURS, .interval_s = 100, .due_ms = 50100, .end_ms = 68100};
	cr_expect_eq(leg_deadline_ms(leg), 50100u);
	cr_expect_eq(leg_due(leg, 50100), LEG_EV_REFRESH_DUE);
	feed(LEG_EV_REFRESH_DUE, 50100);
	cr_expect(did(LEG_FX_SEND_REFRESH));
	cr_expect_eq(leg_deadline_ms(leg), 68100u);
	feed(LEG_EV_REFRESH, 68000);
	cr_expect_eq(leg_deadline_ms(leg), 68100u);
	cr_expect_eq(leg_due(leg, 68100), LEG_EV_EXPIRED);
	leg->r.refresh.end_ms = 99000;
	cr_expect_eq(leg_deadline_ms(leg), 68500u);
	cr_expect_eq(leg_due(leg, 68500), LEG_EV_TIMER);
	bring_to(LEG_ENDING);
	leg->r.refresh = (struct refresh){.role = REFRESH_OURS, .interval_s = 100, .due_ms = 50100, .end_ms = 68100};
	cr_expect_eq(leg_deadline_ms(leg), leg->r.deadline_ms, "its session is over");
	cr_expect_eq(leg_due(leg, leg->r.deadline_ms), LEG_EV_TIMER);
}

Test(refresh, C244_what_is_told_of_the_end)
{
	bring_to(LEG_CONFIRMED);
	feed(LEG_EV_EXPIRED, 200);
	cr_expect(did(LEG_FX_SEND_BYE) && did(LEG_FX_OVER));
	cr_expect_str_eq(leg->r.over.reason, "session timer expired");
	cr_expect_eq(leg->r.over.q850, 102u);
	cr_expect_eq(leg->r.over.who, (uint32_t)LEG_BY_SYSTEM);
}

Test(refresh, C242_requests_of_a_leg)
{
	cr_expect_eq(open_leg("Supported: timer\r\nSession-Expires: 30\r\nContent-Type: application/sdp\r\n", SDP), 422);
	cr_expect_eq(open_leg("Supported: timer\r\nSession-Expires: 90\r\nContent-Type: application/sdp\r\n", SDP), 0);
	cr_expect_eq(leg->r.refresh.asked_s, 90u);
	feed(LEG_EV_INVITE, 100);
	cr_expect_not(leg_has_session(leg));
	feed(LEG_EV_ANSWER, 100);
	cr_expect(leg_has_session(leg));
	feed(LEG_EV_ACK, 100);
	cr_expect_eq(update(8, SDP), 0);
	cr_expect_eq(leg->r.refresh.asked_s, 0u);
}

/* C247: the same call, one CSeq further. */
Test(refresh, C247_the_invite_again)
{
	struct sip_login nobody = {.username = {"", 0}};
	char area[SIP_REQUEST_BYTES];
	struct buf b = buf_of(area, sizeof area - 1);
	const struct answer *a;

	bring_to(LEG_DIALLING);
	a = read_answer_of(RESPONSE("422 x", ";tag=t", "Min-SE: 600\r\n", ""));
	cr_expect_eq(leg_refused(leg, &nobody, &a->msg, 1), LEG_EV_CHALLENGED);
	feed(LEG_EV_CHALLENGED, 200);
	cr_expect(did(LEG_FX_SEND_INVITE));
	cr_assert_eq(leg_print_invite(leg, &cfg, &nobody, STR("z9hG4bKx"), &b), 0);
	area[b.n] = '\0';
	cr_expect_not_null(strstr(area, "\r\nSession-Expires: 600\r\nMin-SE: 600\r\n"));
	cr_expect_not_null(strstr(area, "\r\nSupported: 100rel, timer, replaces\r\n"));
	a = read_answer_of(RESPONSE("422 x", ";tag=t", "", ""));
	cr_expect_eq(leg_refused(leg, &nobody, &a->msg, 1), LEG_EV_DECLINED);
}
