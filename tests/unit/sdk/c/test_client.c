/* test_client.c - mirrors sdk/c/client.c: a library beside a control that says what a test wants, in the order it wants it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bus/bus.h"
#include "common/bus/codec.h"
#include "sdk/c/tipring.h"

#define CALL 0x1234u
#define FENCE 99u
#define EPOCH 7u
#define ROOM 0x77u

typedef Tipring__V1__Envelope envelope;

static struct {
	char dir[64], endpoint[128];
	struct bus *commands, *events;
	struct codec codec;
	char peer[64];
	bool subscribed; /* to everything: the heartbeats are the last */
	int claims;
	Tipring__V1__ResultCode dial_code; /* how Dials are answered; 0: ACCEPTED */
	bool events_first;                 /* and what is published of the call comes before */
	char dialled[512];                 /* what was asked: uri, from, display, to, a header, metadata, app */
	uint32_t dialled_ms;
	bool refuses_changes;
	char changes[128]; /* that were asked for */
	struct tipring_server *server;
} k;

static const char *path_of(const char *socket)
{
	snprintf(k.endpoint, sizeof k.endpoint, "ipc://%s/%s", k.dir, socket);
	return k.endpoint;
}

static void start(void)
{
	struct bus_config cfg = {.kind = BUS_ROUTER, .bind = true};
	struct tipring_config mine = {.app = "bot", .name = "test", .capacity = 10};

	snprintf(k.dir, sizeof k.dir, "/tmp/tipring-XXXXXX");
	cr_assert_not_null(mkdtemp(k.dir));
	cr_assert_eq(codec_init(&k.codec), 0);
	cfg.endpoint = path_of("commands.ipc");
	cr_assert_eq(bus_open(&cfg, &k.commands), 0);
	cfg.kind = BUS_XPUB;
	cfg.endpoint = path_of("events.ipc");
	cr_assert_eq(bus_open(&cfg, &k.events), 0);
	mine.endpoint = k.dir;
	cr_assert_eq(tipring_open(&mine, &k.server), 0);
}

static void finish(void)
{
	tipring_close(k.server);
	bus_close(k.commands);
	bus_close(k.events);
	codec_fini(&k.codec);
	(void)unlink(path_of("commands.ipc") + strlen("ipc://"));
	(void)unlink(path_of("events.ipc") + strlen("ipc://"));
	(void)rmdir(k.dir);
}

static void post(struct bus *to, const char *whom, const envelope *e)
{
	const uint8_t *p;
	size_t n;

	cr_assert_eq(codec_pack(&k.codec, e, &p, &n), 0);
	cr_assert_eq(bus_send(to, str_of(whom), p, n), 0);
}

#define MESSAGE(Name, UPPER, field, ...)                                                       \
	Tipring__V1__##Name body = TIPRING__V1__##UPPER##__INIT;                               \
	envelope e = TIPRING__V1__ENVELOPE__INIT;                                              \
	e.body_case = TIPRING__V1__ENVELOPE__BODY_##UPPER;                                     \
	e.field = &body

static void publish_ringing(uint32_t code)
{
	MESSAGE(CallRinging, CALL_RINGING, call_ringing);

	e.call_id = CALL;
	body.code = code;
	body.early_media = code == 183;
	post(k.events, "e1/call/bot/0000000000001234/", &e);
}

static void publish_hold(bool held)
{
	MESSAGE(CallHeld, CALL_HELD, call_held);
	Tipring__V1__CallResumed resumed = TIPRING__V1__CALL_RESUMED__INIT;

	e.call_id = CALL;
	body.by = resumed.by = TIPRING__V1__HELD_BY__HELD_BY_BACKEND;
	if (!held) {
		e.body_case = TIPRING__V1__ENVELOPE__BODY_CALL_RESUMED;
		e.call_resumed = &resumed;
	}
	post(k.events, "e1/call/bot/0000000000001234/", &e);
}

static void publish_info(void)
{
	MESSAGE(InfoReceived, INFO_RECEIVED, info_received);
	static uint8_t octets[] = "a\0b";

	e.call_id = CALL;
	body.content_type = (char[]){"application/x"};
	body.body.data = octets;
	body.body.len = 3;
	post(k.events, "e1/call/bot/0000000000001234/", &e);
}

static void publish_busy(void)
{
	MESSAGE(CallEnded, CALL_ENDED, call_ended);

	e.call_id = CALL;
	body.sip_code = 486;
	body.outcome = TIPRING__V1__OUTCOME__OUTCOME_BUSY;
	body.reason = (char[]){"Busy Here"};
	post(k.events, "e1/call/bot/0000000000001234/", &e);
}

static void accept(const envelope *asked)
{
	MESSAGE(Ack, ACK, ack);

	body.command_id = asked->command_id;
	body.code = TIPRING__V1__RESULT_CODE__ACCEPTED;
	post(k.commands, k.peer, &e);
}

static void answer_info(const envelope *asked)
{
	MESSAGE(CommandCompleted, COMMAND_COMPLETED, command_completed);

	snprintf(k.dialled, sizeof k.dialled, "%s|%.*s", asked->send_info->content_type, (int)asked->send_info->body.len,
		 (const char *)asked->send_info->body.data);
	body.command_id = asked->command_id;
	e.call_id = CALL;
	accept(asked);
	post(k.commands, k.peer, &e);
}

static void answer_dtmf(const envelope *asked)
{
	MESSAGE(CommandFailed, COMMAND_FAILED, command_failed);

	snprintf(k.dialled, sizeof k.dialled, "%s|%s|%u", asked->send_dtmf->digits, asked->send_dtmf->method, asked->send_dtmf->duration_ms);
	body.command_id = asked->command_id;
	body.code = TIPRING__V1__RESULT_CODE__REJECTED;
	body.sip_code = 415;
	e.call_id = CALL;
	accept(asked);
	post(k.commands, k.peer, &e);
}

static void answer_collect(const envelope *asked)
{
	MESSAGE(DtmfCollected, DTMF_COLLECTED, dtmf_collected);

	snprintf(k.dialled, sizeof k.dialled, "%u|%s|%u|%u", asked->collect_dtmf->max, asked->collect_dtmf->terminators, asked->collect_dtmf->first_ms,
		 asked->collect_dtmf->next_ms);
	body.digits = (char[]){"42"};
	body.reason = (char[]){"terminator"};
	e.cause_command = asked->command_id;
	e.call_id = CALL;
	accept(asked);
	post(k.events, "e1/media/bot/0000000000001234/", &e);
}

static void answer_dial(const envelope *asked)
{
	const Tipring__V1__Dial *d = asked->dial;
	MESSAGE(Ack, ACK, ack);

	snprintf(k.dialled, sizeof k.dialled, "%s|%s|%s|%s|%s=%s|%s|%s", d->uri, d->from, d->from_display, d->to,
		 d->n_headers > 0 ? d->headers[0]->name : "", d->n_headers > 0 ? d->headers[0]->value : "", d->metadata, d->app);
	k.dialled_ms = d->ringing_timeout_ms;
	cr_expect_eq(d->session_expires_s, 600u);
	cr_expect_str_eq(d->digits_after_answer, "1w#");
	body.command_id = asked->command_id;
	body.code = k.dial_code != 0 ? k.dial_code : TIPRING__V1__RESULT_CODE__ACCEPTED;
	body.reason = (char[]){"outbound.hosts has no row for this host"};
	body.fence = k.dial_code != 0 ? 0 : FENCE;
	body.call_id = k.dial_code != 0 ? 0 : CALL;
	if (k.events_first) {
		publish_ringing(180);
		publish_busy();
		(void)usleep(50000);
	}
	post(k.commands, k.peer, &e);
}

static void note_change(const envelope *asked)
{
	size_t n = strlen(k.changes);

	if (asked->body_case == TIPRING__V1__ENVELOPE__BODY_HOLD && asked->hold->call_id == CALL && asked->hold->fence == FENCE)
		snprintf(k.changes + n, sizeof k.changes - n, "hold ");
	if (asked->body_case == TIPRING__V1__ENVELOPE__BODY_UNHOLD && asked->unhold->call_id == CALL && asked->unhold->fence == FENCE)
		snprintf(k.changes + n, sizeof k.changes - n, "unhold ");
	if (asked->body_case == TIPRING__V1__ENVELOPE__BODY_RENEGOTIATE && asked->renegotiate->fence == FENCE)
		for (size_t i = 0; i < asked->renegotiate->n_codecs; i++)
			snprintf(k.changes + strlen(k.changes), sizeof k.changes - strlen(k.changes), "%d ", (int)asked->renegotiate->codecs[i]);
}

/* Acknowledged, and then done or not. */
static void answer_change(const envelope *asked)
{
	Tipring__V1__CommandCompleted done = TIPRING__V1__COMMAND_COMPLETED__INIT;
	Tipring__V1__CommandFailed failed = TIPRING__V1__COMMAND_FAILED__INIT;
	MESSAGE(Ack, ACK, ack);

	note_change(asked);
	body.command_id = done.command_id = failed.command_id = asked->command_id;
	body.code = TIPRING__V1__RESULT_CODE__ACCEPTED;
	post(k.commands, k.peer, &e);
	done.codec = TIPRING__V1__CODEC__PCMA;
	failed.code = TIPRING__V1__RESULT_CODE__REJECTED;
	failed.reason = (char[]){"Not Acceptable Here"};
	failed.sip_code = 488;
	e.call_id = CALL;
	e.body_case = k.refuses_changes ? TIPRING__V1__ENVELOPE__BODY_COMMAND_FAILED : TIPRING__V1__ENVELOPE__BODY_COMMAND_COMPLETED;
	if (k.refuses_changes)
		e.command_failed = &failed;
	else
		e.command_completed = &done;
	post(k.commands, k.peer, &e);
}

/* Acknowledged, and the events that media's word for it would bring. */
static void answer_bridging(const envelope *asked)
{
	envelope told = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__BridgeJoined joined = TIPRING__V1__BRIDGE_JOINED__INIT;
	Tipring__V1__BridgeMuted muted = TIPRING__V1__BRIDGE_MUTED__INIT;
	Tipring__V1__BridgeLeft left = TIPRING__V1__BRIDGE_LEFT__INIT;
	Tipring__V1__BridgeEnded ended = TIPRING__V1__BRIDGE_ENDED__INIT;
	MESSAGE(Ack, ACK, ack);

	body.command_id = asked->command_id;
	body.code = TIPRING__V1__RESULT_CODE__OK;
	post(k.commands, k.peer, &e);
	joined.room_id = muted.room_id = left.room_id = ended.room_id = ROOM;
	joined.members = 2;
	left.reason = (char[]){"left"};
	told.call_id = CALL;
	if (asked->body_case == TIPRING__V1__ENVELOPE__BODY_MUTE) {
		told.body_case = TIPRING__V1__ENVELOPE__BODY_BRIDGE_MUTED;
		told.bridge_muted = &muted;
		muted.muted = asked->mute->call_id == CALL && asked->mute->fence == FENCE && asked->mute->muted;
	} else if (asked->body_case == TIPRING__V1__ENVELOPE__BODY_LEAVE) {
		told.body_case = TIPRING__V1__ENVELOPE__BODY_BRIDGE_LEFT;
		told.bridge_left = &left;
		post(k.events, "e1/call/bot/0000000000001234/", &told);
		told.body_case = TIPRING__V1__ENVELOPE__BODY_BRIDGE_ENDED;
		told.bridge_ended = &ended;
	} else {
		told.body_case = TIPRING__V1__ENVELOPE__BODY_BRIDGE_JOINED;
		told.bridge_joined = &joined;
		if (asked->body_case == TIPRING__V1__ENVELOPE__BODY_BRIDGE)
			snprintf(k.changes, sizeof k.changes, "%zu %d %d", asked->bridge->n_calls, asked->bridge->calls[0]->call_id == CALL,
				 asked->bridge->calls[0]->fence == FENCE);
		else
			snprintf(k.changes, sizeof k.changes, "%d %d %d", asked->join->room_id == ROOM, asked->join->listen_only,
				 asked->join->speak_only);
	}
	post(k.events, "e1/call/bot/0000000000001234/", &told);
}

static bool is_bridging(const envelope *e)
{
	return e->body_case == TIPRING__V1__ENVELOPE__BODY_BRIDGE || e->body_case == TIPRING__V1__ENVELOPE__BODY_JOIN ||
	       e->body_case == TIPRING__V1__ENVELOPE__BODY_LEAVE || e->body_case == TIPRING__V1__ENVELOPE__BODY_MUTE;
}

static bool is_change(const envelope *e)
{
	return e->body_case == TIPRING__V1__ENVELOPE__BODY_HOLD || e->body_case == TIPRING__V1__ENVELOPE__BODY_UNHOLD ||
	       e->body_case == TIPRING__V1__ENVELOPE__BODY_RENEGOTIATE;
}

static void answer(const envelope *asked)
{
	if (is_change(asked)) {
		answer_change(asked);
	} else if (is_bridging(asked)) {
		answer_bridging(asked);
	} else if (asked->body_case == TIPRING__V1__ENVELOPE__BODY_DIAL) {
		answer_dial(asked);
	} else if (asked->body_case == TIPRING__V1__ENVELOPE__BODY_SEND_INFO) {
		answer_info(asked);
	} else if (asked->body_case == TIPRING__V1__ENVELOPE__BODY_SEND_DTMF) {
		answer_dtmf(asked);
	} else if (asked->body_case == TIPRING__V1__ENVELOPE__BODY_COLLECT_DTMF) {
		answer_collect(asked);
	} else if (asked->body_case == TIPRING__V1__ENVELOPE__BODY_HELLO) {
		MESSAGE(Welcome, WELCOME, welcome);

		body.control_epoch = EPOCH;
		post(k.commands, k.peer, &e);
	} else if (asked->body_case == TIPRING__V1__ENVELOPE__BODY_PING) {
		MESSAGE(Pong, PONG, pong);

		body.control_epoch = EPOCH;
		post(k.commands, k.peer, &e);
	} else {
		MESSAGE(Ack, ACK, ack);

		body.command_id = asked->command_id;
		body.code = TIPRING__V1__RESULT_CODE__OK;
		body.fence = FENCE;
		k.claims += asked->body_case == TIPRING__V1__ENVELOPE__BODY_CLAIM;
		post(k.commands, k.peer, &e);
	}
}

static void beat(void)
{
	MESSAGE(Heartbeat, HEARTBEAT, heartbeat);

	e.epoch = EPOCH;
	post(k.events, "e1/hb/test/", &e);
}

/* What control does all the time. */
static void turn(void)
{
	struct bus_message m;
	envelope *asked;

	while (bus_recv(k.events, &m) == 0)
		k.subscribed |= str_eq(m.topic, STR("e1/hb/"));
	if (k.subscribed)
		beat();
	while (bus_recv(k.commands, &m) == 0) {
		snprintf(k.peer, sizeof k.peer, "%.*s", (int)m.peer.n, m.peer.p);
		cr_assert_eq(codec_unpack(&k.codec, m.p, m.n, &asked), 0);
		answer(asked);
	}
}

/* The next event, which has to be of this kind; as long as it takes. */
static struct tipring_event expect(enum tipring_event_kind kind)
{
	struct tipring_event ev;

	while (tipring_next(k.server, &ev) != 0) {
		turn();
		(void)usleep(1000);
	}
	cr_assert_eq(ev.kind, kind, "%d instead of %d: %s", (int)ev.kind, (int)kind, ev.text);
	return ev;
}

static void own_a_call(void)
{
	Tipring__V1__CallInfo info = TIPRING__V1__CALL_INFO__INIT;
	MESSAGE(Offer, OFFER, offer);

	(void)expect(TIPRING_EV_REGISTERED);
	info.call_id = CALL;
	body.call = &info;
	post(k.commands, k.peer, &e);
	(void)expect(TIPRING_EV_OFFER);
	cr_assert_eq(tipring_claim(k.server, CALL), 0);
	cr_expect_eq(expect(TIPRING_EV_CLAIMED).fence, FENCE);
}

static void lose_lease(bool call_ends)
{
	MESSAGE(LeaseLost, LEASE_LOST, lease_lost);

	body.call_id = CALL;
	body.reason = (char[]){"hung up"};
	body.call_ends = call_ends;
	post(k.commands, k.peer, &e);
}

/* A `number` that is not 0 is that of a key in the audio. */
static void publish_key(uint64_t call_id, const char *digit, uint32_t number)
{
	char text[2] = {digit[0], '\0'};
	MESSAGE(DtmfReceived, DTMF_RECEIVED, dtmf_received);

	e.call_id = call_id;
	body.digit = text;
	body.number = number;
	post(k.events, "e1/media/bot/0000000000001234/", &e);
}

static void publish_digit(uint64_t call_id, const char *digit)
{
	publish_key(call_id, digit, 0);
}

static void publish_mark(void)
{
	MESSAGE(MarkReached, MARK_REACHED, mark_reached);

	e.call_id = CALL;
	body.mark = (char[]){"said"};
	body.pos = 800;
	post(k.events, "e1/media/bot/0000000000001234/", &e);
}

static void publish_end(void)
{
	MESSAGE(CallEnded, CALL_ENDED, call_ended);

	e.call_id = CALL;
	body.sip_code = 200;
	body.reason = (char[]){"the caller hung up"};
	post(k.events, "e1/call/bot/0000000000001234/", &e);
}

/* The library has taken everything that was sent to it on the commands socket: the Ack of a later command is through. */
static void settle(void)
{
	int claims = k.claims;
	struct tipring_event ev;

	cr_assert_eq(tipring_claim(k.server, CALL + 1), 0);
	while (k.claims == claims)
		turn();
	ev = expect(TIPRING_EV_CLAIMED);
	cr_assert_eq(ev.call_id, CALL + 1);
}

/* Nothing of the call is told that is published behind its end. */
static void expect_no_more(void)
{
	settle();
	publish_digit(CALL, "3");
	publish_end();
	publish_digit(CALL + 1, "4");
	cr_expect_str_eq(expect(TIPRING_EV_DTMF).text, "4");
}

TestSuite(sdk_client, .init = start, .fini = finish, .timeout = 60);

/* N16 */
Test(sdk_client, an_offer_has_all_the_facts)
{
	Tipring__V1__CallInfo info = TIPRING__V1__CALL_INFO__INIT;
	Tipring__V1__MediaFacts media = TIPRING__V1__MEDIA_FACTS__INIT;
	Tipring__V1__Header room = TIPRING__V1__HEADER__INIT, odd = TIPRING__V1__HEADER__INIT;
	Tipring__V1__Header *rows[] = {&room, &odd};
	const struct tipring_offer *o;
	struct tipring_event ev;
	MESSAGE(Offer, OFFER, offer);

	(void)expect(TIPRING_EV_REGISTERED);
	room = (Tipring__V1__Header){.base = room.base, .name = (char[]){"X-Room-ID"}, .value = (char[]){"room 7"}};
	odd = (Tipring__V1__Header){.base = odd.base, .name = (char[]){"x-CuStom"}, .value = (char[]){"J\xc3\xbcrgen"}};
	info.call_id = CALL;
	info.from_uri = (char[]){"sip:alice@example.org"};
	info.from_display = (char[]){"Alice"};
	info.to_uri = (char[]){"sip:bot@example.org"};
	info.request_uri = (char[]){"sip:bot@192.0.2.1:5060"};
	info.sip_call_id = (char[]){"abc@192.0.2.9"};
	info.room_id = (char[]){"room 7"};
	info.headers = rows;
	info.n_headers = 2;
	media.codec = TIPRING__V1__CODEC__PCMA;
	info.media = &media;
	body.call = &info;
	post(k.commands, k.peer, &e);

	ev = expect(TIPRING_EV_OFFER);
	cr_assert_eq(tipring_claim(k.server, CALL), 0, "the facts stay over commands");
	o = ev.offer;
	cr_assert_not_null(o);
	cr_expect_str_eq(o->from_uri, "sip:alice@example.org");
	cr_expect_str_eq(o->from_display, "Alice");
	cr_expect_str_eq(o->to_uri, "sip:bot@example.org");
	cr_expect_str_eq(o->request_uri, "sip:bot@192.0.2.1:5060");
	cr_expect_str_eq(o->sip_call_id, "abc@192.0.2.9");
	cr_expect_str_eq(o->room_id, "room 7");
	cr_expect_str_eq(o->session_id, "", "not said");
	cr_expect_str_eq(o->codec, "PCMA");
	cr_assert_eq(o->headers_n, 2u);
	cr_expect_str_eq(o->headers[0].name, "X-Room-ID");
	cr_expect_str_eq(o->headers[1].name, "x-CuStom");
	cr_expect_str_eq(o->headers[1].value, "J\xc3\xbcrgen");
	cr_expect_null(expect(TIPRING_EV_CLAIMED).offer);
}

Test(sdk_client, an_offer_that_says_next_to_nothing)
{
	Tipring__V1__CallInfo info = TIPRING__V1__CALL_INFO__INIT;
	Tipring__V1__Header header = TIPRING__V1__HEADER__INIT, *rows[100];
	struct tipring_event ev;
	MESSAGE(Offer, OFFER, offer);

	(void)expect(TIPRING_EV_REGISTERED);
	for (int i = 0; i < 100; i++)
		rows[i] = &header;
	info.call_id = CALL;
	info.headers = rows;
	info.n_headers = 100;
	body.call = &info;
	post(k.commands, k.peer, &e);
	ev = expect(TIPRING_EV_OFFER);
	cr_expect_str_eq(ev.offer->from_uri, "");
	cr_expect_str_eq(ev.offer->codec, "");
	cr_expect_eq(ev.offer->headers_n, 64u, "as many as there is room for");
	cr_expect_str_eq(ev.offer->headers[63].name, "");
}

/* M8: the loss of the lease overtakes what is on its way on the other socket. */
Test(sdk_client, the_last_key_and_mark_are_told_before_the_end)
{
	struct tipring_event ev;

	own_a_call();
	lose_lease(true);
	settle();
	publish_digit(CALL, "1");
	publish_digit(CALL, "2");
	publish_mark();
	publish_end();
	cr_expect_str_eq(expect(TIPRING_EV_DTMF).text, "1");
	cr_expect_str_eq(expect(TIPRING_EV_DTMF).text, "2");
	cr_expect_eq(expect(TIPRING_EV_MARK).pos, 800u);
	ev = expect(TIPRING_EV_ENDED);
	cr_expect_eq(ev.code, 200u);
	cr_expect_str_eq(ev.text, "the caller hung up");
	expect_no_more();
}

/* M8 */
Test(sdk_client, keys_that_are_collected)
{
	const struct tipring_collect how = {.max = 4, .terminators = "#", .first_ms = 5000, .next_ms = 3000};
	struct tipring_event ev;
	uint64_t number;

	own_a_call();
	cr_assert_eq(tipring_collect(k.server, CALL, &how, &number), 0);
	ev = expect(TIPRING_EV_COLLECTED);
	cr_expect_str_eq(k.dialled, "4|#|5000|3000");
	cr_expect(ev.call_id == CALL && ev.ask == number && ev.code == TIPRING_COLLECTED_TERMINATOR);
	cr_expect_str_eq(ev.text, "42");
}

/* The control that told of it died before it noted that down. */
Test(sdk_client, a_key_that_is_told_twice_is_one)
{
	own_a_call();
	publish_key(CALL, "1", 1);
	publish_key(CALL, "1", 1);
	publish_key(CALL, "1", 2);
	publish_key(CALL, "1", 1);
	publish_key(CALL, "3", 3);
	cr_expect_str_eq(expect(TIPRING_EV_DTMF).text, "1");
	cr_expect_str_eq(expect(TIPRING_EV_DTMF).text, "1");
	cr_expect_str_eq(expect(TIPRING_EV_DTMF).text, "3");
}

Test(sdk_client, an_end_that_is_lost_is_not_waited_for_for_ever)
{
	struct tipring_event ev;

	own_a_call();
	lose_lease(true);
	ev = expect(TIPRING_EV_LOST);
	cr_expect_eq(ev.call_id, CALL);
	expect_no_more();
}

static uint64_t dial(void)
{
	const struct tipring_header header = {"X-Room-ID", "7"};
	const struct tipring_dial how = {.uri = "sip:bob@192.0.2.7", .from = "alice", .from_display = "Alice", .to = "sip:b@x", .headers = &header,
					 .headers_n = 1, .ringing_timeout_ms = 9000, .metadata = "campaign", .session_expires_s = 600, .digits = "1w#"};
	uint64_t number = 0;

	(void)expect(TIPRING_EV_REGISTERED);
	cr_assert_eq(tipring_dial(k.server, &how, &number), 0);
	cr_assert_neq(number, 0u);
	return number;
}

Test(sdk_client, a_call_that_is_dialled)
{
	uint64_t number = dial();
	struct tipring_event ev = expect(TIPRING_EV_DIALLING);

	cr_expect(ev.dial == number && ev.call_id == CALL && ev.fence == FENCE);
	cr_expect_str_eq(k.dialled, "sip:bob@192.0.2.7|alice|Alice|sip:b@x|X-Room-ID=7|campaign|bot");
	cr_expect_eq(k.dialled_ms, 9000u);
	publish_ringing(180);
	publish_ringing(183);
	ev = expect(TIPRING_EV_RINGING);
	cr_expect(ev.code == 180 && !ev.early_media);
	ev = expect(TIPRING_EV_RINGING);
	cr_expect(ev.code == 183 && ev.early_media);
	publish_hold(true);
	publish_hold(false);
	ev = expect(TIPRING_EV_HELD);
	cr_expect(ev.call_id == CALL && ev.code == 2);
	ev = expect(TIPRING_EV_RESUMED);
	cr_expect(ev.call_id == CALL && ev.code == 2);
	publish_busy();
	ev = expect(TIPRING_EV_ENDED);
	cr_expect(ev.outcome == TIPRING_BUSY && ev.code == 486);
	cr_expect_str_eq(ev.text, "Busy Here");
	expect_no_more();
}

/* Its events overtake the acknowledgement on the other socket: they wait. */
Test(sdk_client, a_call_is_known_before_anything_is_told_of_it)
{
	k.events_first = true;
	(void)dial();
	cr_expect_eq(expect(TIPRING_EV_DIALLING).call_id, CALL);
	cr_expect_eq(expect(TIPRING_EV_RINGING).code, 180u);
	cr_expect_eq(expect(TIPRING_EV_ENDED).outcome, TIPRING_BUSY);
	expect_no_more();
}

Test(sdk_client, a_call_that_may_not_be_dialled)
{
	struct tipring_event ev;
	uint64_t number;

	k.dial_code = TIPRING__V1__RESULT_CODE__REJECTED;
	number = dial();
	ev = expect(TIPRING_EV_FAILED);
	cr_expect(ev.dial == number && ev.call_id == 0 && ev.code == TIPRING__V1__RESULT_CODE__REJECTED);
	cr_expect_str_eq(ev.text, "outbound.hosts has no row for this host");
	expect_no_more(); /* what is published is taken again */
}

Test(sdk_client, what_can_not_be_dialled_at_all)
{
	struct tipring_header headers[17] = {{"X-A", "b"}};
	char large[5000];
	uint64_t number;

	memset(large, 'x', sizeof large);
	large[sizeof large - 1] = '\0';
	cr_expect_eq(tipring_dial(k.server, &(struct tipring_dial){.uri = NULL}, &number), -EINVAL);
	cr_expect_eq(tipring_dial(k.server, &(struct tipring_dial){.uri = "sip:a@b", .headers = headers, .headers_n = 17}, &number), -EINVAL);
	cr_expect_eq(tipring_dial(k.server, &(struct tipring_dial){.uri = "sip:a@b", .metadata = large}, &number), -EMSGSIZE);
	cr_expect_str_eq(tipring_outcome_name(TIPRING_NO_ANSWER), "no answer");
	cr_expect_str_eq(tipring_outcome_name(99), "error");
}

Test(sdk_client, what_the_far_side_is_asked)
{
	uint64_t first, second;
	struct tipring_event ev;
	char large[5000] = {0};

	own_a_call();
	cr_assert_eq(tipring_send_info(k.server, CALL, &(struct tipring_content){"a/b", "hi", 2}, &first), 0);
	ev = expect(TIPRING_EV_ASKED);
	cr_expect(ev.call_id == CALL && ev.ask == first);
	cr_expect_str_eq(k.dialled, "a/b|hi");
	cr_assert_eq(tipring_send_dtmf(k.server, CALL, &(struct tipring_keys){.digits = "1w#", .method = "info", .duration_ms = 90}, &second), 0);
	ev = expect(TIPRING_EV_FAILED);
	cr_expect(ev.ask == second && ev.sip_code == 415 && ev.code == TIPRING__V1__RESULT_CODE__REJECTED && second != first);
	cr_expect_str_eq(k.dialled, "1w#|info|90");
	publish_info();
	ev = expect(TIPRING_EV_INFO);
	cr_expect_str_eq(ev.text, "application/x");
	cr_expect(ev.body_n == 3 && memcmp(ev.body, "a\0b", 3) == 0);
	cr_expect_eq(tipring_send_message(k.server, CALL, &(struct tipring_content){NULL, large, sizeof large}, &second), -EMSGSIZE);
	publish_end();
	cr_expect_eq(expect(TIPRING_EV_ENDED).code, 200u);
}

Test(sdk_client, a_call_that_goes_on_without_us_is_lost_at_once)
{
	own_a_call();
	lose_lease(false);
	cr_expect_str_eq(expect(TIPRING_EV_LOST).text, "hung up");
	expect_no_more();
}

/* C214 C215 */
Test(sdk_client, C214_changes)
{
	static const char *const codecs[] = {"PCMA", "PCMU"}, *const unknown[] = {"G729"}, *const none[] = {"CODEC_UNSPECIFIED"};
	struct tipring_event ev;

	own_a_call();
	cr_assert_eq(tipring_hold(k.server, CALL), 0);
	ev = expect(TIPRING_EV_CHANGED);
	cr_expect(ev.call_id == CALL);
	cr_expect_str_eq(ev.text, "PCMA");
	cr_assert_eq(tipring_unhold(k.server, CALL), 0);
	(void)expect(TIPRING_EV_CHANGED);
	k.refuses_changes = true;
	cr_assert_eq(tipring_renegotiate(k.server, CALL, codecs, 2), 0);
	ev = expect(TIPRING_EV_FAILED);
	cr_expect_eq(ev.code, 4u);
	cr_expect_str_eq(ev.text, "Not Acceptable Here");
	cr_expect_str_eq(k.changes, "hold unhold 2 1 ");
	cr_expect_eq(tipring_renegotiate(k.server, CALL, unknown, 1), -EINVAL);
	cr_expect_eq(tipring_renegotiate(k.server, CALL, none, 1), -EINVAL);
	cr_expect_eq(tipring_renegotiate(k.server, CALL, codecs, 9), -EINVAL);
}

Test(sdk_client, bridges)
{
	const uint64_t calls[33] = {CALL, CALL + 1};
	struct tipring_event ev;

	own_a_call();
	cr_assert_eq(tipring_bridge(k.server, calls, 2), 0);
	ev = expect(TIPRING_EV_BRIDGE_JOINED);
	cr_expect(ev.call_id == CALL && ev.room == ROOM && ev.members == 2);
	cr_expect_str_eq(k.changes, "2 1 1");
	cr_assert_eq(tipring_join(k.server, ROOM, CALL, true, false), 0);
	(void)expect(TIPRING_EV_BRIDGE_JOINED);
	cr_expect_str_eq(k.changes, "1 1 0", "the room, and listens only");
	cr_assert_eq(tipring_mute(k.server, CALL, true), 0);
	cr_expect_eq(expect(TIPRING_EV_BRIDGE_MUTED).code, 1u);
	cr_assert_eq(tipring_leave(k.server, CALL), 0);
	ev = expect(TIPRING_EV_BRIDGE_LEFT);
	cr_expect(ev.room == ROOM && ev.members == 0);
	cr_expect_str_eq(ev.text, "left");
	cr_expect_eq(expect(TIPRING_EV_BRIDGE_ENDED).room, ROOM);
	cr_expect_eq(tipring_bridge(k.server, calls, 0), -EINVAL);
	cr_expect_eq(tipring_bridge(k.server, calls, 33), -EINVAL);
}

/* How a call sounds, both ways or the one that is known, and that another one sends. */
Test(sdk_client, quality_of_a_call)
{
	Tipring__V1__QualityWay heard = TIPRING__V1__QUALITY_WAY__INIT, said = TIPRING__V1__QUALITY_WAY__INIT;
	Tipring__V1__Quality q = TIPRING__V1__QUALITY__INIT;
	struct tipring_event ev;
	MESSAGE(MediaQuality, MEDIA_QUALITY, media_quality);

	own_a_call();
	heard = (Tipring__V1__QualityWay){heard.base, 250, 3, 2, 1500, 40, 432};
	said = (Tipring__V1__QualityWay){said.base, 256, 0, 0, 900, 30, 441};
	q.heard = &heard;
	q.said = &said;
	q.rtt_us = 20000;
	e.call_id = CALL;
	body.pos = 40000;
	body.quality = &q;
	post(k.events, "e1/media/bot/0000000000001234/", &e);
	ev = expect(TIPRING_EV_QUALITY);
	cr_assert_not_null(ev.quality);
	cr_expect(ev.pos == 40000 && ev.quality->rtt_us == 20000);
	cr_expect(ev.quality->heard.packets == 250 && ev.quality->heard.lost == 3 && ev.quality->heard.late == 2 &&
		  ev.quality->heard.jitter_us == 1500 && ev.quality->heard.delay_ms == 40 && ev.quality->heard.mos_x100 == 432);
	cr_expect(ev.quality->said.packets == 256 && ev.quality->said.mos_x100 == 441);
	q.said = NULL;
	post(k.events, "e1/media/bot/0000000000001234/", &e);
	ev = expect(TIPRING_EV_QUALITY);
	cr_assert_not_null(ev.quality);
	cr_expect(ev.quality->said.packets == 0 && ev.quality->heard.packets == 250);
}

Test(sdk_client, another_one_sends)
{
	MESSAGE(MediaStreamRestarted, MEDIA_STREAM_RESTARTED, media_stream_restarted);

	own_a_call();
	e.call_id = CALL;
	body.pos = 800;
	post(k.events, "e1/media/bot/0000000000001234/", &e);
	cr_expect_eq(expect(TIPRING_EV_RESTARTED).pos, 800u);
}

/* When the caller speaks, and when nobody does. */
Test(sdk_client, speech)
{
	const struct tipring_speech terms = {.end_ms = 700, .silence_ms = 5000};
	struct tipring_event ev;
	MESSAGE(SpeechEnded, SPEECH_ENDED, speech_ended);

	own_a_call();
	e.call_id = CALL;
	body = (Tipring__V1__SpeechEnded){body.base, 16000, 500};
	post(k.events, "e1/media/bot/0000000000001234/", &e);
	ev = expect(TIPRING_EV_SPEECH);
	cr_expect(ev.code == 0 && ev.pos == 16000 && ev.duration_ms == 500 && ev.call_id == CALL);
	cr_expect(tipring_detect_speech(k.server, CALL, &terms) == 0 && tipring_detect_speech(k.server, CALL, NULL) == 0);
}
