/* test_messages.c - mirrors signaling/daemon/messages.c and from_messages.c: MESSAGE outside a call, as peers and control see it. */
#include <criterion/criterion.h>

#include "signaling/daemon/messages.h"
#include "tests/unit/signaling/daemon/scene.h"

#define CODE(name) TIPRING__V1__RESULT_CODE__##name

/* What control was told. */
static struct {
	uint64_t handle, token;
	uint32_t told, sent, code, sip_code;
	size_t body_n, headers;
	char text[256];
} heard;

static bool hear(const Tipring__V1__Envelope *e)
{
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_MESSAGE_INCOMING) {
		const Tipring__V1__MessageIncoming *m = e->message_incoming;

		heard.handle = m->handle;
		heard.told++;
		heard.body_n = m->body.len;
		heard.headers = m->n_headers;
		(void)snprintf(heard.text, sizeof heard.text, "%s %u %s %s %s %s", m->sip_call_id, m->cseq, m->from_tag, m->from_uri, m->request_uri,
			       m->content_type);
		return true;
	}
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_HEARD || e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_KEY) {
		bool key = e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_KEY;

		heard.told++;
		heard.handle = key ? e->leg_key->leg_id : e->leg_heard->leg_id;
		heard.code = key ? e->leg_key->cseq : e->leg_heard->cseq;
		(void)snprintf(heard.text, sizeof heard.text, "%s", key ? e->leg_key->digit : e->leg_heard->content_type);
		return true;
	}
	if (e->body_case != TIPRING__V1__ENVELOPE__BODY_MESSAGE_SENT)
		return false;
	heard.token = e->message_sent->token;
	heard.sent++;
	heard.code = e->message_sent->code;
	heard.sip_code = e->message_sent->sip_code;
	(void)snprintf(heard.text, sizeof heard.text, "%s %s %s", e->message_sent->backend, e->message_sent->command_id, e->message_sent->reason);
	return true;
}

static void world(void)
{
	memset(&heard, 0, sizeof heard);
	scene_open(83);
	storm->hear = hear;
	storm->s.stack.cfg.messages = true;
	cr_assert_eq(messages_open(&storm->s), 0);
}

static void end(void)
{
	messages_close(&storm->s);
	storm_close();
}

TestSuite(messages, .init = world, .fini = end);

static void arrive(unsigned number, const char *head, size_t body_n)
{
	static char text[STORM_BYTES];
	int n = snprintf(text, sizeof text,
			 "MESSAGE sip:100@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKm%u\r\nMax-Forwards: 70\r\n"
			 "From: <sip:a@192.0.2.1>;tag=t%u\r\nTo: <sip:100@192.0.2.9>\r\nCall-ID: m%u\r\nCSeq: 1 MESSAGE\r\n%s"
			 "Content-Length: %zu\r\n\r\n",
			 number, number, number, head, body_n);

	cr_assert(n > 0 && (size_t)n + body_n <= sizeof text);
	memset(text + n, 'x', body_n);
	storm_post(true, 0, text, (size_t)n + body_n);
	storm_deliver(storm->net_count - 1, false, true);
}

/* The code of the last response, and nothing else is on its way. */
static unsigned answered(void)
{
	unsigned code = 0;

	if (storm->net_count > 0)
		(void)sscanf(storm->net[storm->net_count - 1].p, "SIP/2.0 %u", &code);
	storm->net_count = 0;
	return code;
}

#define PLAIN "Content-Type: text/plain\r\nX-A: b\r\nSubject: c\r\n"

static void answer(uint64_t handle, uint32_t code)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__MessageAnswer a = TIPRING__V1__MESSAGE_ANSWER__INIT;

	a.handle = handle;
	a.code = code;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_MESSAGE_ANSWER;
	e.message_answer = &a;
	storm_command(&e);
}

Test(messages, one_waits_for_control)
{
	arrive(1, PLAIN, 5);
	cr_expect_eq(answered(), 0u, "no provisional");
	cr_expect(heard.told == 1 && heard.body_n == 5 && heard.headers == 1);
	cr_expect_str_eq(heard.text, "m1 1 t1 sip:a@192.0.2.1 sip:100@192.0.2.9 text/plain");
	arrive(1, PLAIN, 5);
	cr_expect(answered() == 0 && heard.told == 1, "a repetition is none");
	storm_pass(MESSAGE_AGAIN_MS);
	cr_expect_eq(heard.told, 2u);
	answer(heard.handle + 2, 200);
	answer(0, 200);
	cr_expect_eq(answered(), 0u);
	answer(heard.handle, 202);
	cr_expect_eq(answered(), 202u);
	answer(heard.handle, 200);
	cr_expect_eq(answered(), 0u, "it has its answer");
	storm_pass(MESSAGE_PATIENCE_MS);
	cr_expect(heard.told == 2 && answered() == 0);
}

Test(messages, nobody_says_anything)
{
	arrive(1, PLAIN, 0);
	for (unsigned ms = 0; ms < MESSAGE_PATIENCE_MS; ms += 1000) {
		cr_expect_eq(answered(), 0u);
		storm_pass(1000);
	}
	cr_expect_eq(answered(), 480u);
	cr_expect_eq(heard.told, MESSAGE_PATIENCE_MS / MESSAGE_AGAIN_MS);
}

Test(messages, what_is_not_taken)
{
	static const struct {
		const char *head;
		size_t body_n;
		unsigned code;
	} rows[] = {
		{"", 1, 415},
		{"Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", 1, 415},
		{"Require: x\r\n", 0, 420},
	};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		arrive(i, rows[i].head, rows[i].body_n);
		cr_expect_eq(answered(), rows[i].code);
	}
	storm->s.stack.cfg.messages = false;
	arrive(9, PLAIN, 1);
	cr_expect_eq(answered(), 405u);
	storm->s.stack.cfg.messages = true;
	storm->s.stack.draining = true;
	arrive(10, PLAIN, 1);
	cr_expect_eq(answered(), 503u);
	cr_expect_eq(heard.told, 0u);
}

Test(messages, one_more_than_there_is_room_for)
{
	for (unsigned i = 0; i < MESSAGES_IN_MAX; i++)
		arrive(i, PLAIN, 1);
	cr_expect(answered() == 0 && heard.told == MESSAGES_IN_MAX);
	arrive(MESSAGES_IN_MAX, PLAIN, 1);
	cr_expect_eq(answered(), 503u);
	answer(heard.handle, 200);
	cr_expect_eq(answered(), 200u);
	arrive(MESSAGES_IN_MAX + 1, PLAIN, 1);
	cr_expect(answered() == 0 && heard.told == MESSAGES_IN_MAX + 1);
}

/* ---- in a call ---- */

static uint32_t cseq = 50;

static void say_in_call(const char *method, const char *type, const char *body)
{
	const struct sip_dialog *d = &leg()->r.dialog;
	char text[STORM_BYTES];
	int n = snprintf(text, sizeof text,
			 "%s sip:100@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKc%u%s\r\nMax-Forwards: 70\r\n"
			 "From: %s;tag=%s\r\nTo: %s;tag=%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
			 method, cseq, method, d->remote, d->remote_tag, d->local, d->local_tag, d->call_id, cseq, method, type, strlen(body), body);

	storm_post(true, 0, text, (size_t)n);
	storm_deliver(storm->net_count - 1, false, true);
}

static void taken(uint64_t id, uint32_t number)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegTaken m = TIPRING__V1__LEG_TAKEN__INIT;

	m.leg_id = id;
	m.cseq = number;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_TAKEN;
	e.leg_taken = &m;
	storm_command(&e);
}

static void call_up(void)
{
	storm->hear = NULL;
	scene_call_up();
	storm->net_count = 0;
	storm->hear = hear;
	memset(&heard, 0, sizeof heard);
}

Test(messages, in_a_call_it_has_its_200_when_control_took_it)
{
	call_up();
	say_in_call("INFO", "application/x", "a");
	cr_expect(answered() == 0 && heard.told == 1 && heard.handle == leg()->r.handle && heard.code == cseq);
	storm_pass(MESSAGE_AGAIN_MS);
	cr_expect_eq(heard.told, 2u);
	taken(heard.handle, cseq + 1);
	cr_expect_eq(answered(), 0u, "another one");
	taken(heard.handle, cseq);
	cr_expect_eq(answered(), 200u);
	taken(heard.handle, cseq);
	cr_expect_eq(answered(), 0u);
	cseq++;
	say_in_call("INFO", "application/dtmf", "7");
	cr_expect_str_eq(heard.text, "7");
	storm_pass(MESSAGE_AGAIN_MS);
	cr_expect_str_eq(heard.text, "7");
	cr_expect_eq(heard.told, 4u);
	for (unsigned ms = MESSAGE_AGAIN_MS; ms < MESSAGE_PATIENCE_MS; ms += 1000)
		storm_pass(1000);
	cr_expect_eq(answered(), 503u, "nobody took it");
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
}

/* The peer sends it again. */
Test(messages, in_a_call_a_successor_tells_control_again)
{
	call_up();
	say_in_call("MESSAGE", "text/plain", "a");
	cr_expect_eq(heard.told, 1u);
	messages_close(&storm->s);
	storm_kill();
	cr_assert_eq(messages_open(&storm->s), 0);
	storm->net_count = 0;
	say_in_call("MESSAGE", "text/plain", "a");
	cr_expect(heard.told == 2 && heard.code == cseq && answered() == 0);
	taken(heard.handle, cseq);
	cr_expect_eq(answered(), 200u);
	messages_close(&storm->s);
	storm_kill();
	cr_assert_eq(messages_open(&storm->s), 0);
	storm->net_count = 0;
	say_in_call("MESSAGE", "text/plain", "a");
	cr_expect(heard.told == 2 && answered() == 200, "it was taken");
}

/* ---- ours ---- */

static char long_text[2000];

static void ask(uint64_t token, size_t body_n)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__MessageSend m = TIPRING__V1__MESSAGE_SEND__INIT;
	Tipring__V1__Address hop = TIPRING__V1__ADDRESS__INIT;

	hop.ip = (char[]){"192.0.2.1"};
	hop.port = 5062;
	memset(long_text, 'x', sizeof long_text);
	m.token = token;
	m.backend = (char[]){"bot"};
	m.command_id = (char[]){"c-1"};
	m.request_uri = (char[]){"sip:bob@192.0.2.1:5062"};
	m.next_hop = &hop;
	m.username = (char[]){"alice"};
	m.password = (char[]){"secret"};
	m.content_type = (char[]){"text/plain"};
	m.body.data = (uint8_t *)long_text;
	m.body.len = body_n;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_MESSAGE_SEND;
	e.message_send = &m;
	storm_command(&e);
}

Test(messages, ours_is_sent_once_and_its_end_told_as_often_as_it_is_asked)
{
	char first[STORM_BYTES + 1];

	ask(7, 2);
	(void)strcpy(first, said());
	cr_expect(strncmp(first, "MESSAGE sip:bob@192.0.2.1:5062 SIP/2.0\r\n", 40) == 0, "%s", first);
	cr_expect(strstr(first, "\r\nContact:") == NULL && strstr(first, "\r\nFrom: <sip:192.0.2.9:5060>;tag=") != NULL, "%s", first);
	ask(7, 2);
	cr_expect_str_eq(said(), "", "it is out");
	storm_pass(500);
	cr_expect_str_eq(said(), first);
	reply(first, "200 OK");
	cr_expect(heard.sent == 1 && heard.token == 7 && heard.code == CODE(OK) && heard.sip_code == 200);
	cr_expect_str_eq(heard.text, "bot c-1 OK");
	ask(7, 2);
	cr_expect(heard.sent == 2 && heard.sip_code == 200);
	cr_expect_str_eq(said(), "");
	ask(0, 2);
	cr_expect(heard.sent == 2 && storm->net_count == 0);
}

Test(messages, a_challenge_is_answered_once)
{
	static const char asked[] = "401 Who\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"";
	const char *second;

	ask(7, 2);
	reply(said(), asked);
	second = said();
	cr_expect(strstr(second, "\r\nCSeq: 2 MESSAGE\r\n") != NULL && strstr(second, "\r\nAuthorization: Digest username=\"alice\"") != NULL, "%s", second);
	cr_expect_eq(heard.sent, 0u);
	reply(second, asked);
	cr_expect(heard.sent == 1 && heard.sip_code == 401 && storm->net_count == 0);
	for (uint32_t i = 0; i < MESSAGES_OUT_MAX; i++)
		cr_expect_eq(storm->s.messages.logins[i].password[0], '\0', "wiped");
}

Test(messages, nobody_answers_ours)
{
	ask(7, 2);
	for (unsigned i = 0; i < 40; i++) {
		storm->net_count = 0;
		storm_pass(1000);
	}
	cr_expect(heard.sent == 1 && heard.code == CODE(OK) && heard.sip_code == 408);
}

/* RFC 3428 8 */
Test(messages, ours_is_short)
{
	ask(7, 1250);
	cr_expect(heard.sent == 1 && heard.code == CODE(REJECTED) && heard.sip_code == 0 && storm->net_count == 0);
	cr_expect(strstr(heard.text, "1300 octets") != NULL, "%s", heard.text);
	ask(8, 1301);
	cr_expect(heard.sent == 2 && heard.code == CODE(REJECTED));
	ask(9, 700);
	cr_expect(heard.sent == 2 && strlen(said()) <= MESSAGE_OUT_BYTES);
	cr_expect_eq(storm->s.messages.out.used, 1u);
}

Test(messages, no_more_of_ours_than_there_is_room_for)
{
	uint32_t sent = 0;

	for (uint32_t i = 1; i <= MESSAGES_OUT_MAX + 1; i++) {
		ask(i, 1);
		sent += storm->net_count;
		storm->net_count = 0;
	}
	cr_expect(heard.sent >= 1 && heard.code == CODE(OVERLOADED) && heard.sip_code == 0);
	cr_expect_eq(sent + heard.sent, MESSAGES_OUT_MAX + 1);
	cr_expect_eq(storm->s.messages.out.used, sent);
}
