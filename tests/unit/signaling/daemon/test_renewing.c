/* test_renewing.c - mirrors signaling/daemon/from_renew.c and renew_effects.c: single scenes of calls that we change, as control, peer and
 * successor see them. */
#include <criterion/criterion.h>

#include "common/base/log.h"
#include "common/base/rand.h"
#include "signaling/leg/renew.h"
#include "tests/unit/signaling/daemon/scene.h"

static struct {
	uint32_t told, code, generation;
	uint64_t number;
} changed;

static bool hear(const Tipring__V1__Envelope *e)
{
	if (e->body_case != TIPRING__V1__ENVELOPE__BODY_LEG_CHANGED)
		return false;
	changed.told++;
	changed.code = e->leg_changed->code;
	changed.number = e->leg_changed->number;
	changed.generation = e->leg_changed->generation;
	return true;
}

static void world(void)
{
	memset(&changed, 0, sizeof changed);
	scene_open(78);
	storm->hear = hear;
}

TestSuite(renewing, .init = world, .fini = storm_close);

static void call_up(void)
{
	storm_invite(0, storm_sdp);
	deliver_all();
	storm_control(1, leg()->r.handle);
	deliver_all();
	storm_ack(0);
	deliver_all();
	cr_assert_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
}

static void ask_for(uint64_t leg_id, uint64_t number, Tipring__V1__LegChangeKind kind)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegChange m = TIPRING__V1__LEG_CHANGE__INIT;

	m.leg_id = leg_id;
	m.number = number;
	m.kind = kind;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_CHANGE;
	e.leg_change = &m;
	storm_command(&e);
	storm_pass(1);
}

static void hold(uint64_t number)
{
	ask_for(leg()->r.handle, number, TIPRING__V1__LEG_CHANGE_KIND__LEG_HOLD);
}

static bool is(const char *message, const char *line)
{
	return strncmp(message, line, strlen(line)) == 0;
}

static void arrive(void)
{
	for (uint32_t n = storm->net_count; n > 0; n--)
		storm_deliver(0, false, true);
}

/* The peer's response to `request`. */
static void respond(const char *request, uint32_t code, const char *body)
{
	static const enum sip_header kept[] = {SIP_VIA, SIP_FROM, SIP_TO, SIP_CALL_ID, SIP_CSEQ};
	static struct sip_msg m;
	char text[STORM_BYTES];
	struct buf b = buf_of(text, sizeof text);

	cr_assert_eq(sip_parse(request, strlen(request), &m), 0);
	buf_z(&b, "SIP/2.0 ");
	buf_u64(&b, code);
	buf_z(&b, " x\r\nContact: <sip:a@192.0.2.1:5062>\r\n");
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		cr_assert_eq(sip_line(&b, str_of(sip_header_name(kept[i])), sip_value(&m, kept[i])), 0);
	buf_z(&b, body[0] != '\0' ? "Content-Type: application/sdp\r\nContent-Length: " : "Content-Length: ");
	buf_u64(&b, strlen(body));
	buf_z(&b, "\r\n\r\n");
	buf_z(&b, body);
	storm_post(true, 0, b.p, b.n);
	arrive();
}

static const char held[] = "v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=recvonly\r\n";

/* C214 C216: once, however often it is asked for; the ACK again for the 2xx again. */
Test(renewing, C214_C216_asked_again)
{
	char request[STORM_BYTES], ack[STORM_BYTES];

	call_up();
	hold(5);
	strcpy(request, said());
	cr_expect(is(request, "INVITE sip:a@192.0.2.1:5062 SIP/2.0\r\n") && strstr(request, "a=sendonly\r\n") != NULL, "%s", request);
	hold(5);
	cr_expect_str_eq(said(), "", "it is out");
	storm_pass(500);
	cr_expect_str_eq(said(), request, "timer A");
	respond(request, 200, held);
	strcpy(ack, said());
	cr_expect(is(ack, "ACK sip:a@192.0.2.1:5062 SIP/2.0\r\n"), "%s", ack);
	cr_expect(changed.told == 1 && changed.number == 5 && changed.code == 200 && changed.generation == 2);
	cr_expect_eq(storm_known(leg()->r.handle)->agreed, 2u, "before");
	respond(request, 200, held);
	cr_expect_str_eq(said(), ack);
	hold(5);
	cr_expect_eq(changed.told, 2u, "told again");
	cr_expect_str_eq(said(), "");
	storm_kill();
	storm->net_count = 0;
	hold(5);
	cr_expect(changed.told == 3 && changed.code == 200, "by a successor, too");
	respond(request, 200, held);
	cr_expect_str_eq(said(), ack, "which has the ACK");
	storm_pass(60000);
	cr_expect_eq(storm->values[STAT_signaling_legs_impossible], 0u);
}

/* Killed at every point of the way: one INVITE transaction, and one answer. */
Test(renewing, over_deaths)
{
	for (unsigned round = 0; round < 4; round++) {
		char request[STORM_BYTES];

		storm_close();
		world();
		call_up();
		hold(5);
		strcpy(request, said());
		if (round == 1)
			respond(request, 100, "");
		storm_kill();
		cr_expect_str_eq(said(), "", "a successor sends nothing at once");
		cr_expect_eq(leg()->r.renewal.state, (uint32_t)RENEWAL_OUT);
		if (round == 0) {
			storm_pass(600);
			cr_expect_str_eq(said(), request, "and goes on with its repetitions");
		}
		hold(5);
		cr_expect_str_eq(said(), "", "control asks again");
		respond(request, round == 3 ? 488 : 200, round == 3 ? "" : held);
		cr_expect(is(said(), "ACK "));
		cr_expect(changed.told == 1 && changed.code == (round == 3 ? 488 : 200));
		storm_kill();
		respond(request, round == 3 ? 488 : 200, round == 3 ? "" : held);
		cr_expect(is(said(), "ACK "), "repeated, and acknowledged again: %u", round);
		cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
		cr_expect_eq(changed.told, 1u);
	}
}

/* C185 C215 */
Test(renewing, C185_glare)
{
	char request[STORM_BYTES];

	call_up();
	hold(5);
	strcpy(request, said());
	storm_invite(0, storm_other_sdp);
	arrive();
	cr_expect(is(said(), "SIP/2.0 491 "));
	storm->callers[0].invites[2].final = 491;
	storm_ack(0);
	arrive();
	respond(request, 491, "");
	cr_expect(is(said(), "ACK "));
	storm_kill();
	storm_pass(2001); /* the window of who was called */
	cr_expect(is(said(), "INVITE ") && strstr(last_said, "\r\nCSeq: 2 INVITE\r\n") != NULL, "%s", last_said);
	cr_expect_eq(changed.told, 0u);
}

/* RFC 3261 12.2.1.2: timer B, and the call is over, also for control. */
Test(renewing, nobody_answers)
{
	call_up();
	hold(5);
	(void)said();
	storm_pass(32000);
	cr_expect(changed.told == 1 && changed.code == 408);
	cr_expect_eq(storm_known(leg()->r.handle)->code, 408u);
	cr_expect_eq(storm_known(leg()->r.handle)->who, (uint32_t)LEG_BY_SYSTEM);
}

/* A peer that says 100 and nothing more. */
Test(renewing, it_is_cancelled_after_a_minute)
{
	char request[STORM_BYTES];

	call_up();
	hold(5);
	strcpy(request, said());
	respond(request, 100, "");
	storm_pass(61000);
	cr_expect(is(said(), "CANCEL "), "%s", last_said);
	respond(request, 487, "");
	cr_expect(is(said(), "ACK "), "%s", last_said);
	cr_expect(changed.told == 1 && changed.code == 487);
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
}

Test(renewing, what_can_not_be_begun)
{
	static const struct {
		uint64_t number;
		Tipring__V1__LegChangeKind kind;
		uint32_t code;
	} rows[] = {
		{0, TIPRING__V1__LEG_CHANGE_KIND__LEG_HOLD, 488},
		{5, TIPRING__V1__LEG_CHANGE_KIND__LEG_CHANGE_KIND_UNSPECIFIED, 488},
		{5, (Tipring__V1__LegChangeKind)99, 488},
	};

	call_up();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		ask_for(leg()->r.handle, rows[i].number, rows[i].kind);
		cr_expect_eq(changed.code, rows[i].code, "%zu", i);
		cr_expect_str_eq(said(), "");
	}
	ask_for(12345, 6, TIPRING__V1__LEG_CHANGE_KIND__LEG_HOLD);
	cr_expect(changed.code == 481 && changed.number == 6);
	storm_control(3, leg()->r.handle);
	ask_for(leg()->r.handle, 7, TIPRING__V1__LEG_CHANGE_KIND__LEG_HOLD);
	cr_expect(changed.code == 481 && changed.number == 7, "it is ending");
}

static const char listens[] =
	"v=0\r\no=a 1 3 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	"m=audio 4000 RTP/AVP 0 8\r\na=recvonly\r\n";

/* To a re-INVITE of ours: always the same to the same one. */
static void take_renewal(uint32_t who, const struct sip_msg *m)
{
	static const struct {
		const char *status, *body;
	} answers[] = {
		{"200 OK", listens},		  {"200 OK", listens}, {"488 No", ""},   {"491 Pending", ""},
		{"500 Later\r\nRetry-After: 1", ""}, {"481 Gone", ""},	  {"100 Trying", ""}, {"200 OK", ""},
	};
	struct str via = sip_value(m, SIP_VIA);
	uint64_t chance = map_hash(&(struct map_key){3, 4}, via.p, via.n);

	must(sip_has(m, SIP_CONTACT) && m->body.n > 0);
	storm_respond(who, m, answers[chance % 8].status, answers[chance % 8].body);
}

/* A call that both sides change, on a network that loses, doubles and reorders, in processes that die; then everything is free again. */
Test(renewing, C185_C216_storms)
{
	static const uint8_t ops[] = {7, 7, 7, 7, 7, 7, 7, 13, 13, 13, 14, 14, 3, 3, 5, 6, 8, 9, 15};
	uint64_t sent = 0, told = 0;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct rand r;

		storm_close();
		world();
		storm->hear = NULL;
		storm->asked = take_renewal;
		rand_seed(&r, seed);
		call_up();
		for (unsigned i = 0; i < 150; i++) {
			uint64_t x = rand_u64(&r);
			uint8_t op = ops[x % sizeof ops];

			if (op == 15 && seed % 2 == 0)
				continue; /* nobody dies in half of them */
			storm_step(op, (uint8_t)(x >> 8));
		}
		sent += storm->values[STAT_signaling_renewals];
		for (uint32_t i = 0; i < storm->known_count; i++)
			told += storm->known[i].change;
		storm_end();
	}
	cr_expect_gt(sent, 300u, "%lu", sent);
	cr_expect_gt(told, 200u, "%lu", told);
	storm->hear = hear;
}
