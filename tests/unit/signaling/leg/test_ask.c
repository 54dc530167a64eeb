/* test_ask.c - mirrors signaling/leg/ask.c: requests of ours in the dialog of a leg. */
#include <string.h>

#include "signaling/leg/ask.h"
#include "tests/unit/signaling/leg/kit.h"

TestSuite(ask, .init = setup, .fini = teardown);

static const struct sip_login login = {.username = {"al", 2}, .password = {"secret", 6}};
static char text[SIP_REQUEST_BYTES];

static struct ask_request request(enum ask_kind kind)
{
	struct ask_request r = {.kind = kind, .token = 70 + (unsigned)kind, .type = STR("text/plain"), .body = STR("hi")};

	if (kind == ASK_REFER)
		r.lines = STR("Refer-To: <sip:bo@192.0.2.3>\r\n");
	else if (kind == ASK_NOTIFY)
		r.lines = STR("Event: refer\r\nSubscription-State: active\r\n");
	return r;
}

static uint32_t begin(enum ask_kind kind)
{
	struct ask_request r = request(kind);
	uint32_t slot = ASK_NONE;

	cr_assert_eq(ask_begin(leg, &r, &slot), 0);
	return slot;
}

static const char *print(uint32_t slot, const char *branch)
{
	struct buf b = buf_of(text, sizeof text - 1);

	struct ask_form form = {.cfg = &cfg, .login = &login, .branch = str_of(branch)};

	cr_assert_eq(ask_print(leg, slot, &form, &b), 0);
	text[b.n] = '\0';
	return text;
}

static bool challenged(uint32_t slot, const char *status, const char *line)
{
	static char said[1024];
	static struct sip_msg msg;

	(void)snprintf(said, sizeof said, "SIP/2.0 %s\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKo\r\n%s\r\n", status, line);
	cr_assert_eq(sip_parse(said, strlen(said), &msg), 0);
	return ask_is_challenged(leg, slot, &login, &msg, 99);
}

Test(ask, every_kind_goes_out_in_the_dialog)
{
	static const char *const methods[ASK_KINDS] = {"UPDATE", "INFO", "MESSAGE", "REFER", "NOTIFY"};

	bring_to(LEG_CONFIRMED);
	for (unsigned kind = 0; kind < ASK_KINDS; kind++) {
		uint32_t slot = begin((enum ask_kind)kind);
		char line[64], cseq[64];

		cr_expect(ask_may_go(leg, slot));
		(void)snprintf(line, sizeof line, "%s sip:al@192.0.2.1:5060 SIP/2.0\r\n", methods[kind]);
		(void)snprintf(cseq, sizeof cseq, "\r\nCSeq: %u %s\r\n", kind + 1, methods[kind]);
		print(slot, "z9hG4bKx");
		cr_expect_eq(strncmp(text, line, strlen(line)), 0, "%s", text);
		cr_expect(strstr(text, cseq) != NULL && strstr(text, "branch=z9hG4bKx") != NULL && strstr(text, "\r\n\r\nhi") != NULL, "%s", text);
		cr_expect_eq(ask_at(leg, slot)->state, (uint32_t)ASK_OUT);
		cr_expect_eq(ask_at(leg, slot)->token, 70u + kind);
	}
}

Test(ask, one_of_a_kind_and_notify_in_a_row)
{
	struct ask_request r = request(ASK_INFO);
	uint32_t slot;

	bring_to(LEG_CONFIRMED);
	print(begin(ASK_INFO), "z9hG4bKx");
	cr_expect_eq(ask_check(leg, ASK_INFO), ERR_AGAIN);
	cr_expect_eq(ask_begin(leg, &r, &slot), ERR_AGAIN);
	cr_expect_eq(ask_check(leg, ASK_MESSAGE), 0);
	for (unsigned i = 0; i < ASK_NOTIFY_SLOTS; i++) {
		r = request(ASK_NOTIFY);
		r.token = i;
		cr_assert_eq(ask_begin(leg, &r, &slot), 0);
		cr_expect_eq(ask_may_go(leg, slot), i == 0);
	}
	cr_expect_eq(ask_check(leg, ASK_NOTIFY), ERR_AGAIN, "at the cap");
	for (unsigned i = 0; i < ASK_NOTIFY_SLOTS; i++) {
		slot = ask_waiting(leg);
		cr_assert_neq(slot, ASK_NONE);
		cr_expect_eq(ask_at(leg, slot)->token, i, "in order");
		print(slot, "z9hG4bKy");
		cr_expect(strstr(text, "\r\n\r\nhi") != NULL);
		cr_expect_eq(ask_waiting(leg), ASK_NONE);
		ask_end(leg, slot);
	}
	ask_end(leg, 1);
	cr_expect_eq(leg->r.ask_used, 0u);
	cr_expect_eq(ask_check(leg, ASK_INFO), 0);
}

/* C182 C212 */
Test(ask, in_which_states)
{
	for (unsigned state = LEG_ROUTING; state < LEG_STATES; state++) {
		bool up = state == LEG_CONFIRMED || state == LEG_REFRESHED || state == LEG_OFFERED ||
			  state == LEG_ANSWERED; /* it waits for the ACK */

		bring_to((enum leg_state)state);
		for (unsigned kind = 0; kind < ASK_KINDS; kind++)
			cr_expect_eq(ask_check(leg, (enum ask_kind)kind), up ? 0 : ERR_PROTO, "%s", leg_state_name((enum leg_state)state));
	}
	bring_to(LEG_ANSWERED);
	cr_expect_not(ask_may_go(leg, begin(ASK_INFO)));
	feed(LEG_EV_ACK, 200);
	cr_expect_eq(ask_waiting(leg), 1u);
	bring_to(LEG_DIALLING);
	feed(provisional(RESPONSE("180 Ringing", ";tag=p1", "Contact: <sip:bo@192.0.2.1:5099>\r\n", "")), 200);
	for (unsigned kind = 0; kind < ASK_KINDS; kind++)
		cr_expect_eq(ask_check(leg, (enum ask_kind)kind), kind == ASK_UPDATE || kind == ASK_INFO ? 0 : ERR_PROTO);
	print(begin(ASK_INFO), "z9hG4bKx");
	cr_expect(strstr(text, "INFO sip:bo@192.0.2.1:5099 ") == text && strstr(text, ";tag=p1\r\n") != NULL, "%s", text);
}

Test(ask, what_can_not_be_sent)
{
	static char big[ASK_TEXT_EACH + 1];
	struct ask_request r = request(ASK_INFO);
	uint32_t slot = 77;

	bring_to(LEG_CONFIRMED);
	memset(big, 'a', sizeof big);
	r.lines = STR("X-A: b");
	cr_expect_eq(ask_begin(leg, &r, &slot), ERR_INVAL, "no end of line");
	r.lines = STR("CSeq: 4 INFO\r\n");
	cr_expect_eq(ask_begin(leg, &r, &slot), ERR_INVAL, "ours to say");
	r.lines = STR("X-A: b\r\n");
	r.type = STR("a/b\r\nX: y");
	cr_expect_eq(ask_begin(leg, &r, &slot), ERR_INVAL);
	r.type = STR("");
	cr_expect_eq(ask_begin(leg, &r, &slot), ERR_INVAL, "what is it?");
	r.type = STR("a/b");
	r.body = (struct str){big, sizeof big};
	cr_expect_eq(ask_begin(leg, &r, &slot), ERR_NOSPC);
	cr_expect_eq(slot, 77u);
	cr_expect_eq(leg->r.ask_used, 0u);
	r.body.n = ASK_TEXT_EACH - r.lines.n - r.type.n;
	cr_expect_eq(ask_begin(leg, &r, &slot), 0, "at the cap");
	r.kind = ASK_MESSAGE;
	cr_expect_eq(ask_begin(leg, &r, &slot), 0);
	cr_expect_eq(leg->r.ask_used, ASK_TEXT_BYTES);
	r = request(ASK_REFER);
	cr_expect_eq(ask_begin(leg, &r, &slot), ERR_NOSPC, "all together");
	ask_end(leg, 1);
	cr_expect_eq(ask_begin(leg, &r, &slot), 0);
	print(2, "z9hG4bKx");
	cr_expect(strstr(text, "\r\nX-A: b\r\n") != NULL && strstr(text, "\r\nContent-Type: a/b\r\n") != NULL, "it moved as a whole");
}

/* C217 */
Test(ask, is_challenged_once_and_once_for_a_stale_nonce)
{
	uint32_t slot, other;

	bring_to(LEG_CONFIRMED);
	slot = begin(ASK_INFO);
	other = begin(ASK_UPDATE);
	print(slot, "z9hG4bKx");
	cr_expect(strstr(text, "uthorization") == NULL);
	print(other, "z9hG4bKo");
	cr_expect(challenged(slot, "401 x", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"\r\n"));
	print(slot, "z9hG4bKy");
	cr_expect(strstr(text, "\r\nAuthorization: Digest ") != NULL && strstr(text, "CSeq: 3 INFO") != NULL && strstr(text, "z9hG4bKy") != NULL, "%s", text);
	cr_expect(challenged(slot, "401 x", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", stale=true, qop=\"auth\"\r\n"));
	cr_expect_not(challenged(slot, "401 x", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n3\", qop=\"auth\"\r\n"), "not a third time");
	cr_expect(challenged(other, "407 x", "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n4\", qop=\"auth\"\r\n"), "each for itself");
	cr_expect_not(challenged(other, "500 x", ""));
	print(other, "z9hG4bKz");
	cr_expect(strstr(text, "Proxy-Authorization: ") != NULL);
}

Test(ask, which_outcome_ends_the_call)
{
	cr_expect(ask_ends_call(ASK_INFO, 481) && ask_ends_call(ASK_INFO, 408) && ask_ends_call(ASK_UPDATE, 481));
	cr_expect_not(ask_ends_call(ASK_INFO, 500) || ask_ends_call(ASK_UPDATE, 405) || ask_ends_call(ASK_UPDATE, 200));
	cr_expect_not(ask_ends_call(ASK_MESSAGE, 481) || ask_ends_call(ASK_REFER, 481) || ask_ends_call(ASK_NOTIFY, 481));
}

static void round_trip(void)
{
	static char packed[LEG_PACKED_BYTES];
	static struct leg_record back;
	static struct sip_client_record client;
	bool has_client;
	size_t n = leg_pack(&leg->r, NULL, packed);

	cr_assert_eq(leg_unpack(packed, n, &back, &client, &has_client), 0);
	leg->r = back;
}

Test(ask, goes_on_after_a_kill_as_the_same_request)
{
	for (unsigned ours = 0; ours < 2; ours++) {
		char before[SIP_REQUEST_BYTES];
		uint32_t first, second;

		bring_to(LEG_CONFIRMED);
		leg->r.local = (struct addr){.family = ADDR_V4, .port = 5060, .ip = {192, 0, 2, 9}};
		if (ours) {
			bring_to(LEG_DIALLING);
			feed(picked_up(RESPONSE("200 OK", ";tag=p1", "Contact: <sip:bo@192.0.2.1>\r\n", SDP)), 200);
		}
		(void)begin(ASK_MESSAGE);
		first = begin(ASK_NOTIFY);
		second = begin(ASK_NOTIFY);
		(void)strcpy(before, print(first, "z9hG4bKx"));
		leg->r.ask_last[ASK_INFO] = (struct ask_last){.token = 7, .code = 200};
		round_trip();
		cr_assert_eq(leg_restore(leg, &cfg, 300), 0);
		cr_expect_not(leg->mended);
		cr_expect_str_eq(print(first, ""), before);
		cr_expect_eq(ask_at(leg, second)->state, (uint32_t)ASK_WAITS);
		cr_expect_eq(leg->r.ask_last[ASK_INFO].token, 7u);
		cr_expect_eq(leg->r.ask_last[ASK_INFO].code, 200u);
	}
}

/* What is damaged is not sent, and the call goes on. */
Test(ask, a_record_of_nonsense)
{
	struct leg_record good;

	bring_to(LEG_CONFIRMED);
	print(begin(ASK_INFO), "z9hG4bKx");
	print(begin(ASK_NOTIFY), "z9hG4bKy");
	(void)begin(ASK_NOTIFY);
	good = leg->r;
	for (unsigned i = 0; i < 11; i++) {
		struct leg_record *r = &leg->r;

		*r = good;
		if (i == 0)
			r->asks[1].kind = ASK_KINDS;
		else if (i == 1)
			r->asks[1].kind = ASK_REFER;
		else if (i == 2)
			r->asks[1].state = ASK_STATES;
		else if (i == 3)
			r->asks[1].cseq = 0;
		else if (i == 4)
			r->asks[1].cseq = 99;
		else if (i == 5)
			memset(r->asks[1].branch, 'x', sizeof r->asks[1].branch);
		else if (i == 6)
			r->asks[1].body++;
		else if (i == 7)
			r->asks[5].at--;
		else if (i == 8)
			r->asks[1].lines = UINT32_MAX;
		else if (i == 9)
			r->asks[4].state = ASK_FREE;
		else
			r->asks[5].state = ASK_OUT;
		cr_expect_not(ask_restore(leg), "%u", i);
		cr_expect_eq(ask_check(leg, ASK_INFO), 0);
		cr_expect_eq(r->ask_used, 0u);
	}
	leg->r = good;
	cr_expect(ask_restore(leg));
}

/* The call is ended for a reason of its own. */
Test(ask, gone)
{
	bring_to(LEG_CONFIRMED);
	leg->said = (struct leg_wish){.code = 481, .reason = "the peer knows no call"};
	feed(LEG_EV_GONE, 300);
	cr_expect(did(LEG_FX_SEND_BYE) && did(LEG_FX_OVER));
	cr_expect_eq(leg->r.state, (uint32_t)LEG_ENDING);
	cr_expect_eq(leg->r.over.who, (uint32_t)LEG_BY_SYSTEM);
	cr_expect_eq(leg->r.over.code, 481u);
	bring_to(LEG_REFRESHED);
	feed(LEG_EV_GONE, 300);
	cr_expect_eq(leg->r.state, (uint32_t)LEG_HANGING);
	bring_to(LEG_OFFERED);
	feed(LEG_EV_GONE, 300);
	cr_expect_eq(leg->r.state, (uint32_t)LEG_ENDING);
}
