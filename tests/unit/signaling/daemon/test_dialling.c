/* test_dialling.c - mirrors signaling/daemon/from_dial.c and dial_effects.c: single scenes of calls of ours, as control, peer and
 * successor see them. */
#include <criterion/criterion.h>

#include "common/base/log.h"
#include "signaling/leg/dial.h"
#include "tests/unit/signaling/daemon/dialstorm.h"

#define RING   0x08u /* bits of dial_provisional() */
#define FORK   0x01u
#define REL    0x02u
#define MEDIA  0x0cu
#define ANSWER 0x08u /* of dial_answer() */

TestSuite(dialling, .init = dial_world, .fini = dial_over);

static struct dial_peer *const peer = &dialled.peers[0];
static struct dial_call *const call = &dialled.calls[0];

static void deliver_all(void)
{
	while (storm->net_count > 0)
		storm_deliver(0, false, true);
}

static struct leg *leg(void)
{
	return pool_get(&storm->s.legs, call->leg);
}

static void ask(void)
{
	dialled.call_count = 1;
	dial_ask(0, 0);
}

static void ring(uint8_t how)
{
	dial_provisional(peer, how);
	deliver_all();
}

static void answer(uint8_t how)
{
	dial_answer(peer, how);
	deliver_all();
}

/* The call as far as this. */
static void bring_to(enum leg_state state)
{
	ask();
	deliver_all();
	cr_assert_eq(peer->invites, 1u);
	ring(RING);
	if (state == LEG_CONFIRMED)
		answer(ANSWER);
	if (state == LEG_CANCELLING)
		storm_control(3, call->leg);
	cr_assert(leg() != NULL);
	cr_assert_eq(leg()->r.state, (uint32_t)state);
}

/* The next datagram to a peer, as text. */
static const char *next_sent(void)
{
	struct storm_packet *k = &storm->net[0];

	cr_assert(storm->net_count > 0 && !k->to_us && k->n < STORM_BYTES);
	k->p[k->n] = '\0';
	return k->p;
}

static uint32_t sent(const char *what)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < storm->net_count; i++)
		n += !storm->net[i].to_us && strncmp(storm->net[i].p, what, strlen(what)) == 0;
	return n;
}

static void settle_all(void)
{
	dial_settle(call);
	storm_pass(3ull * SIP_TIMEOUT_MS);
	storm->net_count = 0;
	storm_nothing_is_left();
}

/* C231: from end to end; C230: who was called hangs up. */
Test(dialling, C231_C230_a_whole_call)
{
	bring_to(LEG_CONFIRMED);
	cr_expect(call->picked_up && call->ended == 0 && call->generation == 1);
	cr_expect_eq(peer->acks[0], 1u);
	dial_hang_up(peer, 0);
	storm_deliver(0, false, true);
	cr_expect(strncmp(next_sent(), "SIP/2.0 200 ", 12) == 0, "%s", next_sent());
	cr_expect_eq(call->ended, 1u);
	cr_expect_eq(call->who, (uint32_t)LEG_BY_CALLER);
	cr_expect_eq(call->outcome, (uint32_t)LEG_OUT_ANSWERED);
	settle_all();
}

Test(dialling, C207_no_ack_of_a_200_to_bye)
{
	bring_to(LEG_CONFIRMED);
	storm_control(3, call->leg);
	cr_expect(strncmp(next_sent(), "BYE sip:bo@192.0.2.1:5062 ", 26) == 0, "%s", next_sent());
	cr_expect(strstr(next_sent(), "\r\nCSeq: 2 BYE\r\n") != NULL, "%s", next_sent());
	deliver_all();
	cr_expect_eq(peer->acks[0], 1u);
	cr_expect_eq(peer->byes[0], 1u);
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_ENDED);
	settle_all();
}

/* C204: each 2xx gets its ACK, the same one; one answer is told. */
Test(dialling, C204_the_same_answer_again)
{
	char first[STORM_BYTES];

	bring_to(LEG_DIALLING);
	dial_answer(peer, ANSWER);
	storm_deliver(0, false, true);
	memcpy(first, next_sent(), sizeof first);
	deliver_all();
	for (unsigned i = 0; i < 3; i++) {
		storm_post(true, 0, peer->last, strlen(peer->last));
		storm_deliver(0, false, true);
		cr_expect_str_eq(next_sent(), first);
		deliver_all();
	}
	cr_expect_eq(peer->acks[0], 4u);
	cr_expect_eq(storm->values[STAT_signaling_legs_picked_up], 1u);
}

/* C206 */
Test(dialling, C206_a_response_of_another_call)
{
	uint64_t strays;

	bring_to(LEG_DIALLING);
	strays = storm->s.stack.count.stray;
	memset(peer->call_id, 'x', 32);
	memset(strstr(peer->invite, "z9hG4bK") + 7, 'x', 8);
	dial_answer(peer, ANSWER);
	deliver_all();
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_DIALLING);
	cr_expect_not(call->picked_up);
	cr_expect_eq(storm->s.stack.count.stray, strays + 1);
}

/* C205: it is removed once control knows. */
Test(dialling, C205_refused)
{
	bring_to(LEG_DIALLING);
	dial_refuse(peer, "603 Decline");
	deliver_all();
	cr_expect_eq(call->code, 603u);
	cr_expect_eq(call->outcome, (uint32_t)LEG_OUT_REJECTED);
	cr_expect_eq(call->who, (uint32_t)LEG_BY_CALLER);
	cr_expect_eq(peer->acks[0], 1u);
	dial_settle(call);
	cr_expect_eq(storm->s.legs.used, 0u);
	settle_all();
}

/* C208: nobody answers the INVITE at all. */
Test(dialling, C208_nobody_is_there)
{
	struct dial_call *second = &dialled.calls[1]; /* it may ring for a minute */

	dialled.call_count = 2;
	dial_ask(1, 0);
	for (unsigned i = 0; i < 31; i++) {
		storm_pass(1000);
		storm->net_count = 0;
	}
	cr_expect_eq(second->ended, 0u);
	storm_pass(1500);
	cr_assert(second->ended > 0);
	cr_expect_eq(second->outcome, (uint32_t)LEG_OUT_UNREACHABLE);
	cr_expect_eq(second->code, 408u);
	dial_settle(second);
	cr_expect_eq(storm->s.legs.used, 0u);
}

/* C208: it rings and nobody picks up. */
Test(dialling, C208_nobody_picks_up)
{
	bring_to(LEG_DIALLING); /* call 0 rings for 5 s */
	storm_pass(4900);
	cr_expect_eq(sent("CANCEL"), 0u);
	storm_pass(200);
	cr_expect_eq(sent("CANCEL"), 1u);
	cr_expect_eq(call->outcome, (uint32_t)LEG_OUT_NO_ANSWER);
	deliver_all();
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_ENDED);
	cr_expect_eq(peer->acks[0], 1u);
	settle_all();
}

/* C209: the same branch and number (the peer checks them); after the answer it is a BYE. */
Test(dialling, C209_cancel)
{
	bring_to(LEG_CANCELLING);
	cr_expect_eq(sent("CANCEL"), 1u);
	cr_expect(strstr(next_sent(), "\r\nReason: SIP;cause=200;text=\"say ") != NULL, "%s", next_sent());
	cr_expect_eq(call->ended, 1u);
	cr_expect_eq(call->outcome, (uint32_t)LEG_OUT_CANCELLED);
	cr_expect_eq(call->code, 487u);
	deliver_all();
	cr_expect_eq(peer->cancels, 1u);
	cr_expect_eq(peer->acks[0], 1u, "of the 487");
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_ENDED);
	settle_all();
}

/* C210 */
Test(dialling, C210_cancel_waits_for_a_provisional)
{
	ask();
	deliver_all();
	storm_control(3, call->leg);
	cr_expect_eq(sent("CANCEL"), 0u);
	cr_expect_eq(call->outcome, (uint32_t)LEG_OUT_CANCELLED);
	dial_provisional(peer, 0); /* 100 */
	storm_deliver(0, false, true);
	cr_expect_eq(sent("CANCEL"), 1u);
	deliver_all();
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_ENDED);
	settle_all();
}

/* C211: an answer that crosses the CANCEL is ended, and is none. */
Test(dialling, C211_cancel_and_answer_cross)
{
	bring_to(LEG_CANCELLING);
	storm->net_count = 0; /* the CANCEL is lost */
	answer(ANSWER);
	cr_expect_eq(peer->acks[0], 1u);
	cr_expect_eq(peer->byes[0], 1u);
	cr_expect_not(call->picked_up);
	cr_expect_eq(call->ended, 1u);
	settle_all();
}

/* C212: what a peer asks of an early dialog is refused. */
Test(dialling, C212_requests_in_an_early_dialog)
{
	bring_to(LEG_DIALLING);
	peer->final[0] = 200;
	peer->acks[0] = 1;
	dial_hang_up(peer, 0);
	peer->final[0] = peer->acks[0] = 0;
	storm_deliver(0, false, true);
	cr_expect(strncmp(next_sent(), "SIP/2.0 481 ", 12) == 0, "%s", next_sent());
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_DIALLING);
}

/* C225: reliable provisionals of two forks, each in its own dialog, once. */
Test(dialling, C225_prack)
{
	bring_to(LEG_DIALLING);
	dial_provisional(peer, RING | REL);
	storm_deliver(0, true, true);
	storm_deliver(0, true, true);
	storm_deliver(0, false, true);
	cr_expect_eq(sent("PRACK"), 1u);
	deliver_all();
	cr_expect_neq(peer->pracked[0][0], '\0');
	ring(RING | REL | FORK);
	cr_expect_neq(peer->pracked[1][0], '\0');
	answer(ANSWER);
	cr_expect(call->picked_up);
}

/* C226, C227: the first one answers; the second is ended by nobody but the worker. */
Test(dialling, C227_two_forks_answer)
{
	bring_to(LEG_DIALLING);
	answer(ANSWER | FORK);
	cr_expect_eq(peer->acks[1], 1u);
	answer(ANSWER);
	cr_expect_eq(peer->acks[0], 1u);
	cr_expect_eq(peer->byes[0], 1u);
	cr_expect_eq(peer->byes[1], 0u);
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_CONFIRMED);
	cr_expect_str_eq(leg()->r.dialog.remote_tag, "t1");
	cr_expect_eq(call->ended, 0u);
}

/* C228 */
Test(dialling, C228_early_media_is_told)
{
	bring_to(LEG_DIALLING);
	ring(MEDIA);
	cr_expect_eq(call->generation, 1u);
	ring(MEDIA | FORK);
	cr_expect_eq(call->generation, 2u);
	answer(ANSWER | FORK);
	cr_expect_eq(call->generation, 2u, "nothing has changed");
}

Test(dialling, an_answer_that_can_not_be_used)
{
	bring_to(LEG_DIALLING);
	answer(0);
	cr_expect_eq(peer->acks[0], 1u);
	cr_expect_eq(peer->byes[0], 1u);
	cr_expect_not(call->picked_up);
	cr_expect_eq(call->outcome, (uint32_t)LEG_OUT_MEDIA_REFUSED);
	settle_all();
}

/* ---- whoever dies ---- */

static void die(void)
{
	storm_kill_idle(); /* the leg is in the state it was in, and in the roster */
}

static void die_and_be_asked_again(void)
{
	die();
	ask();
	cr_expect_eq(storm->s.legs.used, 1u);
	cr_expect_eq(sent("INVITE"), 0u);
}

Test(dialling, dead_while_calling)
{
	ask();
	storm->net_count = 0; /* the INVITE is lost */
	die_and_be_asked_again();
	storm_pass(600);
	cr_expect_eq(sent("INVITE"), 1u, "by its transaction");
	deliver_all();
	ring(RING);
	die_and_be_asked_again();
	answer(ANSWER);
	cr_expect(call->picked_up);
	cr_expect_eq(peer->acks[0], 1u);
}

Test(dialling, dead_while_cancelling)
{
	bring_to(LEG_CANCELLING);
	storm->net_count = 0; /* the CANCEL is lost */
	die_and_be_asked_again();
	storm_pass(1000);
	cr_expect_geq(sent("CANCEL"), 1u);
	deliver_all();
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_ENDED);
	cr_expect_eq(call->outcome, (uint32_t)LEG_OUT_CANCELLED);
	settle_all();
}

Test(dialling, dead_before_a_cancel_can_go_out)
{
	ask();
	deliver_all();
	storm_control(3, call->leg);
	die();
	dial_provisional(peer, 0);
	deliver_all();
	cr_expect_eq(peer->cancels, 1u);
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_ENDED);
	settle_all();
}

Test(dialling, dead_when_it_was_just_answered)
{
	bring_to(LEG_DIALLING);
	dial_answer(peer, ANSWER);
	storm_deliver(0, false, true);
	storm->net_count = 0; /* the ACK is lost */
	die_and_be_asked_again();
	cr_expect(call->picked_up);
	storm_post(true, 0, peer->last, strlen(peer->last));
	deliver_all();
	cr_expect_eq(peer->acks[0], 1u);
	cr_expect_eq(call->ended, 0u);
	storm_control(3, call->leg);
	deliver_all();
	cr_expect_eq(peer->byes[0], 1u);
	die_and_be_asked_again();
	settle_all();
}

Test(dialling, dead_after_a_reliable_provisional)
{
	bring_to(LEG_DIALLING);
	dial_provisional(peer, RING | REL);
	storm_deliver(0, false, true);
	storm->net_count = 0; /* the PRACK is lost */
	die();
	storm_post(true, 0, peer->last, strlen(peer->last));
	deliver_all();
	cr_expect_neq(peer->pracked[0][0], '\0');
	ring(RING | REL);
	answer(ANSWER);
	cr_expect(call->picked_up);
}

/* An INVITE whose transaction is lost is no call any more, and control hears that. */
Test(dialling, a_record_without_its_transaction)
{
	static struct leg_record r;
	static struct sip_client_record client;
	static char text[LEG_PACKED_BYTES];
	bool has_client;
	size_t n;

	bring_to(LEG_DIALLING);
	cr_assert_eq(slab_load(&storm->s.slab, pool_slot(call->leg), text, sizeof text, &n), 0);
	cr_assert_eq(leg_unpack(text, n, &r, &client, &has_client), 0);
	cr_assert(has_client);
	client.txn.state = TXN_STATES;
	n = leg_pack(&r, &client, text);
	cr_assert_eq(slab_commit(&storm->s.slab, pool_slot(call->leg), text, n), 0);
	storm_kill();
	cr_expect_geq(call->ended, 1u);
	cr_expect_eq(call->outcome, (uint32_t)LEG_OUT_ERROR);
	settle_all();
}

/* Control was away: its successor finds everything in the roster. */
Test(dialling, control_was_away)
{
	ask();
	deliver_all();
	memset(call, 0, sizeof *call);
	storm->control_up = false;
	ring(MEDIA);
	answer(ANSWER);
	storm->control_up = true;
	to_bus_roster(&storm->s);
	cr_expect(call->picked_up && call->generation == 1 && call->leg != 0);
	storm->control_up = false;
	dial_hang_up(peer, 0);
	deliver_all();
	storm->control_up = true;
	ask();
	cr_expect_eq(call->ended, 0u);
	to_bus_roster(&storm->s);
	cr_expect_eq(call->ended, 1u);
	cr_expect_eq(call->outcome, (uint32_t)LEG_OUT_ANSWERED);
	settle_all();
}

/* ---- credentials ---- */

static void account(uint32_t i, const char *aor, const char *username, uint16_t port)
{
	struct registrations *all = &storm->s.registrations;
	struct registration *g;

	if (!all->open)
		must(pool_init(&all->pool, 4, sizeof *g) == 0);
	all->open = true;
	g = pool_take(&all->pool, NULL);
	must(g != NULL);
	g->r.head.handle = i;
	g->r.set.registrar = (struct addr){.family = ADDR_V4, .port = port, .ip = {192, 0, 2, 1}};
	(void)!str_copy(g->r.set.aor, sizeof g->r.set.aor, str_of(aor));
	(void)!str_copy(g->r.set.username, sizeof g->r.set.username, str_of(username));
	(void)!str_copy(g->password, sizeof g->password, STR("secret"));
}

static void challenge(void)
{
	dial_respond(peer, peer->invite, "401 Unauthorized", 0,
		     "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"\r\nContent-Length: 0\r\n\r\n");
	storm_deliver(0, false, true);
}

/* C217: who registers where the call goes answers for it; a successor has what was asked, and its ACK what the INVITE had. */
Test(dialling, C217_an_account_answers_a_challenge)
{
	struct storm_packet *k;

	ask();
	deliver_all();
	account(1, "sip:other@192.0.2.1", "other", 5099);
	account(2, "sip:first@192.0.2.1", "first", 5062);
	account(3, "sip:127.77.0.1", "second", 5062);
	challenge();
	cr_assert_eq(storm->net_count, 2u);
	cr_expect(strncmp(next_sent(), "ACK ", 4) == 0);
	storm->net[0] = storm->net[--storm->net_count];
	cr_expect(strncmp(next_sent(), "INVITE ", 7) == 0);
	cr_expect(strstr(next_sent(), "\r\nCSeq: 2 INVITE\r\n") != NULL);
	cr_expect(strstr(next_sent(), "\r\nX-Call: 0\r\n") != NULL);
	cr_expect(strstr(next_sent(), "username=\"first\"") != NULL, "%s", next_sent());
	cr_expect_eq(call->ended, 0u);
	storm->net_count = 0;
	pool_fini(&storm->s.registrations.pool);
	storm_kill_idle();
	storm_pass(600);
	k = &storm->net[0];
	cr_assert_eq(storm->net_count, 1u);
	cr_expect(strncmp(next_sent(), "INVITE ", 7) == 0 && strstr(next_sent(), "username=\"first\"") != NULL, "%s", next_sent());
	memcpy(peer->invite, k->p, k->n + 1);
	storm->net_count = 0;
	peer->last[0] = '\0';
	dial_answer(peer, ANSWER);
	storm_deliver(0, false, true);
	cr_expect(call->picked_up);
	cr_expect(strncmp(next_sent(), "ACK ", 4) == 0 && strstr(next_sent(), "\r\nCSeq: 2 ACK\r\n") != NULL, "%s", next_sent());
	cr_expect(strstr(next_sent(), "username=\"first\"") != NULL, "%s", next_sent());
}

/* Of several accounts at one place, that of our From. */
Test(dialling, C217_the_account_of_our_from)
{
	account(1, "sip:first@192.0.2.1", "first", 5062);
	account(2, "sip:192.0.2.9", "second", 5062);
	ask();
	deliver_all();
	challenge();
	storm->net[0] = storm->net[--storm->net_count];
	cr_expect(strstr(next_sent(), "username=\"second\"") != NULL, "%s", next_sent());
	pool_fini(&storm->s.registrations.pool);
}

/* C219 */
Test(dialling, C219_nobody_has_an_account_there)
{
	account(1, "sip:other@192.0.2.1", "other", 5099);
	ask();
	deliver_all();
	challenge();
	cr_expect_eq(call->outcome, (uint32_t)LEG_OUT_AUTH_FAILED);
	cr_expect_eq(call->code, 401u);
	pool_fini(&storm->s.registrations.pool);
}

/* ---- what is refused ---- */

static Tipring__V1__ResultCode result;

static void refused(const Tipring__V1__Envelope *m, Tipring__V1__ResultCode code)
{
	(void)m;
	result = code;
}

struct wanted {
	Tipring__V1__LegDial m;
	Tipring__V1__Address hop, rtp;
	char hop_ip[64], rtp_ip[64], uri[64];
};

static void want(struct wanted *w)
{
	tipring__v1__leg_dial__init(&w->m);
	tipring__v1__address__init(&w->hop);
	tipring__v1__address__init(&w->rtp);
	snprintf(w->hop_ip, sizeof w->hop_ip, "192.0.2.1");
	snprintf(w->rtp_ip, sizeof w->rtp_ip, "192.0.2.9");
	snprintf(w->uri, sizeof w->uri, "sip:bo@192.0.2.1");
	w->hop.ip = w->hop_ip;
	w->hop.port = 5062;
	w->rtp.ip = w->rtp_ip;
	w->rtp.port = 30000;
	w->m.call_id = DIAL_ID;
	w->m.request_uri = w->uri;
	w->m.next_hop = &w->hop;
	w->m.local_rtp = &w->rtp;
	storm->refused = refused;
	dialled.call_count = 1;
	result = TIPRING__V1__RESULT_CODE__RESULT_CODE_UNSPECIFIED;
}

static Tipring__V1__ResultCode result_of(struct wanted *w)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	e.request_id = 1;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_DIAL;
	e.leg_dial = &w->m;
	storm_command(&e);
	return result;
}

Test(dialling, what_can_not_be_dialled)
{
	static Tipring__V1__Codec codecs[] = {TIPRING__V1__CODEC__PCMA, TIPRING__V1__CODEC__PCMU, TIPRING__V1__CODEC__PCMA, 77};
	Tipring__V1__Header line = TIPRING__V1__HEADER__INIT, *lines[LEG_DIAL_HEADERS_MAX + 1];
	char name[] = "X-a", value[] = "b";
	struct wanted w;

	line.name = name;
	line.value = value;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		lines[i] = &line;
#define REJECTED(change)                                                                                            \
	want(&w);                                                                                                   \
	change;                                                                                                     \
	cr_expect_eq(result_of(&w), TIPRING__V1__RESULT_CODE__REJECTED, "%s", #change);                             \
	cr_expect_eq(storm->s.legs.used, 0u, "%s", #change);                                                        \
	cr_expect_eq(storm->net_count, 0u)
	REJECTED(w.m.next_hop = NULL);
	REJECTED(w.hop.port = 0);
	REJECTED(w.hop.port = 65536);
	REJECTED(snprintf(w.hop_ip, sizeof w.hop_ip, "example.org"));
	REJECTED(snprintf(w.hop_ip, sizeof w.hop_ip, "0.0.0.0"));
	REJECTED(snprintf(w.hop_ip, sizeof w.hop_ip, "224.0.0.1"));
	REJECTED(snprintf(w.hop_ip, sizeof w.hop_ip, "2001:db8::1")); /* no listener of its family */
	REJECTED(w.m.local_rtp = NULL);
	REJECTED(w.rtp.port = 0);
	REJECTED(snprintf(w.rtp_ip, sizeof w.rtp_ip, "::"));
	REJECTED(snprintf(w.uri, sizeof w.uri, "tel:1"));
	REJECTED(w.m.call_id = 0);
	REJECTED(w.m.codecs = codecs; w.m.n_codecs = 3);
	REJECTED(w.m.codecs = codecs + 3; w.m.n_codecs = 1);
	REJECTED(w.m.headers = lines; w.m.n_headers = LEG_DIAL_HEADERS_MAX + 1);
	REJECTED(storm->s.stack.draining = true);
	storm->s.stack.draining = false;
	cr_expect_eq(storm->values[STAT_signaling_legs_undialled], 16u);
	want(&w);
	w.m.codecs = codecs;
	w.m.n_codecs = 2;
	w.m.headers = lines;
	w.m.n_headers = LEG_DIAL_HEADERS_MAX;
	cr_expect_eq(result_of(&w), TIPRING__V1__RESULT_CODE__RESULT_CODE_UNSPECIFIED);
	cr_expect(strstr(next_sent(), " RTP/AVP 8 0 101\r\n") != NULL, "%s", next_sent());
	cr_expect_eq(storm->s.legs.used, 1u);
}

/* While a process goes away its calls are still named. */
Test(dialling, a_call_that_is_there_is_named_in_every_state)
{
	struct wanted w;

	bring_to(LEG_DIALLING);
	want(&w);
	storm->s.stack.draining = true;
	cr_expect_eq(result_of(&w), TIPRING__V1__RESULT_CODE__RESULT_CODE_UNSPECIFIED);
	dial_refuse(peer, "486 Busy Here");
	deliver_all();
	cr_expect_eq(leg()->r.state, (uint32_t)LEG_ENDED);
	cr_expect_eq(result_of(&w), TIPRING__V1__RESULT_CODE__RESULT_CODE_UNSPECIFIED);
	cr_expect_eq(sent("INVITE"), 0u);
}

Test(dialling, no_room)
{
	struct wanted w;

	for (uint32_t i = 0; i < STORM_LEGS; i++) {
		dialled.call_count = i + 1;
		dial_ask(i, 0);
	}
	want(&w);
	dialled.call_count = STORM_LEGS + 1;
	w.m.call_id = DIAL_ID + STORM_LEGS;
	cr_expect_eq(result_of(&w), TIPRING__V1__RESULT_CODE__OVERLOADED);
	cr_expect_eq(sent("INVITE"), STORM_LEGS);
}

/* What is left of the table of transactions is for ending calls. */
Test(dialling, no_room_for_a_transaction)
{
	struct wanted w;

	want(&w);
	while (sip_stack_may_invite(&storm->s.stack))
		storm->s.stack.clients.used++;
	cr_expect_eq(result_of(&w), TIPRING__V1__RESULT_CODE__OVERLOADED);
	cr_expect_eq(storm->s.legs.used, 0u);
	storm->s.stack.clients.used--;
	result = TIPRING__V1__RESULT_CODE__RESULT_CODE_UNSPECIFIED;
	cr_expect_eq(result_of(&w), TIPRING__V1__RESULT_CODE__RESULT_CODE_UNSPECIFIED, "and nothing else is said");
	cr_expect_eq(storm->s.legs.used, 1u);
	cr_expect_eq(sent("INVITE"), 1u);
	storm->s.stack.clients.used = 1;
}

/* What is bound to this host alone does not lead out of it; Contact and Via say where answers are heard. */
Test(dialling, the_listener_that_leads_there)
{
	struct signaling *s = &storm->s;

	s->listeners[0].bound = (struct addr){.family = ADDR_V4, .port = 5070, .ip = {127, 0, 0, 1}};
	ask();
	cr_expect_eq(leg()->r.flow.listener, 1u);
	cr_expect(strstr(next_sent(), "\r\nContact: <sip:192.0.2.9:5060>\r\n") != NULL, "%s", next_sent());
	storm->net_count = 0;
	s->advertised.rest = (struct addr){.family = ADDR_V4, .ip = {198, 51, 100, 7}};
	s->listeners[1].bound.family = ADDR_V6;
	dialled.call_count = 2;
	dial_ask(1, 0);
	cr_expect(strstr(next_sent(), "\r\nVia: SIP/2.0/UDP 198.51.100.7:5070;") != NULL, "%s", next_sent());
	cr_expect(strstr(next_sent(), "\r\nContact: <sip:198.51.100.7:5070>\r\n") != NULL, "%s", next_sent());
}
